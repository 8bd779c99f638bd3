"""Windows of pictures: in words, and pixels of one brought over another."""

from __future__ import annotations

import numpy as np

from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window


def placed(pixels: FloatArray, own: Window, onto: Window) -> FloatArray:
    """Pixels [H, W, …] of the window `own` over `onto`: cut off outside it, 0 where there are none.

    Pixels that lie over that window already come back as they are.
    """
    if own == onto:
        return pixels
    result = np.zeros((*onto.shape, *pixels.shape[2:]), pixels.dtype)
    left, top = own.x - onto.x, own.y - onto.y
    right, bottom = left + own.width, top + own.height
    target = result[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    source = pixels[max(-top, 0) :, max(-left, 0) :]
    target[...] = source[: target.shape[0], : target.shape[1]]
    return result


def windows_in_words(format: PlateFormat) -> str:
    """`1920x1080`; both windows where they differ, and a pixel aspect that is not 1."""
    data, display, aspect = format.data, format.display, format.pixel_aspect
    said = f"{data}" if data == display else f"data window {data} of display window {display}"
    return said if aspect == 1 else f"{said}, pixel aspect {aspect:g}"
