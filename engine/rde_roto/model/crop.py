"""The tracked crop: the network looks at a padded box around the elements, not at the whole plate.

A subject that fills a fifth of a plate is then seen at the network's full resolution. The box is a
function of what was read at a memory frame, so it belongs to the state; it stays until the next
one. An element that is not seen is looked for everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rde_roto.model.geometry import Geometry
from rde_roto.values.plate import Window

_MARGIN = 0.3
"""Around the elements, each way, as a share of the larger side of what they fill."""

_STEPS_AN_OCTAVE = 4
"""Boxes have one of a few sizes, so that a subject that breathes is not seen at ever new scales."""

_SEEN = 0.5


def follow(planes: Tensor, geometry: Geometry) -> Window | None:
    """The box to look at from now on; None for the whole plate.

    Args: planes, [K, H, W] of the elements, at the padded working size of ``geometry``, 0..1; on
        the CPU, since every number that is asked of them is waited for.

    The present box is kept while half of the margin is left on every side and it is not more than
    one size too large. No box is lower than the working size: nothing is enlarged.
    """
    seen = _seen(planes, geometry)
    if seen is None:
        return None
    filled, sizes = _Filled.of(seen.any(dim=0), geometry), _sizes(geometry)
    wanted = _smallest(sizes, filled)
    is_small_enough = geometry.window.height <= sizes[max(0, wanted - 1)][0]
    if geometry.box and is_small_enough and filled.is_well_inside(geometry):
        return geometry.box
    return filled.amidst(sizes[wanted], geometry) if wanted else None


def misses(planes: Tensor, geometry: Geometry) -> bool:
    """Whether more is to be seen outside the box: an element is not in it, or reaches one of its
    sides where the plate goes on. Args as of ``follow``.
    """
    if geometry.box is None:
        return False
    seen = _seen(planes, geometry)
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


def _seen(planes: Tensor, geometry: Geometry) -> Tensor | None:
    """Bool [K, h, w] at the working size, where each element is; None when one is nowhere."""
    seen = geometry.unpadded(planes) >= _SEEN
    return seen if bool(seen.flatten(1).any(dim=1).all()) else None


def _sizes(geometry: Geometry) -> list[tuple[int, int]]:
    """(height, width) of the boxes there are, the whole plate first."""
    (height, width), sizes = geometry.plate, [geometry.plate]
    while True:
        scale = 2 ** (-len(sizes) / _STEPS_AN_OCTAVE)
        size = round(height * scale), max(1, round(width * scale))
        if size[0] < geometry.working[0]:
            return sizes
        sizes.append(size)


@dataclass(frozen=True)
class _Filled:
    """What the elements fill, in pixels of the plate."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, seen: Tensor, geometry: Geometry) -> _Filled:
        box, (height, width) = geometry.window, geometry.working
        down, across = box.height / height, box.width / width
        rows = torch.nonzero(seen.any(dim=1)).flatten()
        columns = torch.nonzero(seen.any(dim=0)).flatten()
        return cls(
            left=box.x + int(columns[0]) * across,
            top=box.y + int(rows[0]) * down,
            right=box.x + (int(columns[-1]) + 1) * across,
            bottom=box.y + (int(rows[-1]) + 1) * down,
        )

    @property
    def margin(self) -> float:
        """What a new box leaves around it."""
        return _MARGIN * max(self.right - self.left, self.bottom - self.top)

    def is_well_inside(self, geometry: Geometry) -> bool:
        """Whether half of the margin is left in the box, but for where the plate ends."""
        box, room, (height, width) = geometry.window, self.margin / 2, geometry.plate
        return (
            (self.left - room >= box.x or box.x == 0)
            and (self.top - room >= box.y or box.y == 0)
            and (self.right + room <= box.x + box.width or box.x + box.width == width)
            and (self.bottom + room <= box.y + box.height or box.y + box.height == height)
        )

    def amidst(self, size: tuple[int, int], geometry: Geometry) -> Window:
        """A box of this size about its middle, within the plate."""
        (height, width), (plate_height, plate_width) = size, geometry.plate
        x = min(max(0, round((self.left + self.right - width) / 2)), plate_width - width)
        y = min(max(0, round((self.top + self.bottom - height) / 2)), plate_height - height)
        return Window(x, y, width, height)


def _smallest(sizes: list[tuple[int, int]], filled: _Filled) -> int:
    """The place of the smallest size that holds it all with its margin; 0 where none does."""
    down = filled.bottom - filled.top + 2 * filled.margin
    across = filled.right - filled.left + 2 * filled.margin
    fit = [place for place, size in enumerate(sizes) if size[0] >= down and size[1] >= across]
    return max(fit, default=0)
