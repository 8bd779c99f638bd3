"""Footage with mattes, from folders and packs, decoded on demand."""
