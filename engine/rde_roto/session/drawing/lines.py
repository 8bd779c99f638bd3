"""Editable lines: shapes as they are at one frame.

Points are plate coordinates as in `session.painting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeAlias

import cv2
import numpy as np

from rde_roto.session.drawing.painting import Point, box_of_points, shared, within
from rde_roto.shapes.bezier import Flattened, cut, flattened
from rde_roto.shapes.drawing import spline_coverage
from rde_roto.shapes.feather_curves import feather_curves, normals
from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_FEWEST = 3
"""Points of a line that encloses something."""

_IN_LINE = 0.98
"""Cosine from which on the two handles of a point are in line, and stay so."""

Handles: TypeAlias = tuple[Point, Point]
"""From a point to its left handle, and to its right one."""

Widths: TypeAlias = tuple[float, float]
"""How far an edge fades, inwards and outwards."""

INWARDS, OUTWARDS = 0, 1


@dataclass(frozen=True)
class Line:
    """A closed spline whose inside is drawn, or removed with `subtracts`: what `shapes.Shape` is at
    one frame.

    `handles` has those of each point, none for straight lines. `feather` has widths for each point,
    in pixels, none for a hard line: alpha fades evenly from 1 so far inwards of the line to 0 so
    far outwards; between points the widths change evenly.
    """

    points: tuple[Point, ...]
    handles: tuple[Handles, ...] = ()
    subtracts: bool = False
    feather: tuple[Widths, ...] = ()

    @classmethod
    def of(cls, places: Points, feather: Points, subtracts: bool) -> Line:
        """Return the line of a spline: left handle, point and right handle, [P, 3, 2]; widths
        [P, 2].
        """
        points, handles = _from_places(places)
        return cls(points, handles, subtracts)._with_widths(tuple(_pairs(feather)))

    def at(self, places: Points) -> Line:
        """Return the line with its points and handles elsewhere, [P, 3, 2]; straight if it is."""
        points, handles = _from_places(places)
        return replace(self, points=points, handles=handles if self.handles else ())

    @property
    def places(self) -> Points:
        """Left handle, point and right handle of each point, [P, 3, 2]."""
        points = np.asarray(self.points, np.float64).reshape(-1, 2)
        if self.handles:
            to_left, to_right = np.moveaxis(np.array(self.handles), 1, 0)
        else:
            to_left = (np.roll(points, 1, axis=0) - points) / 3
            to_right = (np.roll(points, -1, axis=0) - points) / 3
        return np.stack([points + to_left, points, points + to_right], axis=1)

    @property
    def drawn(self) -> Sequence[Point]:
        """The points of the line as it is shown."""
        return _pairs(self._flat.polygon)

    @property
    def widths(self) -> tuple[Widths, ...]:
        """The feather of each point."""
        return self.feather or ((0.0, 0.0),) * len(self.points)

    @property
    def fades(self) -> Sequence[Sequence[Point]]:
        """The lines at which the feather ends, inwards and outwards; none of a hard line."""
        return tuple(_pairs(one) for one in self._faded)

    def feather_ends(self, side: int) -> Sequence[Point]:
        """Where the feather of each point ends, `INWARDS` or `OUTWARDS` of it: at the point itself
        if it is 0.
        """
        points = np.asarray(self.points, np.float64).reshape(-1, 2)
        way = np.array(self.widths)[:, side, None] * (1 if side == OUTWARDS else -1)
        return _pairs(points + way * normals(self.places))

    def handle_ends(self, point: int) -> tuple[Point, Point, Point]:
        """Where the left handle of a point is, the point, and its right handle."""
        x, y = self.points[point]
        (left_x, left_y), (right_x, right_y) = self.handles[point]
        return (x + left_x, y + left_y), (x, y), (x + right_x, y + right_y)

    def curved(self) -> Line:
        """Return the line as a curve through its points, a Catmull-Rom spline."""
        points = np.asarray(self.points, np.float64).reshape(-1, 2)
        if len(points) < _FEWEST:
            return replace(self, handles=())
        along = (np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)) / 6
        return replace(self, handles=tuple(zip(_pairs(-along), _pairs(along), strict=True)))

    def straight(self) -> Line:
        """Return the line with straight lines between its points."""
        return replace(self, handles=())

    def box(self, shape: tuple[int, int]) -> Window | None:
        """Return the box of a plane [H, W] that the line may touch.

        None if it lies outside or encloses nothing.
        """
        if len(self.points) < _FEWEST:
            return None
        return box_of_points(_pairs(np.concatenate([self._flat.polygon, *self._faded])), 1, shape)

    def encloses(self, point: Point) -> bool:
        """Whether a point lies inside."""
        outline = np.asarray(self.drawn, np.float32)
        return len(outline) >= _FEWEST and cv2.pointPolygonTest(outline, point, False) > 0

    def place_of(self, point: Point, reach_px: float) -> int | None:
        """Return before which of its points one set here would go; None farther off the line."""
        flat = self._flat
        runs = np.roll(flat.polygon, -1, axis=0) - flat.polygon
        to_hand = np.asarray(point) - flat.polygon
        share = (to_hand * runs).sum(1) / np.maximum((runs * runs).sum(1), 1e-12)
        away = np.hypot(*(to_hand - runs * share.clip(0, 1)[:, None]).T)
        nearest = int(away.argmin())
        return int(flat.spans[nearest]) + 1 if away[nearest] <= reach_px else None

    def moved(self, by: Point, point: int | None = None) -> Line:
        """Return the line with one of its points moved, or all of them."""
        points = (
            (x + by[0], y + by[1]) if point in (None, number) else (x, y)
            for number, (x, y) in enumerate(self.points)
        )
        return replace(self, points=tuple(points))

    def with_handle(self, point: int, side: int, at: Point, alone: bool = False) -> Line:
        """Return the line with the left (0) or right (1) handle of a point pulled to a place. One
        that is in line with the other turns that with it, unless it is pulled `alone`.
        """
        x, y = self.points[point]
        pulled, own = (at[0] - x, at[1] - y), self.handles[point]
        other = own[1 - side] if alone else _turned_with(own[1 - side], own[side], pulled)
        pair = (pulled, other) if side == 0 else (other, pulled)
        return replace(self, handles=(*self.handles[:point], pair, *self.handles[point + 1 :]))

    def with_point(self, place: int, at: Point) -> Line:
        """Return the line with one more point, before another one, as soft as its neighbours. A
        curve keeps its form, but for what the point is away from it.
        """
        before, own = place - 1, self.widths
        after = place % len(own)
        inwards, outwards = ((own[before][i] + own[after][i]) / 2 for i in (INWARDS, OUTWARDS))
        widths = (*own[:place], (inwards, outwards), *own[place:])
        points, handles = (*self.points[:place], at, *self.points[place:]), list(self.handles)
        if handles:
            cubic = self.places[[before, before, after, after], [1, 2, 0, 1]]
            leaves, to_left, to_right, arrives = _pairs(cut(cubic, np.array(at)))
            handles[before] = handles[before][0], leaves
            handles[after] = arrives, handles[after][1]
            handles.insert(place, (to_left, to_right))
        return replace(self, points=points, handles=tuple(handles))._with_widths(widths)

    def without_point(self, place: int) -> Line | None:
        """Return the line without a point; None if too few are left."""
        if len(self.points) <= _FEWEST:
            return None
        points = self.points[:place] + self.points[place + 1 :]
        handles = self.handles[:place] + self.handles[place + 1 :]
        shorter = replace(self, points=points, handles=handles)
        return shorter._with_widths(self.widths[:place] + self.widths[place + 1 :])

    def feathered_to(self, place: int, at: Point, side: int | None = None) -> Line:
        """Return the line with the feather of a point pulled to a place: as wide as that lies
        outwards of the point, on both sides, or inwards or outwards on that `side` alone. It has no
        width if the place lies on the other side.
        """
        x, y = self.points[place]
        away = float(normals(self.places)[place] @ (at[0] - x, at[1] - y))
        width, own = max(0.0, -away if side == INWARDS else away), self.widths
        inwards, outwards = own[place]
        both = (inwards if side == OUTWARDS else width, outwards if side == INWARDS else width)
        return self._with_widths((*own[:place], both, *own[place + 1 :]))

    def hardened(self, place: int) -> Line:
        """Return the line with a point that has no feather."""
        own = self.widths
        return self._with_widths((*own[:place], (0.0, 0.0), *own[place + 1 :]))

    def over(self, pixels: FloatArray, box: Window, shape: tuple[int, int]) -> FloatArray:
        """Return the pixels of a box of a plane [H, W], float32 [h, w], with the line drawn on
        them.
        """
        result: FloatArray = pixels.copy()
        own = self.box(shape)
        both = None if own is None else shared(own, box)
        if own is None or both is None:
            return result
        share, part = _coverage(self, own)[within(both, own)], result[within(both, box)]
        part[...] = part * (1 - share) if self.subtracts else part + share * (1 - part)
        return result

    def coverage(self, box: Window) -> FloatArray:
        """Return how much of each pixel of a box lies inside, float32 [h, w], 0..1."""
        return spline_coverage(self.places, np.array(self.widths), box)

    def _with_widths(self, widths: tuple[Widths, ...]) -> Line:
        return replace(self, feather=widths if any(map(any, widths)) else ())

    @cached_property
    def _flat(self) -> Flattened:
        return flattened(self.places)

    @cached_property
    def _faded(self) -> Sequence[Points]:
        """The polygons between which the feather fades; none of a hard line."""
        if not self.feather or len(self.points) < _FEWEST:
            return ()
        curves = feather_curves(self.places, np.array(self.feather))
        return tuple(flattened(np.stack(curves)).polygon)


@lru_cache(maxsize=4)
def _coverage(line: Line, box: Window) -> FloatArray:
    """The coverage of one of the last lines; one that is moved is drawn as it was, too."""
    covered = line.coverage(box)
    covered.flags.writeable = False
    return covered


def _from_places(places: Points) -> tuple[tuple[Point, ...], tuple[Handles, ...]]:
    to_left, to_right = (_pairs(places[:, side] - places[:, 1]) for side in (0, 2))
    return tuple(_pairs(places[:, 1])), tuple(zip(to_left, to_right, strict=True))


def _turned_with(other: Point, before: Point, after: Point) -> Point:
    """The other handle of a point, one of whose handles went from `before` to `after`: still in
    line with it if it was, and as long.
    """
    lengths = [float(np.hypot(*one)) for one in (other, before, after)]
    if not all(lengths):
        return other
    cosine = -(other[0] * before[0] + other[1] * before[1]) / (lengths[0] * lengths[1])
    scale = -lengths[0] / lengths[2]
    return other if cosine < _IN_LINE else (scale * after[0], scale * after[1])


def _pairs(points: Points) -> list[Point]:
    return [(x, y) for x, y in points.tolist()]
