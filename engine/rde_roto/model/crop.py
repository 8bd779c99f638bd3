"""The tracked crop: the network sees a padded box around the elements, not the whole plate.

A subject that fills a fifth of a plate then gets the network's full resolution. The box is computed
from the matte of a memory frame, so it belongs to the state, and it stays until the next memory
frame. While an element is out of sight, the whole plate is searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rde_roto.model.geometry import Geometry
from rde_roto.values.plate import Window

_MARGIN = 0.3
"""The margin on each side of the elements, as a share of the longer side of their bounds."""

_STEPS_AN_OCTAVE = 4
"""Boxes come in a few sizes, so that small changes of a subject's size do not change the scale."""

_SEEN = 0.5


def next_box(planes: Tensor, geometry: Geometry) -> Window | None:
    """Choose the box for the next frames; None for the whole plate.

    Args: planes, the elements' mattes [K, H, W] at the padded working size of ``geometry``, 0..1;
        on the CPU, since reading single numbers would wait for a device each time.

    The current box stays while half of the margin is left on every side and the box is at most one
    size too large. No box is lower than the working size, so nothing is enlarged.
    """
    seen = _where_seen(planes, geometry)
    if seen is None:
        return None
    bounds, sizes = _Bounds.of(seen.any(dim=0), geometry), _sizes(geometry)
    wanted = _smallest(sizes, bounds)
    is_small_enough = geometry.window.height <= sizes[max(0, wanted - 1)][0]
    if geometry.box and is_small_enough and bounds.is_well_inside(geometry):
        return geometry.box
    return bounds.centred_box(sizes[wanted], geometry) if wanted else None


def is_cut_off(planes: Tensor, geometry: Geometry) -> bool:
    """Return whether the box cuts something off: an element is not in it, or touches a side of the
    box where the plate continues. Args as for ``next_box``.
    """
    if geometry.box is None:
        return False
    seen = _where_seen(planes, geometry)
    if seen is None:
        return True
    box, (height, width) = geometry.box, geometry.plate
    sides = (
        (seen[..., :, 0], box.x > 0),
        (seen[..., :, -1], box.x + box.width < width),
        (seen[..., 0, :], box.y > 0),
        (seen[..., -1, :], box.y + box.height < height),
    )
    return any(goes_on and bool(side.any()) for side, goes_on in sides)


def _where_seen(planes: Tensor, geometry: Geometry) -> Tensor | None:
    """Bool [K, h, w] at the working size: where each element is; None if one is nowhere."""
    seen = geometry.unpadded(planes) >= _SEEN
    return seen if bool(seen.flatten(1).any(dim=1).all()) else None


def _sizes(geometry: Geometry) -> list[tuple[int, int]]:
    """(height, width) of all box sizes, the whole plate first."""
    (height, width), sizes = geometry.plate, [geometry.plate]
    while True:
        scale = 2 ** (-len(sizes) / _STEPS_AN_OCTAVE)
        size = round(height * scale), max(1, round(width * scale))
        if size[0] < geometry.working[0]:
            return sizes
        sizes.append(size)


@dataclass(frozen=True)
class _Bounds:
    """The bounds of all elements, in pixels of the plate."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, seen: Tensor, geometry: Geometry) -> _Bounds:
        box, (height, width) = geometry.window, geometry.working
        vertical, horizontal = box.height / height, box.width / width
        rows = torch.nonzero(seen.any(dim=1)).flatten()
        columns = torch.nonzero(seen.any(dim=0)).flatten()
        return cls(
            left=box.x + int(columns[0]) * horizontal,
            top=box.y + int(rows[0]) * vertical,
            right=box.x + (int(columns[-1]) + 1) * horizontal,
            bottom=box.y + (int(rows[-1]) + 1) * vertical,
        )

    @property
    def margin(self) -> float:
        """The margin that a new box leaves around the bounds."""
        return _MARGIN * max(self.right - self.left, self.bottom - self.top)

    def is_well_inside(self, geometry: Geometry) -> bool:
        """Whether half of the margin is left inside the box, except where the plate ends."""
        box, gap, (height, width) = geometry.window, self.margin / 2, geometry.plate
        return (
            (self.left - gap >= box.x or box.x == 0)
            and (self.top - gap >= box.y or box.y == 0)
            and (self.right + gap <= box.x + box.width or box.x + box.width == width)
            and (self.bottom + gap <= box.y + box.height or box.y + box.height == height)
        )

    def centred_box(self, size: tuple[int, int], geometry: Geometry) -> Window:
        """A box of this size centred on the bounds, but within the plate."""
        (height, width), (plate_height, plate_width) = size, geometry.plate
        x = min(max(0, round((self.left + self.right - width) / 2)), plate_width - width)
        y = min(max(0, round((self.top + self.bottom - height) / 2)), plate_height - height)
        return Window(x, y, width, height)


def _smallest(sizes: list[tuple[int, int]], bounds: _Bounds) -> int:
    """The index of the smallest size that holds the bounds with their margin; 0 if none does."""
    vertical = bounds.bottom - bounds.top + 2 * bounds.margin
    horizontal = bounds.right - bounds.left + 2 * bounds.margin
    fit = [
        place for place, size in enumerate(sizes) if size[0] >= vertical and size[1] >= horizontal
    ]
    return max(fit, default=0)
