"""The commands of ``rde-roto``, one module each; those of a group share its first word."""
