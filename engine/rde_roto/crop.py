"""The tracked crop: the network looks at a padded box around the elements, not at the whole plate.

A subject that fills a fifth of a plate is then seen at the network's full resolution. The box is a
function of what was read at a memory frame, so it belongs to the state; it stays until the next
one. An element that is not seen is looked for everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rde_roto.geometry import Geometry
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_MARGIN = 0.3
"""Around the elements, each way, as a share of the larger side of what they fill."""

_STEPS_AN_OCTAVE = 4
"""Boxes have one of a few sizes, so that a subject that breathes is not seen at ever new scales."""

_SEEN = 0.5


def follow(planes: Tensor, geometry: Geometry) -> Window | None:
    """The box to look at from now on; None for the whole plate.

    Args: planes, [K, H, W] of the elements, at the padded working size of ``geometry``, 0..1.

    The present box is kept while half of the margin is left on every side and it is not more than
    one size too large. No box is lower than the working size: nothing is enlarged.
    """
    seen = geometry.unpadded(planes) >= _SEEN
    if not bool(seen.flatten(1).any(dim=1).all()):
        return None
    filled = _filled(seen.any(dim=0), geometry)
    sizes = _sizes(geometry)
    wanted = _least(sizes, filled, _MARGIN)
    now = geometry.window
    if (
        geometry.box
        and _keeps(now, filled, geometry)
        and now.height <= sizes[max(0, wanted - 1)][0]
    ):
        return geometry.box
    return _placed(sizes[wanted], filled, geometry) if wanted else None


def misses(planes: FloatArray, geometry: Geometry) -> bool:
    """Whether more is to be seen outside the box: an element [K, H, W] is not in it, or reaches one
    of its sides where the plate goes on.
    """
    if geometry.box is None:
        return False
    seen = geometry.unpadded(torch.from_numpy(planes)) >= _SEEN
    if not bool(seen.flatten(1).any(dim=1).all()):
        return True
    box, (height, width) = geometry.window, geometry.plate
    sides = (
        (seen[..., :, 0], box.x > 0),
        (seen[..., :, -1], box.x + box.width < width),
        (seen[..., 0, :], box.y > 0),
        (seen[..., -1, :], box.y + box.height < height),
    )
    return any(goes_on and bool(side.any()) for side, goes_on in sides)


_Filled = tuple[float, float, float, float]
"""Left, top, right, bottom of what is filled, pixels of the plate."""


def _filled(seen: Tensor, geometry: Geometry) -> _Filled:
    box, (height, width) = geometry.window, geometry.working
    down, across = box.height / height, box.width / width
    rows = torch.nonzero(seen.any(dim=1)).flatten()
    columns = torch.nonzero(seen.any(dim=0)).flatten()
    return (
        box.x + int(columns[0]) * across,
        box.y + int(rows[0]) * down,
        box.x + (int(columns[-1]) + 1) * across,
        box.y + (int(rows[-1]) + 1) * down,
    )


def _sizes(geometry: Geometry) -> list[tuple[int, int]]:
    """(height, width) of the boxes there are, the whole plate first."""
    (height, width), sizes = geometry.plate, [geometry.plate]
    while True:
        scale = 2 ** (-len(sizes) / _STEPS_AN_OCTAVE)
        size = round(height * scale), max(1, round(width * scale))
        if size[0] < geometry.working[0]:
            return sizes
        sizes.append(size)


def _least(sizes: list[tuple[int, int]], filled: _Filled, margin: float) -> int:
    """The place of the smallest size that holds what is filled with its margin."""
    left, top, right, bottom = filled
    room = 2 * margin * max(right - left, bottom - top)
    fit = [
        place
        for place, (height, width) in enumerate(sizes)
        if height >= bottom - top + room and width >= right - left + room
    ]
    return max(fit, default=0)


def _keeps(box: Window, filled: _Filled, geometry: Geometry) -> bool:
    left, top, right, bottom = filled
    room = _MARGIN / 2 * max(right - left, bottom - top)
    height, width = geometry.plate
    return (
        left - room >= box.x or box.x == 0,
        top - room >= box.y or box.y == 0,
        right + room <= box.x + box.width or box.x + box.width == width,
        bottom + room <= box.y + box.height or box.y + box.height == height,
    ) == (True,) * 4


def _placed(size: tuple[int, int], filled: _Filled, geometry: Geometry) -> Window:
    """A box of this size about the middle of what is filled, within the plate."""
    left, top, right, bottom = filled
    (height, width), (plate_height, plate_width) = size, geometry.plate
    x = min(max(0, round((left + right - width) / 2)), plate_width - width)
    y = min(max(0, round((top + bottom - height) / 2)), plate_height - height)
    return Window(x, y, width, height)
