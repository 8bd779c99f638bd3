"""Mattes along spans: what has to be done for a frame, doing it, and one raw matte a frame."""
