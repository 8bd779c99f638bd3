"""Pixels for the screen: plate frames in the network's view, and mattes, as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rde_roto.model.network_view import Picture
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.input_transform import KNEE
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

_CODES = 1 << 16
_STRIP_ROWS = 16
"""Rows per pass: their intermediate results stay in the CPU's cache. Those of a whole 4K plate take
long to fill and to free, the latter with Python's lock held."""


@dataclass(frozen=True)
class ViewExposure:
    """How bright a plate is shown. Mattes do not depend on it. Exposure is in stops."""

    exposure: float = 0.0
    gamma: float = 1.0


def plate_pixels(plate: Plate, frame: int, exposure: ViewExposure) -> Bytes:
    """Return a frame for the screen, [H, W, 4]: blue, green, red, 255. Raises as ``plate.read``
    does.
    """
    view = Picture.of(plate, frame).to_network_view().numpy()
    table = _table(exposure)
    picture = np.empty((*view.shape[:2], 4), np.uint8)
    picture[..., 3] = 255
    for top in range(0, len(view), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        codes = (view[rows] * np.float32(_CODES - 1) + np.float32(0.5)).astype(np.uint16)
        for place in range(3):
            np.take(table, codes[..., 2 - place], out=picture[rows, :, place])
    return picture


def matte_pixels(alpha: FloatArray) -> Bytes:
    """Convert alpha [H, W] in 0..1 to 0..255, for the screen only."""
    scaled = alpha * np.float32(255)
    scaled += np.float32(0.5)
    codes: Bytes = scaled.astype(np.uint8)
    return codes


@lru_cache(maxsize=4)
def _table(exposure: ViewExposure) -> Bytes:
    """Return what each of 65536 codes of the network's view is shown as.

    The view's shoulder is undone, the light multiplied, and the shoulder applied again. So
    highlights come back when the exposure goes down.
    """
    view = np.linspace(0, 1, _CODES, dtype=np.float32)
    lit = _to_view(_to_light(view) * 2.0**exposure.exposure) if exposure.exposure else view
    table: Bytes = np.rint(lit ** (1 / exposure.gamma) * 255).astype(np.uint8)
    return table


def _to_light(view: FloatArray) -> FloatArray:
    """Undo, as far as possible, what `model.network_view` and `images.color` do to linear light."""
    share = ((view - KNEE) / (1 - KNEE)).clip(0, 1 - 1e-6)
    display = np.where(view <= KNEE, view, KNEE + (1 - KNEE) * share / (1 - share))
    linear: FloatArray = np.where(
        display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4
    )
    return linear


def _to_view(linear: FloatArray) -> FloatArray:
    display = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clip(min=0) ** (1 / 2.4) - 0.055
    )
    excess = (display - KNEE).clip(min=0) / (1 - KNEE)
    view: FloatArray = np.where(display <= KNEE, display, KNEE + (1 - KNEE) * excess / (1 + excess))
    return view
