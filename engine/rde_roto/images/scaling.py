"""Mattes made smaller, as proxies are."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rde_roto.values.matte import FloatArray


def reduced(planes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """[K, H, W] at a smaller (height, width): each pixel the mean of the area that it covers.

    Planes of that size come back as they are.
    """
    if planes.shape[1:] == size:
        return planes
    height, width = size
    box = Image.Resampling.BOX
    smaller = [np.asarray(Image.fromarray(p).resize((width, height), box)) for p in planes]
    # the mean of ones may come out a rounding above 1
    result: FloatArray = np.stack(smaller).clip(0, 1)
    return result
