"""The window of ``rde-roto view``: shows a session (``rde_roto.session``) in Qt."""
