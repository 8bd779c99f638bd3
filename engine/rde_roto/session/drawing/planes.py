"""A painted plane as an immutable value that is cheap to change and to keep for undo."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import box_of_points, grown, shared, within
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import beside
from rde_roto.values.plate import Window

_SIDE = 64
"""Side of a tile in pixels. A stroke copies those that it touches, of a few hundred."""

Place: TypeAlias = tuple[int, int]
"""Row and column of a tile."""

_Slices: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Plane:
    """Alpha [H, W], 0..1, in tiles by row and column. A missing tile is 0 everywhere.

    A changed plane shares all other tiles with the one before. So a thousand undo steps cost what
    was painted, not a thousand planes. `outlines` are the lines drawn on it that can still be
    edited, in the order in which they were drawn (`session.outlines`). `marks` are the strokes
    that have refined its edge, in order; they can be repeated on other frames.
    """

    shape: tuple[int, int]
    tiles: Mapping[Place, FloatArray] = field(default_factory=dict)
    outlines: tuple[Outline, ...] = ()
    marks: tuple[EdgeMark, ...] = ()

    @classmethod
    def of(cls, alpha: FloatArray) -> Plane:
        """Return the plane with these pixels, float32 [H, W]."""
        shape = alpha.shape[0], alpha.shape[1]
        tiles = {}
        # most tiles are empty, of 2,304 at 4K: they are found at once, and not copied
        lines = np.stack(
            [alpha[top : top + _SIDE].max(axis=0) for top in range(0, shape[0], _SIDE)]
        )
        largest = np.maximum.reduceat(lines, range(0, shape[1], _SIDE), axis=1)
        for row, column in np.argwhere(largest > 0).tolist():
            tile = alpha[within(box_around([(row, column)], shape))].copy()
            tile.flags.writeable = False
            tiles[row, column] = tile
        return cls(shape, tiles)

    @property
    def box(self) -> Window:
        """The whole plane as a box."""
        return Window(0, 0, self.shape[1], self.shape[0])

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of its `outlines`, in their order."""
        return tuple(outline.line for outline in self.outlines)

    @property
    def is_empty(self) -> bool:
        """Whether the plane is 0 everywhere."""
        return not self.tiles

    @property
    def pixels(self) -> FloatArray:
        """All pixels, float32 [H, W], owned by the caller."""
        return self.part(self.box)

    def part(self, box: Window) -> FloatArray:
        """Return the pixels of a box inside the plane, float32 [h, w], owned by the caller."""
        pixels = np.zeros((box.height, box.width), np.float32)
        for row, column in touched(box):
            tile = self.tiles.get((row, column))
            if tile is not None:
                here, there = _overlap(_box_of(row, column, tile), box)
                pixels[there] = tile[here]
        return pixels

    def painted(self, box: Window, pixels: FloatArray) -> Plane:
        """Return the plane with other pixels, float32 [h, w], in a box inside it."""
        tiles = dict(self.tiles)
        for row, column in touched(box):
            tile = self._tile(row, column).copy()
            here, there = _overlap(_box_of(row, column, tile), box)
            tile[here] = pixels[there]
            tile.flags.writeable = False
            if tile.any():
                tiles[row, column] = tile
            else:
                tiles.pop((row, column), None)
        return replace(self, tiles=tiles)

    def changed_since(self, before: Plane) -> frozenset[Place]:
        """Return the places of the tiles that are not those of a plane that this one was made
        from.
        """
        places = self.tiles.keys() | before.tiles.keys()
        return frozenset(p for p in places if self.tiles.get(p) is not before.tiles.get(p))

    def beside(self, front: Plane, places: Collection[Place]) -> Plane:
        """Return the plane limited to what another one leaves free of each pixel, in some tiles;
        the same plane if that takes nothing away.
        """
        tiles = dict(self.tiles)
        for place in places:
            own, over = tiles.get(place), front.tiles.get(place)
            if own is not None and over is not None:
                left = beside(own, over[None])
                if not np.array_equal(left, own):
                    left.flags.writeable = False
                    tiles[place] = left
        if all(tile is self.tiles[place] for place, tile in tiles.items()):
            return self
        return replace(self, tiles={place: tile for place, tile in tiles.items() if tile.any()})

    def grown(self, by_px: int) -> Plane:
        """Return the plane with its edge moved outwards by whole pixels, inwards if negative;
        without the lines and marks, which it no longer has.
        """
        plane = Plane(self.shape, self.tiles)
        if plane.is_empty:
            return plane
        around = box_around(self.tiles, self.shape)
        corners = (around.x, around.y), (around.x + around.width, around.y + around.height)
        box = box_of_points(corners, abs(by_px), self.shape)
        assert box is not None
        return plane.painted(box, grown(plane.part(box), by_px))

    def _tile(self, row: int, column: int) -> FloatArray:
        found = self.tiles.get((row, column))
        if found is not None:
            return found
        height, width = self.shape
        size = min(_SIDE, height - row * _SIDE), min(_SIDE, width - column * _SIDE)
        return np.zeros(size, np.float32)


def touched(box: Window) -> Iterator[Place]:
    """Yield the places of the tiles that a box touches."""
    for row in range(box.y // _SIDE, -(-(box.y + box.height) // _SIDE)):
        for column in range(box.x // _SIDE, -(-(box.x + box.width) // _SIDE)):
            yield row, column


def box_around(places: Collection[Place], shape: tuple[int, int]) -> Window:
    """Return the box of a plane of this shape around some tiles, of which there is at least one."""
    rows, columns = {row for row, _ in places}, {column for _, column in places}
    top, left = min(rows) * _SIDE, min(columns) * _SIDE
    bottom = min((max(rows) + 1) * _SIDE, shape[0])
    right = min((max(columns) + 1) * _SIDE, shape[1])
    return Window(left, top, right - left, bottom - top)


def _box_of(row: int, column: int, tile: FloatArray) -> Window:
    return Window(column * _SIDE, row * _SIDE, tile.shape[1], tile.shape[0])


def _overlap(tile: Window, box: Window) -> tuple[_Slices, _Slices]:
    """Return where a tile and a box overlap: within the tile, and within the box."""
    both = shared(tile, box)
    assert both is not None
    return within(both, tile), within(both, box)


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed line, and the plane that it was drawn on."""

    line: Line
    before: Plane
