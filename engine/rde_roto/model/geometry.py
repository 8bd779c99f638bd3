"""The geometry of a plate on its way to the network, and of mattes on their way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.net.config import NetConfig
from rde_roto.net.network import STRIDE
from rde_roto.values.plate import Window

_SMALLEST = 2 * STRIDE
"""Pixels: SAM pools over two by two cells, so there must be at least two each way."""


@dataclass(frozen=True)
class Geometry:
    """The sizes on the way from a plate to the network and back, in pixels.

    The part of the plate in ``box``, or the whole plate without one, is scaled to ``working``
    (height, width) with square pixels, normalised, and padded with zeros (the mean colour) to
    multiples of 16, at least 32. An odd padding pixel goes to the right or bottom. The corner of
    ``box`` counts from that of the plate.
    """

    plate: tuple[int, int]
    working: tuple[int, int]
    box: Window | None = None

    @classmethod
    def of(cls, plate: tuple[int, int], lines: int, pixel_aspect: float = 1.0) -> Geometry:
        """Return the geometry of a plate (height, width): ``lines`` high, but never higher than the
        plate.

        The width is that of the un-squeezed picture; ``pixel_aspect`` is a pixel's width / height.
        """
        height, width = plate
        scale = min(1.0, lines / height)
        return cls(plate, (round(height * scale), max(1, round(width * pixel_aspect * scale))))

    def within(self, box: Window | None) -> Geometry:
        """Return the same working size for another part of the plate."""
        return replace(self, box=box)

    @property
    def window(self) -> Window:
        """The part of the plate that the network sees."""
        height, width = self.plate
        return self.box or Window(0, 0, width, height)

    @property
    def part(self) -> tuple[slice, slice]:
        """The rows and columns of the plate that the network sees."""
        box = self.window
        return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(left, right, top, bottom)."""
        bottom, right = (max(_SMALLEST, size + -size % STRIDE) - size for size in self.working)
        return right // 2, right - right // 2, bottom // 2, bottom - bottom // 2

    def to_network(self, planes: Tensor) -> Tensor:
        """[N, C, plate height, plate width] -> [N, C, H, W], scaled and zero-padded."""
        rows, columns = self.part
        return F.pad(resized(planes[..., rows, columns], self.working), self.padding)

    def to_plate(self, planes: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, plate height, plate width]; 0 outside the box."""
        box, (height, width) = self.window, self.plate
        seen = resized(self.unpadded(planes), box.shape)
        right, bottom = width - box.x - box.width, height - box.y - box.height
        return F.pad(seen, (box.x, right, box.y, bottom)) if self.box else seen

    def cell_centres(self) -> Tensor:
        """Where the network's cells lie, row by row: [h * w, 2] float32, (y, x) in rows of the
        plate, whose pixels are un-squeezed for that.
        """
        left, right, top, bottom = self.padding
        (height, width), box = self.working, self.window
        rows = (torch.arange((height + top + bottom) // STRIDE) + 0.5) * STRIDE - top
        columns = (torch.arange((width + left + right) // STRIDE) + 0.5) * STRIDE - left
        aspect = (width / self.plate[1]) / (height / self.plate[0])
        x = (box.x + columns * (box.width / width)) * aspect
        return torch.cartesian_prod(box.y + rows * (box.height / height), x)

    def unpadded(self, planes: Tensor) -> Tensor:
        """[..., H, W] -> [..., working height, working width]."""
        left, right, top, bottom = self.padding
        height, width = planes.shape[-2:]
        return planes[..., top : height - bottom, left : width - right]


def network_image(views: Tensor, geometry: Geometry, config: NetConfig) -> Tensor:
    """Return the network's input [F, 3, H, W], channels last, of views [F, h, w, 3], 0..1, of the
    part of the plate that a geometry shows.
    """
    mean, std = (views.new_tensor(each).view(3, 1, 1) for each in (config.mean, config.std))
    normalised = (resized(views.permute(0, 3, 1, 2), geometry.working) - mean) / std
    return F.pad(normalised, geometry.padding).contiguous(memory_format=torch.channels_last)


def resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale [N, C, H, W] to (height, width); unchanged if it has that size."""
    if tuple(planes.shape[-2:]) == size:
        return planes
    return F.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)
