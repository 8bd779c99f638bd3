"""Editable lines: polygons and curves with soft edges.

Points are plate coordinates as in `session.painting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import cv2
import numpy as np

from rde_roto.session.painting import Point, box_of_points, shared, within
from rde_roto.shapes.bezier import Flattened, flattened
from rde_roto.shapes.raster import faded_coverage, outward
from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_FEWEST = 3
"""Points of a line that encloses something."""


@dataclass(frozen=True)
class Line:
    """A closed line whose inside is drawn, or removed with `subtracts`.

    With `smooth` it is a curve through its points, a Catmull-Rom spline, else straight between
    them. `feather` has a width for each point, in pixels, none for a hard line: alpha is 1 on the
    line and falls to 0 so far outside of it; between points the width changes evenly.
    """

    points: tuple[Point, ...]
    smooth: bool = False
    subtracts: bool = False
    feather: tuple[float, ...] = ()

    @property
    def drawn(self) -> Sequence[Point]:
        """The points of the line as it is shown."""
        return _pairs(self._flat.polygon)

    @property
    def widths(self) -> tuple[float, ...]:
        """The feather of each point."""
        return self.feather or (0.0,) * len(self.points)

    @property
    def fade(self) -> Sequence[Point]:
        """The points of the line at which the feather ends; none of a hard line."""
        flat = self._flat
        if not flat.feather.any() or len(self.points) < _FEWEST:
            return ()
        return _pairs(flat.polygon + flat.feather[:, 1:] * outward(flat.polygon))

    @property
    def feather_ends(self) -> Sequence[Point]:
        """Where the feather of each point ends: outwards of it, at the point itself if it is 0."""
        points = np.asarray(self.points, np.float64).reshape(-1, 2)
        return _pairs(points + np.array(self.widths)[:, None] * self._normals)

    def box(self, shape: tuple[int, int]) -> Window | None:
        """Return the box of a plane [H, W] that the line may touch.

        None if it lies outside or encloses nothing.
        """
        if len(self.points) < _FEWEST:
            return None
        return box_of_points(self.drawn, 1 + max(self.widths), shape)

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

    def with_point(self, place: int, at: Point) -> Line:
        """Return the line with one more point, before another one, as soft as its neighbours."""
        points = (*self.points[:place], at, *self.points[place:])
        own = self.widths
        between = (own[place - 1] + own[place % len(own)]) / 2
        return replace(self, points=points)._with_widths((*own[:place], between, *own[place:]))

    def without_point(self, place: int) -> Line | None:
        """Return the line without a point; None if too few are left."""
        if len(self.points) <= _FEWEST:
            return None
        own = self.widths
        shorter = replace(self, points=self.points[:place] + self.points[place + 1 :])
        return shorter._with_widths(own[:place] + own[place + 1 :])

    def feathered_to(self, place: int, at: Point) -> Line:
        """Return the line with the feather of a point pulled to a place: as wide as that lies
        outwards of the point, hard if it lies inwards.
        """
        x, y = self.points[place]
        width = max(0.0, float(self._normals[place] @ (at[0] - x, at[1] - y)))
        own = self.widths
        return self._with_widths((*own[:place], width, *own[place + 1 :]))

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
        width = self._flat.feather[:, 1]
        reach = np.stack([0 * width, width / 2, width], axis=1)
        return faded_coverage(self._flat.polygon, reach, box)

    def _with_widths(self, widths: tuple[float, ...]) -> Line:
        return replace(self, feather=widths if any(widths) else ())

    @cached_property
    def _flat(self) -> Flattened:
        points = np.asarray(self.points, np.float64).reshape(-1, 2)
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
        to_left, to_right = (before - points) / 3, (after - points) / 3
        if self.smooth and len(points) >= _FEWEST:
            to_left, to_right = (before - after) / 6, (after - before) / 6
        handles = np.stack([points + to_left, points, points + to_right], axis=1)
        return flattened(handles, np.repeat(np.array(self.widths)[:, None], 2, axis=1))

    @property
    def _normals(self) -> Points:
        """The outward normals at the points, [P, 2]: those of the line that is drawn."""
        flat = self._flat
        starts = np.searchsorted(flat.spans, np.arange(len(self.points)))
        normals: Points = outward(flat.polygon)[starts]
        return normals


@lru_cache(maxsize=4)
def _coverage(line: Line, box: Window) -> FloatArray:
    """The coverage of one of the last lines; one that is moved is drawn as it was, too."""
    covered = line.coverage(box)
    covered.flags.writeable = False
    return covered


def _pairs(points: Points) -> list[Point]:
    return [(x, y) for x, y in points.tolist()]
