"""Windows of pictures: their description, and moving pixels from one to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.matte import Floating
from rde_roto.values.plate import PlateFormat, Window


def placed(pixels: NDArray[Floating], own: Window, onto: Window) -> NDArray[Floating]:
    """Move pixels [H, W, …] from the window `own` to `onto`: crop, and fill with 0.

    If the windows are equal the pixels are returned unchanged.
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
    """Describe a format: `1920x1080`; both windows if they differ; a pixel aspect other than 1."""
    data, display, aspect = format.data, format.display, format.pixel_aspect
    text = f"{data}" if data == display else f"data window {data} of display window {display}"
    return text if aspect == 1 else f"{text}, pixel aspect {aspect:g}"
