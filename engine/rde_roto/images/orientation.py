"""How the rows and columns of a file lie in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window


@dataclass(frozen=True)
class Turn:
    """What makes a stored picture upright: rows, then columns reversed, then the two swapped."""

    rows: bool = False
    columns: bool = False
    swap: bool = False

    def upright(self, stored: FloatArray) -> FloatArray:
        """Pixels [H, W, …] as they are meant to be seen."""
        turned = stored[:: -1 if self.rows else 1, :: -1 if self.columns else 1]
        return np.ascontiguousarray(turned.swapaxes(0, 1) if self.swap else turned)

    def format(self, width: int, height: int, pixel_aspect: float) -> PlateFormat:
        """The format of the upright picture; files that have a turn have no windows."""
        if self.swap:
            width, height, pixel_aspect = height, width, 1 / pixel_aspect
        window = Window(0, 0, width, height)
        return PlateFormat(window, window, pixel_aspect)


AS_STORED: Final = Turn()
