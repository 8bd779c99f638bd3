"""The orientation of a file's rows and columns: the tag of TIFF 6.0, which Exif and PNG share. DPX
has its own field (SMPTE ST 268), which OpenImageIO translates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.matte import Floating
from rde_roto.values.plate import PlateFormat, Window


@dataclass(frozen=True)
class Turn:
    """What makes a stored picture upright: reverse rows, reverse columns, then swap the two."""

    rows: bool = False
    columns: bool = False
    swap: bool = False

    def upright(self, stored: NDArray[Floating]) -> NDArray[Floating]:
        """Turn stored pixels [H, W, …] upright."""
        turned = stored[:: -1 if self.rows else 1, :: -1 if self.columns else 1]
        return np.ascontiguousarray(turned.swapaxes(0, 1) if self.swap else turned)

    def format(self, width: int, height: int, pixel_aspect: float) -> PlateFormat:
        """Return the format of the upright picture; files that can be turned have no windows."""
        if self.swap:
            width, height, pixel_aspect = height, width, 1 / pixel_aspect
        window = Window(0, 0, width, height)
        return PlateFormat(window, window, pixel_aspect)


AS_STORED: Final = Turn()

_TURNS: Final = {
    2: Turn(columns=True),
    3: Turn(rows=True, columns=True),
    4: Turn(rows=True),
    5: Turn(swap=True),
    6: Turn(rows=True, swap=True),
    7: Turn(rows=True, columns=True, swap=True),
    8: Turn(columns=True, swap=True),
}

# what libtiff reverses by itself when it converts colours; it never swaps
_REVERSED_BY_LIBTIFF: Final = {
    2: Turn(columns=True),
    3: Turn(rows=True, columns=True),
    4: Turn(rows=True),
    6: Turn(columns=True),
    7: Turn(rows=True, columns=True),
    8: Turn(rows=True),
}


def turn_of(orientation: int, is_converted: bool = False) -> Turn:
    """Return the turn for an orientation, 1 to 8; anything else counts as 1, upright.

    `is_converted`: libtiff converted colours to RGB (from YCbCr or Lab), and thereby reversed rows
    and columns itself.
    """
    turn = _TURNS.get(orientation, AS_STORED)
    if not is_converted:
        return turn
    done = _REVERSED_BY_LIBTIFF.get(orientation, AS_STORED)
    return replace(turn, rows=turn.rows ^ done.rows, columns=turn.columns ^ done.columns)
