"""A painted plane as an immutable value that is cheap to change and to remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_SIDE = 64
"""Of a tile, in pixels: a stroke copies those that it touches, and a plane is a few hundred."""


@dataclass(frozen=True, eq=False)
class Plane:
    """Alpha [H, W], 0..1, in tiles by row and column; one that is not there is 0 everywhere.

    A changed plane shares all other tiles with the one before, so a thousand undo steps cost what
    was painted, not a thousand planes.
    """

    shape: tuple[int, int]
    tiles: Mapping[tuple[int, int], FloatArray] = field(default_factory=dict)

    @classmethod
    def of(cls, alpha: FloatArray) -> Plane:
        """The plane with these pixels, float32 [H, W]."""
        height, width = alpha.shape
        return cls((height, width)).painted(Window(0, 0, width, height), alpha)

    @property
    def is_empty(self) -> bool:
        """Whether all of it is 0."""
        return not self.tiles

    @property
    def pixels(self) -> FloatArray:
        """All of it, float32 [H, W], the caller's own."""
        whole = np.zeros(self.shape, np.float32)
        for (row, column), tile in self.tiles.items():
            top, left = row * _SIDE, column * _SIDE
            whole[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        return whole

    def painted(self, box: Window, pixels: FloatArray) -> Plane:
        """The plane with other pixels, float32 [h, w], in a box that lies within it."""
        tiles = dict(self.tiles)
        for row, column in _touched(box):
            tile = self._tile(row, column).copy()
            top, left = row * _SIDE, column * _SIDE
            bottom = min(top + tile.shape[0], box.y + box.height)
            right = min(left + tile.shape[1], box.x + box.width)
            y, x = max(top, box.y), max(left, box.x)
            new = pixels[y - box.y : bottom - box.y, x - box.x : right - box.x]
            tile[y - top : bottom - top, x - left : right - left] = new
            tile.flags.writeable = False
            if tile.any():
                tiles[row, column] = tile
            else:
                tiles.pop((row, column), None)
        return Plane(self.shape, tiles)

    def _tile(self, row: int, column: int) -> FloatArray:
        found = self.tiles.get((row, column))
        if found is not None:
            return found
        height, width = self.shape
        size = min(_SIDE, height - row * _SIDE), min(_SIDE, width - column * _SIDE)
        return np.zeros(size, np.float32)


def _touched(box: Window) -> Iterator[tuple[int, int]]:
    for row in range(box.y // _SIDE, -(-(box.y + box.height) // _SIDE)):
        for column in range(box.x // _SIDE, -(-(box.x + box.width) // _SIDE)):
            yield row, column
