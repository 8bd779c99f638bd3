"""Programs that are run by hand, each with `python -m tools.NAME`."""
