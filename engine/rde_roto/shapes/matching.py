"""Follows points along an outline from one frame to the next.

First the whole outline is moved onto the next one: shift, turn, scale, shear. What is left is
matched along both lines in order, so that points never overtake each other (dynamic time warping,
Sakoe and Chiba, 1978). In the end the points slide along the line until they move as their
neighbours do: an outline only tells how it moves across itself, not along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.outlines import Outline, blurred
from rde_roto.shapes.shape import Points
from rde_roto.values.plate import Window

_COARSE = 160  # samples that are matched in order; the others lie in between
_FINER = 2  # places on the next outline for each of them
_STRETCH = 4  # an outline may grow by so much from one frame to the next, locally
_ROUNDS = 8  # of bringing one outline onto the other as a whole
_TURN_COST = 0.15  # of normals at a right angle, as a share of the outline's size
_STRETCH_COST = 0.5  # of a step along the next outline that is longer or shorter than before
_SLIDES = 30
_NEIGHBOURS = 1 / 16  # of the outline, which move alike; in the end those side by side
_LEAST_APART = 0.05  # of the mean distance of samples
_LEAST_SAMPLES, _MOST_SAMPLES = 48, 1024
_APART = 1.5  # tolerances between two samples
_THIN = 3.0  # how much farther apart they may get before more are put between them
_OUTSIDE = 0.02  # what a sample counts that is outside the plate


@dataclass(frozen=True, eq=False)
class Samples:
    """Points on an outline that are followed: `places` [M] ascending along the line, within one
    turn of it from the first, `points` [M, 2] and outward `normals` [M, 2].
    """

    places: Points
    points: Points
    normals: Points

    @classmethod
    def at(cls, outline: Outline, places: Points, blur_px: float) -> Samples:
        """Sample an outline; its normals are those of chords from `blur_px` before to after."""
        run = outline.at(places + blur_px) - outline.at(places - blur_px)
        return cls(places, outline.at(places), _unit(np.stack([run[:, 1], -run[:, 0]], axis=1)))

    @classmethod
    def spread(cls, outline: Outline, count: int, blur_px: float) -> Samples:
        """Spread `count` samples evenly."""
        return cls.at(outline, outline.evenly(count), blur_px)

    def between(self, at: Points) -> Samples:
        """Return samples at other positions among these: 1.5 is half way from sample 1 to 2."""
        order = np.arange(len(self.points) + 1)
        places = np.append(self.places, self.places[0] + self.turn_px)
        columns = np.concatenate([self.points, self.normals], axis=1)
        columns = np.concatenate([columns, columns[:1]])
        found = np.stack([np.interp(at, order, one) for one in columns.T], axis=1)
        return Samples(np.interp(at, order, places), found[:, :2], _unit(found[:, 2:]))

    @property
    def turn_px(self) -> float:
        """The length of the whole line: to the last sample, and on to the first."""
        way = self.places[-1] - self.places[0]
        return float(way + np.hypot(*(self.points[0] - self.points[-1])))


@dataclass(frozen=True)
class Sampling:
    """How outlines are sampled: for a tolerance, and where the plate is.

    An outline with `crowded` times as many samples as it needs has become another one.
    """

    tolerance_px: float
    window: Window
    crowded: float = 1.6

    @property
    def blur_px(self) -> float:
        """The reach of a normal."""
        return max(1.5, 1.5 * self.tolerance_px)

    def apart_px(self, length_px: float) -> float:
        """How far apart the samples of a line are."""
        return max(_APART * self.tolerance_px, length_px / _MOST_SAMPLES)

    def count(self, outline: Outline) -> int:
        """How many samples describe an outline."""
        return max(int(outline.length_px / self.apart_px(outline.length_px)), _LEAST_SAMPLES)

    def missing(self, samples: Samples, outline: Outline) -> NDArray[np.int64]:
        """How many more samples are wanted after each, where they have got too far apart."""
        runs = np.diff(np.append(samples.places, samples.places[0] + outline.length_px))
        apart = self.apart_px(outline.length_px)
        missing: NDArray[np.int64] = np.where(runs > _THIN * apart, runs / apart, 0).astype(int)
        return missing

    def inside(self, points: Points) -> Points:
        """How much samples [..., 2] count: those outside the plate hardly."""
        x, y, width, height = self.window.x, self.window.y, self.window.width, self.window.height
        within = (points > (x, y)) & (points < (x + width, y + height))
        return np.where(within.all(axis=-1), 1.0, _OUTSIDE)


def follow(before: Samples, outline: Outline, velocity: Points, blur_px: float) -> Samples:
    """Return where the samples of an outline are on the one of the next frame.

    ``velocity`` [2] is how the outline is expected to move, in pixels a frame.
    """
    stride = max(1, len(before.points) // _COARSE)
    coarse = slice(None, None, stride)
    count = _FINER * len(before.points[coarse])
    grid = Samples.spread(outline, count, blur_px)
    few = slice(None, None, 2 * stride)
    fit = _brought_onto(before.points[few], before.normals[few], grid, velocity)
    expected, normals = _moved(before.points, fit), _turned(before.normals, fit)
    runs = np.diff(np.append(before.places, before.places[0] + before.turn_px))
    start = np.cumsum(runs) - runs
    coarse_runs = np.add.reduceat(runs, np.arange(0, len(runs), stride))
    found = _in_order(_costs(expected[coarse], normals[coarse], grid), coarse_runs, grid)
    turn = outline.length_px
    places = np.interp(
        start, np.append(start[coarse], runs.sum()), np.append(found, found[0] + turn)
    )
    return Samples.at(outline, _slid(places, expected, outline), blur_px)


def _unit(vectors: Points) -> Points:
    unit: Points = vectors / np.hypot(*vectors.T).clip(min=1e-9)[:, None]
    return unit


def _moved(points: Points, fit: Points) -> Points:
    moved: Points = points @ fit[:2] + fit[2]
    return moved


def _turned(normals: Points, fit: Points) -> Points:
    """The normals after an affine map [3, 2] of what they belong to."""
    return _unit(normals @ np.linalg.inv(fit[:2]).T)


def _size(points: Points) -> float:
    return float(np.sqrt(points.var(axis=0).sum())) + 1e-9


def _brought_onto(points: Points, normals: Points, grid: Samples, velocity: Points) -> Points:
    """Return the affine map [3, 2] that brings points nearest to an outline, across it.

    Iterated closest points, to the tangents (Chen and Medioni, 1992), from the expected shift and
    from that of the centres: the one that ends nearer is taken.
    """
    fits = []
    for shift in (velocity, grid.points.mean(axis=0) - points.mean(axis=0)):
        fit = np.vstack([np.eye(2), shift])
        for _ in range(_ROUNDS):
            at = _moved(points, fit)
            cost = _costs(at, _turned(normals, fit), grid)
            nearest = cost.argmin(axis=1)
            least = cost[np.arange(len(at)), nearest]
            fit = _corrected(fit, at, grid, nearest, least)
        fits.append((float(np.median(least)), fit))
    return min(fits, key=lambda one: one[0])[1]


def _costs(at: Points, normals: Points, grid: Samples) -> NDArray[np.float64]:
    """How badly points [M] match the places of a grid [N], in squared pixels, [M, N]."""
    apart = (at**2).sum(axis=1)[:, None] + (grid.points**2).sum(axis=1) - 2 * at @ grid.points.T
    costs: NDArray[np.float64] = apart.clip(min=0)
    costs += (_TURN_COST * _size(at)) ** 2 * (1 - normals @ grid.normals.T)
    return costs


def _corrected(
    fit: Points, at: Points, grid: Samples, nearest: NDArray[np.int64], costs: Points
) -> Points:
    """Improve the map by one step; points that match badly count little."""
    normal, middle, size = grid.normals[nearest], at.mean(axis=0), _size(at)
    off = ((grid.points[nearest] - at) * normal).sum(axis=1)
    own = (at - middle) / size
    rows = np.concatenate([own[:, :1] * normal, own[:, 1:] * normal, normal], axis=1)
    weighted = rows / (1 + costs / max(4 * float(np.median(costs)), 1e-6))[:, None]
    # where the outline says nothing, such as how a circle turns, nothing changes
    stiff = np.diag([0.02, 0.02, 0.02, 0.02, 1e-4, 1e-4]) * len(at)
    step = np.linalg.solve(weighted.T @ rows + stiff, weighted.T @ off).reshape(3, 2)
    linear = np.eye(2) + step[:2] / size
    if np.linalg.det(linear) < 0.2:  # a collapse is no motion
        linear = np.eye(2)
    shift = step[2] + middle - middle @ linear
    return np.vstack([fit[:2] @ linear, fit[2] @ linear + shift])


def _in_order(cost: Points, runs: Points, grid: Samples) -> Points:
    """Return the place on the outline of each sample, ascending over one turn, by the costs [M, N].

    ``runs`` [M] are the distances of the samples along their own outline. The way begins at the
    best match of all, then once more at the middle of what that gave, to be free of the choice.
    """
    count, cells = cost.shape
    start = int(cost.min(axis=1).argmin())
    cell = int(cost[start].argmin())
    for _ in range(2):
        rolled = np.roll(np.roll(cost, -start, axis=0), -cell, axis=1)
        path = cell + _cheapest(rolled, np.roll(runs, -start), grid)
        path, begun = np.roll(path, start), start
        path[:begun] -= cells  # those before the start have gone around once less
        start = (begun + count // 2) % count
        cell = int(path[start]) % cells
    places: Points = path * (grid.places[1] - grid.places[0])
    return places


def _cheapest(cost: Points, runs: Points, grid: Samples) -> NDArray[np.int64]:
    """Return the cheapest ascending way through costs [M, N] from (0, 0) around to it again."""
    count, cells = cost.shape
    spacing = grid.places[1] - grid.places[0]
    steps = np.arange(_STRETCH * _FINER + 1)
    expected = runs * (cells * spacing / runs.sum())
    uneven = _STRETCH_COST * (steps * spacing - expected[:, None]) ** 2
    closed = np.concatenate([cost, cost[:, :1]], axis=1)
    total = np.full(cells + 1, np.inf)
    total[0] = 0
    came = np.zeros((count, cells + 1), np.int64)
    arrived = np.full((len(steps), cells + 1), np.inf)
    for row in range(count):
        total += closed[row]
        for step in steps:
            arrived[step, step:] = total[: cells + 1 - step] + uneven[row, step]
        came[row] = arrived.argmin(axis=0)
        total = arrived[came[row], np.arange(cells + 1)]
    path = np.empty(count, np.int64)
    cell = cells
    for row in range(count - 1, -1, -1):
        cell -= came[row, cell]
        path[row] = cell
    return path


def _slid(places: Points, expected: Points, outline: Outline) -> Points:
    """Slide places along the outline until the samples move as their neighbours do."""
    count, turn = len(places), outline.length_px
    for slide in range(_SLIDES):
        at = outline.at(places)
        reach = max(1.0, count * _NEIGHBOURS * (1 - slide / _SLIDES))
        wanted = expected + blurred(at - expected, reach)
        tangents = _unit(outline.at(places + 1.0) - outline.at(places - 1.0))
        along = ((wanted - at) * tangents).sum(axis=1).clip(-turn / 16, turn / 16)
        places = _ascending(places + along, turn)
    return places


def _ascending(places: Points, turn: float) -> Points:
    """Return places that keep their order and a least distance, around a whole line."""
    count = len(places)
    ramp = _LEAST_APART * turn / count * np.arange(count)
    straight = places - ramp
    # from both sides, so that a knot is pulled apart in its middle
    before = np.maximum.accumulate(straight)
    after = np.minimum.accumulate(straight[::-1])[::-1]
    middle = (before + after) / 2
    ascending: Points = np.minimum(middle, middle[0] + turn * (1 - _LEAST_APART)) + ramp
    return ascending
