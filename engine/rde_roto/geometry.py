"""How a plate reaches the network and how its mattes come back."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from rde_roto.net.network import STRIDE

_SMALLEST = 2 * STRIDE
"""Pixels: SAM pools over two by two cells, so there must be two each way."""


@dataclass(frozen=True)
class Geometry:
    """The sizes on the way from a plate to the network and back. Pixels.

    The plate is scaled to ``working`` (height, width), normalised, and padded with zeros, the mean
    colour, to multiples of 16, at least 32: the odd pixel goes to the right and to the bottom.
    """

    plate: tuple[int, int]
    working: tuple[int, int]

    @classmethod
    def of(cls, plate: tuple[int, int], lines: int) -> Geometry:
        """Working size of a plate (height, width): ``lines`` high, never larger than the plate."""
        height, width = plate
        scale = min(1.0, lines / height)
        return cls(plate, (round(height * scale), max(1, round(width * scale))))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(left, right, top, bottom)."""
        bottom, right = (max(_SMALLEST, size + -size % STRIDE) - size for size in self.working)
        return right // 2, right - right // 2, bottom // 2, bottom - bottom // 2

    def to_network(self, planes: Tensor) -> Tensor:
        """[N, C, plate height, plate width] -> [N, C, H, W], scaled and zero-padded."""
        return F.pad(resized(planes, self.working), self.padding)

    def to_plate(self, planes: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, plate height, plate width]."""
        left, right, top, bottom = self.padding
        height, width = planes.shape[-2:]
        return resized(planes[..., top : height - bottom, left : width - right], self.plate)


def resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """[N, C, H, W] scaled to (height, width); untouched when it has that size."""
    if tuple(planes.shape[-2:]) == size:
        return planes
    return F.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)
