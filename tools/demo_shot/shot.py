"""What the parts of the shot agree on."""

from __future__ import annotations

FIRST, LAST = 1001, 1048
WIDTH, HEIGHT, RATE = 640, 360, 24.0

Point = tuple[float, float, float]
