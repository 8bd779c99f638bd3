"""Immutable values every floor shares: frame ranges, plates, mattes, shots, presets, digests."""
