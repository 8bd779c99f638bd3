"""A painted plane as an immutable value that is cheap to change and to remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from rde_roto.session.painting import Line, shared, within
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_SIDE = 64
"""Of a tile, in pixels: a stroke copies those that it touches, and a plane is a few hundred."""

_Slices: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Plane:
    """Alpha [H, W], 0..1, in tiles by row and column; one that is not there is 0 everywhere.

    A changed plane shares all other tiles with the one before, so a thousand undo steps cost what
    was painted, not a thousand planes. `outlines` are the lines that were drawn on it and can still
    be moved, in the order that they were drawn in (`session.outlines`).
    """

    shape: tuple[int, int]
    tiles: Mapping[tuple[int, int], FloatArray] = field(default_factory=dict)
    outlines: tuple[Outline, ...] = ()

    @classmethod
    def of(cls, alpha: FloatArray) -> Plane:
        """The plane with these pixels, float32 [H, W]."""
        plane = cls((alpha.shape[0], alpha.shape[1]))
        return plane.painted(plane.box, alpha)

    @property
    def box(self) -> Window:
        """All of it."""
        return Window(0, 0, self.shape[1], self.shape[0])

    @property
    def is_empty(self) -> bool:
        """Whether all of it is 0."""
        return not self.tiles

    @property
    def pixels(self) -> FloatArray:
        """All of it, float32 [H, W], the caller's own."""
        return self.part(self.box)

    def part(self, box: Window) -> FloatArray:
        """The pixels of a box that lies within it, float32 [h, w], the caller's own."""
        pixels = np.zeros((box.height, box.width), np.float32)
        for row, column in _touched(box):
            tile = self.tiles.get((row, column))
            if tile is not None:
                here, there = _overlap(_box_of(row, column, tile), box)
                pixels[there] = tile[here]
        return pixels

    def painted(self, box: Window, pixels: FloatArray) -> Plane:
        """The plane with other pixels, float32 [h, w], in a box that lies within it."""
        tiles = dict(self.tiles)
        for row, column in _touched(box):
            tile = self._tile(row, column).copy()
            here, there = _overlap(_box_of(row, column, tile), box)
            tile[here] = pixels[there]
            tile.flags.writeable = False
            if tile.any():
                tiles[row, column] = tile
            else:
                tiles.pop((row, column), None)
        return replace(self, tiles=tiles)

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


def _box_of(row: int, column: int, tile: FloatArray) -> Window:
    return Window(column * _SIDE, row * _SIDE, tile.shape[1], tile.shape[0])


def _overlap(tile: Window, box: Window) -> tuple[_Slices, _Slices]:
    """Where a tile and a box that meet do so: in the tile, and in the box."""
    both = shared(tile, box)
    assert both is not None
    return within(both, tile), within(both, box)


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed line, and the plane that it was drawn on."""

    line: Line
    before: Plane
