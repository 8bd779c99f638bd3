"""Immutable values that all floors share: frame ranges, plates, mattes, shots, presets, digests."""
