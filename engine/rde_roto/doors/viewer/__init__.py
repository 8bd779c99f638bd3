"""The window of ``rde-roto view``: what is seen of a session (``rde_roto.session``), in Qt."""
