"""Traces the outlines of a matte: where its alpha is one half, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from contourpy import LineType, contour_generator

from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_NO_AREA_PX = 1e-3
_COMPARED = 512  # places of an outline


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed line: `points` [N, 2] in plate coordinates, the first is not repeated at the end.

    `area_px` is what it encloses. It runs clockwise as seen, around a hole the other way round: the
    element is on its right.
    """

    points: Points
    area_px: float
    is_hole: bool

    @cached_property
    def centre(self) -> Points:
        """The centroid of what it encloses, [2]; of a line that encloses nothing its middle."""
        x, y = (self.points - self.points[0]).T
        crossed = x * np.roll(y, -1) - y * np.roll(x, -1)
        if abs(crossed.sum()) < _NO_AREA_PX:
            middle: Points = self.points.mean(axis=0)
            return middle
        sums = [(crossed * (one + np.roll(one, -1))).sum() for one in (x, y)]
        centre: Points = self.points[0] + np.array(sums) / (3 * crossed.sum())
        return centre

    @cached_property
    def places(self) -> Points:
        """[N + 1]: how far along the line each point is, in pixels; the last is its length."""
        runs = np.roll(self.points, -1, axis=0) - self.points
        places: Points = np.concatenate([[0.0], np.cumsum(np.hypot(*runs.T))])
        return places

    @property
    def length_px(self) -> float:
        """The length of the whole line."""
        return float(self.places[-1])

    def at(self, places: Points) -> Points:
        """Return the points [..., 2] at some places along the line; they may go around it."""
        closed = np.concatenate([self.points, self.points[:1]])
        wrapped = places % self.length_px
        found: Points = np.stack(
            [np.interp(wrapped, self.places, one) for one in closed.T], axis=-1
        )
        return found

    def evenly(self, count: int) -> Points:
        """Return so many places along the line, [count], evenly spread from the first point."""
        return np.linspace(0, self.length_px, count, endpoint=False, dtype=np.float64)

    def apart_px(self, other: Outline) -> float:
        """Return how far places of either of two outlines are at most from a point of the other."""
        # that of one outline alone would not see a spike of the other
        return max(_farthest(self, other), _farthest(other, self))

    def smoothed(self, reach_px: float) -> Outline:
        """Return the outline without detail finer than `reach_px`, such as the steps of a hard
        matte: blurred along itself by a Gaussian of that standard deviation.
        """
        count = max(16, int(self.length_px / max(0.5, reach_px)))
        even = self.at(self.evenly(count))
        points = blurred(even, reach_px * count / self.length_px)
        return Outline(points, self.area_px, self.is_hole)


def _farthest(one: Outline, other: Outline) -> float:
    """The largest distance from places of one outline to the nearest point of another one."""
    places, points = one.at(one.evenly(_COMPARED)), other.points
    squared = (places**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * places @ points.T
    return float(np.sqrt(squared.min(axis=1).max().clip(min=0)))


def blurred(values: Points, reach: float) -> Points:
    """Blur values [N, D] along a closed line by a Gaussian; `reach`, in values, is its standard
    deviation.
    """
    frequencies = np.fft.rfftfreq(len(values))
    kernel = np.exp(-2 * (np.pi * reach * frequencies) ** 2)[:, None]
    result: Points = np.fft.irfft(np.fft.rfft(values, axis=0) * kernel, len(values), axis=0)
    return result


def outlines(alpha: FloatArray, window: Window, beyond_px: int) -> list[Outline]:
    """Return the outlines of a plane, float32 [H, W] over a window, the largest first.

    What touches the border is taken to go on, and closed ``beyond_px`` outside: no edge shows at
    the border.
    """
    if not (alpha > 0.5).any():
        return []
    larger = np.pad(np.pad(alpha, beyond_px, mode="edge"), 1)
    corner = 0.5 - beyond_px - 1 + np.array([window.x, window.y])  # the centre of its first pixel
    found = []
    for line in contour_generator(z=larger, line_type=LineType.Separate).lines(0.5):
        points = np.asarray(line, np.float64)[:-1] + corner
        x, y = (points - points[0]).T
        area = float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)
        if len(points) > 2 and area:
            # contourpy has what is higher always on the same side
            found.append(Outline(points, abs(area), area < 0))
    return sorted(found, key=lambda outline: -outline.area_px)
