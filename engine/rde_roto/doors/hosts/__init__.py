"""What hosts work on: their shots, the frames that they push, and the errors that they get.

The engine process and its lessons, which run in processes of their own, both use it.
"""
