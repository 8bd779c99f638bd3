"""How a plate's own values become what the network sees, where that is left to the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rde_roto.values.matte import FloatArray

KNEE: Final = 0.8
"""Display value where the view's shoulder begins."""
MOST_LIGHT: Final = 65504.0
"""The largest half float: no light is brighter to the network."""


@dataclass(frozen=True, eq=False)
class InputTransform:
    """A curve for each channel, a matrix, and the network's view of the light that comes of them.

    Attributes:
        curves: float32 [3, N], what red, green and blue become at N even steps from ``low`` to
            ``high``; a straight line between two, the nearest beyond.
        low, high: the plate's values at the first step and the last.
        matrix: float32 [3, 3], from there to scene-linear Rec.709, a row for each of red, green
            and blue.
    """

    curves: FloatArray
    low: float
    high: float
    matrix: FloatArray
