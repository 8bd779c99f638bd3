"""Smart select: what a click selects on a frame."""
