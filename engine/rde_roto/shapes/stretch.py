"""An outline that was followed through frames, as it is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.shape import Motion, Points, turned

Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int64]

_LEAST_WEIGHT = 0.01  # so that splines stay where samples have fallen together
_REACH = 3  # samples that a sample may slide at once
_LEAST_APART = 0.05  # samples
_EVENED = 2  # samples before and after


@dataclass(frozen=True, eq=False)
class Stretch:
    """An outline followed through frames: what is fitted at once.

    `frames` [T] are their numbers, `points` and `normals` [T, M, 2] the followed places. `counts`
    [T, M] say how much a sample counts, 1 on the plate, and `weights` also how much of the outline
    it stands for, on average 1 in each frame. `soft` [T, M, 2] is how far the edge fades, inwards
    and outwards.
    """

    frames: Indices
    points: Points
    normals: Points
    counts: Points
    weights: Points
    soft: Points

    @classmethod
    def of(
        cls, frames: Indices, points: Points, normals: Points, counts: Points, soft: Points
    ) -> Stretch:
        """Take samples that are spread in any way."""
        runs = _runs(points)
        stands_for = (runs + np.roll(runs, 1, axis=1)) / 2
        stands_for /= stands_for.mean(axis=1, keepdims=True)
        weights = np.maximum(counts * stands_for, _LEAST_WEIGHT)
        return cls(frames, points, normals, counts, weights, soft)

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, frames: slice | Indices, samples: slice | Flags = slice(None)) -> Stretch:
        """Return some of its frames, by index, and some of its samples."""
        return Stretch(
            self.frames[frames],
            self.points[frames][:, samples],
            self.normals[frames][:, samples],
            self.counts[frames][:, samples],
            self.weights[frames][:, samples],
            self.soft[frames][:, samples],
        )

    def few(self, count: int) -> Stretch:
        """Return at most so many of its frames, evenly spread."""
        last = len(self) - 1
        return self.part(np.unique(np.linspace(0, last, min(count, last + 1)).round().astype(int)))

    def without(self, motion: Motion) -> Stretch:
        """Return it as it is before a motion."""
        frames = list(map(int, self.frames))
        points = [motion.steadied(*one) for one in zip(self.points, frames, strict=True)]
        turns = [turned(-motion.at(frame)[1]) for frame in frames]
        return replace(self, points=np.stack(points), normals=self.normals @ np.stack(turns))

    def slid_to(self, curves: Points) -> Stretch:
        """Return it with each sample slid along its outline to where that is nearest to the point
        of a curve [T, M, 2]. They keep their order.
        """
        own = np.arange(self.points.shape[1])
        nearest = np.full(curves.shape[:2], np.inf)
        at = np.zeros(curves.shape[:2])
        for before in range(-_REACH, _REACH):
            start, end = (np.roll(self.points, -one, axis=1) for one in (before, before + 1))
            run, away = end - start, curves - start
            share = (away * run).sum(axis=2) / (run**2).sum(axis=2).clip(min=1e-9)
            share = share.clip(0, 1)
            apart = ((away - share[..., None] * run) ** 2).sum(axis=2)
            at = np.where(apart < nearest, own + before + share, at)
            nearest = np.minimum(apart, nearest)
        return self.between(_ascending(at))

    def between(self, at: Points) -> Stretch:
        """Return samples at other positions [T, N] or [N] among these, which go around: 1.5 is half
        way from sample 1 to 2.
        """
        count, frame = self.points.shape[1], np.arange(len(self))[:, None]
        at = np.broadcast_to(at, (len(self), at.shape[-1]))
        sample = np.floor(at).astype(np.int64)
        part = (at - sample)[..., None]

        def between(values: Points) -> Points:
            after = values[frame, (sample + 1) % count]
            found: Points = values[frame, sample % count] * (1 - part) + after * part
            return found

        normals = between(self.normals)
        normals /= np.linalg.norm(normals, axis=2, keepdims=True).clip(min=1e-9)
        counts = between(self.counts[..., None])[..., 0]
        return Stretch.of(self.frames, between(self.points), normals, counts, between(self.soft))

    @cached_property
    def evened_soft(self) -> Points:
        """`soft` without its noise: the mean of a few samples side by side."""
        around = range(-_EVENED, _EVENED + 1)
        mean: Points = np.mean([np.roll(self.soft, step, axis=1) for step in around], axis=0)
        return mean

    @property
    def places(self) -> Points:
        """[M + 1]: how far along the line each sample is, on average over the frames."""
        mean = _runs(self.points).mean(axis=0)
        mean = np.maximum(mean, 0.05 * mean.mean())  # even those that have fallen together
        places: Points = np.concatenate([[0.0], np.cumsum(mean)])
        return places


def _runs(points: Points) -> Points:
    """From each sample to the next one, [T, M]."""
    runs: Points = np.hypot(*np.moveaxis(np.roll(points, -1, axis=1) - points, -1, 0))
    return runs


def _ascending(at: Points) -> Points:
    """Return positions [T, M] in order, within one turn of M; knots are pulled apart evenly."""
    count = at.shape[1]
    ramp = _LEAST_APART * np.arange(count)
    straight = at - ramp
    before = np.maximum.accumulate(straight, axis=1)
    after = np.minimum.accumulate(straight[:, ::-1], axis=1)[:, ::-1]
    middle = (before + after) / 2
    last = middle[:, :1] + (1 - _LEAST_APART) * count
    ascending: Points = np.minimum(middle, last) + ramp
    return ascending
