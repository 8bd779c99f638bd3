"""Scales mattes down for proxies."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rde_roto.values.matte import FloatArray


def reduced(planes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Scale [K, H, W] down to (height, width): each pixel is the mean of the area that it covers.

    Planes of that size are returned unchanged.
    """
    if planes.shape[1:] == size:
        return planes
    height, width = size
    box = Image.Resampling.BOX
    smaller = [np.asarray(Image.fromarray(p).resize((width, height), box)) for p in planes]
    # rounding may lift the mean of ones above 1
    result: FloatArray = np.stack(smaller).clip(0, 1)
    return result
