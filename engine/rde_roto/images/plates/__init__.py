"""Plates: image sequences, movies, and frames that a host pushes."""
