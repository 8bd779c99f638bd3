"""Where a mask lies on a plate: masks of several sizes brought over the plate's data window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from rde_roto.images.files import read_header
from rde_roto.images.scaling import reduced
from rde_roto.images.windows import placed
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window

_LARGER = 4  # times the plate's pixels: what an EXR's overscan may hold


def check_extent(path: Path, plate: PlateFormat, proxy: int) -> None:
    """Raise InputError for a mask that is far too large for the plate, before decoding it: a small
    file may hold a giant picture.
    """
    own = read_header(path).format.data
    most = _LARGER * proxy**2 * max(plate.data.width, plate.display.width)
    if own.width * own.height > most * max(plate.data.height, plate.display.height):
        raise InputError(
            f"the mask {path} is {own.width}x{own.height}, the plate {plate.display.width}x"
            f"{plate.display.height}{_of_proxy(proxy)}: it was made for another size"
        )


def over_plate(
    path: Path, planes: FloatArray, windows: PlateFormat | None, plate: PlateFormat, proxy: int
) -> FloatArray:
    """Bring the planes [K, H, W] of a mask file over the plate's data window.

    ``windows`` are those of an EXR: its display window lies over the plate's. Any other file must
    be as large as the plate's data window or display window. With a ``proxy`` factor the mask may
    also have the size of the full plate. Raises InputError for another size.
    """
    if windows is not None:
        return _placed(path, planes, windows, (plate, proxy))
    size = planes.shape[1:]
    fits = [one for one in (plate.data, plate.display) if _is_size(size, one.shape, proxy)]
    if not fits or len(set(fits)) > 1:
        shape = f"{size[1]}x{size[0]}"
        wanted = f"data window is {plate.data}, its display window {plate.display}"
        if plate.data == plate.display:
            wanted = f"data window is {plate.data.width}x{plate.data.height}"
        advice = "save it as an EXR, which has windows" if fits else "make it as large"
        raise InputError(
            f"the mask {path} is {shape}, the plate's {wanted}{_of_proxy(proxy)}: {advice}"
        )
    if fits[0] == plate.data:
        return reduced(planes, plate.data.shape)
    over_display = Window(0, 0, size[1], size[0])
    return _placed(path, planes, PlateFormat(over_display, over_display), (plate, proxy))


def _placed(
    path: Path, planes: FloatArray, own: PlateFormat, plate_proxy: tuple[PlateFormat, int]
) -> FloatArray:
    """Place planes over the plate's data window; the display windows of mask and plate coincide."""
    plate, proxy = plate_proxy
    if not _is_size(own.display.shape, plate.display.shape, proxy):
        raise InputError(
            f"the mask {path} has a display window of {own.display}, the plate one of "
            f"{plate.display}{_of_proxy(proxy)}: it was made for another size"
        )
    scale = 1 if own.display.shape == plate.display.shape else proxy
    x, y, width, height = (scale * side for side in astuple(plate.data))
    corner = own.display.x - scale * plate.display.x, own.display.y - scale * plate.display.y
    onto = Window(x + corner[0], y + corner[1], width, height)
    over = np.moveaxis(placed(np.moveaxis(planes, 0, 2), own.data, onto), 2, 0)
    return reduced(over, plate.data.shape)


def _is_size(size: Sequence[int], plate: tuple[int, int], proxy: int) -> bool:
    """Whether a size is the plate's (height, width) or that of its full plate, where a side that is
    not divisible by the proxy factor may have been rounded either way.
    """
    full = all(abs(side - proxy * small) < proxy for side, small in zip(size, plate, strict=True))
    return tuple(size) == plate or full


def _of_proxy(proxy: int) -> str:
    return "" if proxy == 1 else f" or {proxy} times as large"
