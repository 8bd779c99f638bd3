"""A contact sheet of a few frames: plate, matte over plate, matte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from rde_roto.images.pictures.panels import (
    MARGIN_PX,
    badge,
    in_cell,
    painted,
    stacked,
    strip_of,
    tinted,
    tints,
    titled,
)
from rde_roto.images.pictures.picture_files import encoded
from rde_roto.values.matte import FloatArray

_HEADER_PX = 26
_TITLES = ("plate", "matte over plate", "matte")

# one row: the frame number, the plate in the network's view [H, W, 3], the alpha [K, H, W]
SheetRow = tuple[int, FloatArray, FloatArray]


def contact_sheet(rows: Sequence[SheetRow]) -> bytes:
    """Draw a PNG with one row per frame: plate, matte tinted over the darkened plate, matte alone.

    Plates are float32 [H, W, 3] in 0..1 as `Plate.read` gives them, alphas float32 [K, H, W]. The
    matte of a single element is grey, those of several have the colours of their tints.

    Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("a contact sheet needs at least one row")
    sheet = stacked([_draw_row(*row) for row in rows], MARGIN_PX + _HEADER_PX)
    titled(sheet, _TITLES, MARGIN_PX + _HEADER_PX - 9)
    # a higher level saves a few per cent and takes seconds
    return encoded(sheet, compress_level=4)


def _draw_row(frame: int, plate: FloatArray, alpha: FloatArray) -> Image.Image:
    small_plate = np.moveaxis(in_cell(np.moveaxis(plate, 2, 0)), 0, 2)
    small_alpha = in_cell(alpha)
    colours = tints(len(alpha)) if len(alpha) > 1 else np.ones((1, 3))
    matte = painted(small_alpha, colours)
    strip = strip_of((small_plate, tinted(small_plate, small_alpha), matte))
    badge(strip, str(frame))
    return strip
