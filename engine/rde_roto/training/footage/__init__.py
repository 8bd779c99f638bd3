"""Footage with mattes: found in folders and packs, decoded when it is asked for."""
