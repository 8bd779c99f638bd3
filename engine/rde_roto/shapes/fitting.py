"""Fits splines with few points and few keys to an outline that was followed through frames.

The points of a spline are places on the followed outline, the same ones in all frames: they are
added where the spline is farthest off (`nodes.py`). Each then gets keys of its own, in the frames
where the spans beside it are off, and the values at all keys are fitted together. Only how far a
spline is off across the outline counts: along it a point may lie anywhere, which is why so few are
needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.bezier import Basis
from rde_roto.shapes.shape import Motion, Points, turned

Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int64]

_ALONG = 0.01  # how much an error along the outline counts, of one across
_NEARLY = 1.1  # how far off a span may be, of what keys in all frames would give
_PEAK = 2.0  # tolerances that a spline may be off in a single place
_SHORT = 4.0  # samples: a shorter span counts less
_FADED = 1.0  # tolerances that a feather may be off
_SOLVED_AT_ONCE = 16  # frames, which bounds memory


@dataclass(frozen=True, eq=False)
class Stretch:
    """An outline followed through frames: what is fitted at once.

    `frames` [T] are their numbers, `points` and `normals` [T, M, 2] the followed places. `weights`
    [T, M] say how much of the outline a sample stands for, on average 1 in each frame; almost
    nothing outside the plate. `soft` [T, M, 2] is how far the edge fades, inwards and outwards.
    """

    frames: Indices
    points: Points
    normals: Points
    weights: Points
    soft: Points

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, frames: slice | Indices, samples: slice | Flags = slice(None)) -> Stretch:
        """Return some of its frames, by index, and some of its samples."""
        return Stretch(
            self.frames[frames],
            self.points[frames][:, samples],
            self.normals[frames][:, samples],
            self.weights[frames][:, samples],
            self.soft[frames][:, samples],
        )

    def without(self, motion: Motion) -> Stretch:
        """Return it as it is before a motion."""
        frames = list(map(int, self.frames))
        points = [motion.steadied(*one) for one in zip(self.points, frames, strict=True)]
        turns = [turned(-motion.at(frame)[1]) for frame in frames]
        return replace(self, points=np.stack(points), normals=self.normals @ np.stack(turns))

    def few(self, count: int) -> Stretch:
        """Return at most so many of its frames, evenly spread."""
        last = len(self) - 1
        return self.part(np.unique(np.linspace(0, last, min(count, last + 1)).round().astype(int)))

    @property
    def places(self) -> Points:
        """[M + 1]: how far along the line each sample is, on average over the frames."""
        runs = np.hypot(*np.moveaxis(np.roll(self.points, -1, axis=1) - self.points, -1, 0))
        mean = runs.mean(axis=0)
        mean = np.maximum(mean, 0.05 * mean.mean())  # even those that have fallen together
        places: Points = np.concatenate([[0.0], np.cumsum(mean)])
        return places


@dataclass(frozen=True, eq=False)
class Fit:
    """A spline over a stretch: `points` [T, P, 3, 2] are left handle, point and right handle of
    each node in all frames, `feather` [T, P, 2] its widths, and `keys` [T, P] say which of them
    are keys. The others lie between.
    """

    frames: Indices
    points: Points
    feather: Points
    keys: Flags

    @property
    def key_count(self) -> int:
        """The keys of all nodes together."""
        return int(np.count_nonzero(self.keys))


def solved(basis: Basis, stretch: Stretch) -> Points:
    """Return the coefficients [T, C, 2] that fit each frame best on its own."""
    starts = range(0, len(stretch), _SOLVED_AT_ONCE)
    parts = [stretch.part(slice(start, start + _SOLVED_AT_ONCE)) for start in starts]
    return np.concatenate([_solved(basis.at_samples, part) for part in parts])


def solved_near(basis: Basis, stretch: Stretch, spans: Indices) -> Points:
    """As `solved`, fitted to some spans alone; all other coefficients are 0."""
    rows = np.isin(basis.spans, spans)
    columns = np.concatenate([basis.columns(node) for node in basis.ends(spans)])
    found = np.zeros((len(stretch), basis.at_samples.shape[1], 2))
    part = stretch.part(slice(None), rows)
    found[:, columns] = _solved(basis.at_samples[np.ix_(rows, columns)], part)
    return found


def _solved(samples: NDArray[np.float64], stretch: Stretch) -> Points:
    across = (1 - _ALONG) * np.einsum("tmi,tmj->tmij", stretch.normals, stretch.normals)
    metric = stretch.weights[..., None, None] * (across + _ALONG * np.eye(2))
    frames, count = len(stretch), samples.shape[1]
    square = np.empty((frames, 2, count, 2, count))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        block = (samples.T * metric[:, None, :, i, j]) @ samples
        square[:, i, :, j, :] = block
        square[:, j, :, i, :] = block
    wanted = samples.T @ np.einsum("tmij,tmj->tmi", metric, stretch.points)  # [T, C, 2]
    matrix = square.reshape(frames, 2 * count, 2 * count) + 1e-6 * np.eye(2 * count)
    right = np.moveaxis(wanted, 2, 1).reshape(frames, 2 * count, 1)
    found = np.linalg.solve(matrix, right).reshape(frames, 2, count)
    return np.moveaxis(found, 1, 2)


def off_px(basis: Basis, stretch: Stretch, coefficients: Points, spans: Indices) -> Points:
    """Return how far some spans of the splines [T, C, 2] are off, in pixels, [T, S]: the root of
    the mean square across the outline, or half of the largest where that is more.
    """
    rows = [np.flatnonzero(basis.spans == span) for span in spans]
    counts = np.array([len(one) for one in rows])
    starts = np.cumsum(counts) - counts
    row = np.concatenate(rows)
    columns = np.unique(np.concatenate([basis.columns(one) for one in basis.ends(spans)]))
    away = basis.at_samples[np.ix_(row, columns)] @ coefficients[:, columns]
    away -= stretch.points[:, row]
    off = np.abs(np.einsum("tmi,tmi->tm", away, stretch.normals[:, row]))
    weights = stretch.weights[:, row]
    square = np.add.reduceat(weights * off**2, starts, axis=1)
    mean = square / np.maximum(np.add.reduceat(weights, starts, axis=1), _SHORT)
    peak = np.maximum.reduceat(np.where(weights > 0.2, off, 0), starts, axis=1)
    return np.maximum(np.sqrt(mean), peak / _PEAK)


def keyed(stretch: Stretch, basis: Basis, tolerance_px: float) -> Fit:
    """Choose the keys of each node, and fit the values at all of them."""
    return _Keying(stretch, basis, tolerance_px).fit()


class _Keying:
    """Keys that are being chosen. `found` [T, C, 2] are the coefficients that they give."""

    def __init__(self, stretch: Stretch, basis: Basis, tolerance_px: float) -> None:
        self.stretch, self.basis = stretch, basis
        self.count = len(basis.nodes)
        self.each = solved(basis, stretch)
        self.found = self.each.copy()
        self.wanted_feather = _near(basis.nodes, stretch.soft)
        self.feather = self.wanted_feather.copy()
        alone = off_px(basis, stretch, self.each, np.arange(self.count))
        # keys cannot bring a span nearer than the points allow
        self.allowed = np.maximum(tolerance_px, _NEARLY * alone)
        self.keys = np.zeros((len(stretch), self.count), bool)
        self.keys[[0, -1]] = True
        for node in range(self.count):
            self._interpolate(node)

    def fit(self) -> Fit:
        spans = np.arange(self.count)
        off = self._off(spans)
        while len(changed := self._add_keys(off)):
            for node in changed:
                self._interpolate(node)
            beside = np.unique(np.concatenate([(changed - 1) % self.count, changed]))
            off[:, beside] = self._off(beside)
        self._remove_spare_keys(off)
        points = np.stack([self.basis.points(one) for one in self.found])
        return Fit(self.stretch.frames, points, self.feather.clip(min=0), self.keys)

    def _off(self, spans: Indices) -> Points:
        """How far the spans after some nodes are off, or the feather at these, [T, S]."""
        off = off_px(self.basis, self.stretch, self.found, spans)
        faded = np.abs(self.feather[:, spans] - self.wanted_feather[:, spans]).max(axis=2)
        worst: Points = np.maximum(off, faded / _FADED)
        return worst

    def _interpolate(self, node: int) -> None:
        """Set what a node has in all frames, by the keys that it has, whose values fit best."""
        columns = self.basis.columns(node)
        wanted = self.each[:, columns]
        flat = np.concatenate([wanted.reshape(len(wanted), -1), self.wanted_feather[:, node]], 1)
        along = self._along(node, flat)
        self.found[:, columns] = along[:, :-2].reshape(wanted.shape)
        self.feather[:, node] = along[:, -2:]

    def _along(self, node: int, wanted: Points) -> Points:
        """[T, N]: straight between a node's keys, as near to wanted values as possible."""
        frames = self.stretch.frames
        at = frames[self.keys[:, node]]
        share = np.stack([np.interp(frames, at, one) for one in np.eye(len(at))], axis=1)
        along: Points = share @ np.linalg.solve(share.T @ share, share.T @ wanted)
        return along

    def _add_keys(self, off: Points) -> Indices:
        """Add keys beside each span that is off, in its worst frame; returns the nodes."""
        changed: set[int] = set()
        for span in np.flatnonzero((off > self.allowed).any(axis=0)):
            beside = [int(span), int(span + 1) % self.count]
            over = off[:, span] - self.allowed[:, span]
            frame = int(np.where(self.keys[:, beside].all(axis=1), -1, over).argmax())
            if over[frame] > 0 and not self.keys[frame, beside].all():
                self.keys[frame, beside] = True
                changed.update(beside)
        return np.array(sorted(changed), np.int64)

    def _remove_spare_keys(self, off: Points) -> None:
        for node in range(self.count):
            beside = np.unique([(node - 1) % self.count, node])
            for frame in np.flatnonzero(self.keys[:, node]):
                if np.count_nonzero(self.keys[:, node]) == 1:
                    break
                self.keys[frame, node] = False
                self._interpolate(node)
                now = self._off(beside)
                if (now <= np.maximum(off[:, beside], self.allowed[:, beside])).all():
                    off[:, beside] = now
                else:
                    self.keys[frame, node] = True
                    self._interpolate(node)


def _near(nodes: Indices, soft: Points) -> Points:
    """How far the edge near each node fades, [T, P, 2]."""
    around = nodes[:, None] + np.arange(-2, 3)
    near: Points = np.median(soft[:, around % soft.shape[1]], axis=2)
    return near
