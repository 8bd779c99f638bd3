"""How a plate's own values become the network's view, if the device does that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rde_roto.values.matte import FloatArray

KNEE: Final = 0.8
"""The display value at which the view's shoulder begins."""
MOST_LIGHT: Final = 65504.0
"""The largest half float; brighter light is clamped to it."""


@dataclass(frozen=True, eq=False)
class InputTransform:
    """A curve per channel, then a matrix to scene-linear Rec.709, then the network's view of it.

    Attributes:
        curves: float32 [3, N], the output for red, green and blue at N even steps from ``low`` to
            ``high``; linear in between, clamped outside.
        low, high: the plate's values at the first and the last step.
        matrix: float32 [3, 3], from the curves' output to scene-linear Rec.709, one row each for
            red, green and blue.
    """

    curves: FloatArray
    low: float
    high: float
    matrix: FloatArray
