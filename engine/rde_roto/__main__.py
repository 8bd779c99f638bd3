"""``python -m rde_roto COMMAND``: the command line where its script is not on the path."""

from rde_roto.doors.cli import main

main()
