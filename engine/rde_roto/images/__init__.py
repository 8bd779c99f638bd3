"""Pixels on disk: plates in, masks in, mattes out. Never torch."""
