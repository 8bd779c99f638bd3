"""Fits splines with few points and few keys to an outline that was followed through frames.

The points of a spline are places on the followed outline, the same ones in all frames: they are
added where the spline is farthest off (`nodes.py`). Each then gets keys of its own, in the frames
where the spans beside it are off (`keying.py`). Only how far a spline is off across the outline
counts: along it a point may lie anywhere, which is why so few are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.bezier import Basis
from rde_roto.shapes.shape import Motion, Points
from rde_roto.shapes.stretch import Flags, Indices, Stretch

_ALONG = 0.01  # how much an error along the outline counts, of one across
_PEAK = 1.2  # tolerances that a spline may be off in a single place
_SHORT = 4.0  # samples: a shorter span counts less
_SOLVED_AT_ONCE = 16  # frames, which bounds memory


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

    def moved(self, motion: Motion) -> Fit:
        """Return it with a motion of the whole in its points, which all have keys in all frames."""
        places = zip(self.points, self.frames.tolist(), strict=True)
        points = np.stack([motion.moved(*one) for one in places])
        return replace(self, points=points, keys=np.ones_like(self.keys))


def metric(stretch: Stretch) -> Points:
    """How much errors of each sample count, [T, M, 2, 2]: squared, a quadratic form."""
    across = (1 - _ALONG) * np.einsum("tmi,tmj->tmij", stretch.normals, stretch.normals)
    form: Points = stretch.weights[..., None, None] * (across + _ALONG * np.eye(2))
    return form


def solved(basis: Basis, stretch: Stretch) -> Points:
    """Return the coefficients [T, C, 2] that fit each frame best on its own."""
    starts = range(0, len(stretch), _SOLVED_AT_ONCE)
    parts = [stretch.part(slice(start, start + _SOLVED_AT_ONCE)) for start in starts]
    return np.concatenate([_solved(basis.at_samples, basis.spans, part) for part in parts])


def solved_near(basis: Basis, stretch: Stretch, spans: Indices) -> Points:
    """As `solved`, fitted to some spans alone; all other coefficients are 0."""
    rows = np.isin(basis.spans, spans)
    columns = np.concatenate([basis.columns(node) for node in basis.ends(spans)])
    found = np.zeros((len(stretch), basis.at_samples.shape[1], 2))
    part = stretch.part(slice(None), rows)
    near = basis.at_samples[np.ix_(rows, columns)]
    found[:, columns] = _solved(near, basis.spans[rows], part)
    return found


def _solved(samples: NDArray[np.float64], spans: Indices, stretch: Stretch) -> Points:
    form = metric(stretch)
    frames, count = len(stretch), samples.shape[1]
    square = np.zeros((frames, 2, 2, count, count))
    for span in np.unique(spans):  # the samples of a span have a few coefficients alone
        rows = np.flatnonzero(spans == span)
        columns = np.flatnonzero(samples[rows].any(axis=0))
        part = samples[np.ix_(rows, columns)]
        pairs = (part[:, :, None] * part[:, None]).reshape(len(rows), -1)
        block = np.moveaxis(form[:, rows], 1, 3) @ pairs  # [T, 2, 2, pairs]
        block = block.reshape(frames, 2, 2, len(columns), len(columns))
        square[:, :, :, columns[:, None], columns] += block
    wanted = samples.T @ np.einsum("tmij,tmj->tmi", form, stretch.points)  # [T, C, 2]
    matrix = np.moveaxis(square, 2, 3).reshape(frames, 2 * count, 2 * count)
    right = np.moveaxis(wanted, 2, 1).reshape(frames, 2 * count, 1)
    found = np.linalg.solve(matrix + 1e-6 * np.eye(2 * count), right).reshape(frames, 2, count)
    return np.moveaxis(found, 1, 2)


def off_px(basis: Basis, stretch: Stretch, coefficients: Points, spans: Indices) -> Points:
    """Return how far some spans of the splines [T, C, 2] are off, in pixels, [T, S]: the root of
    the mean square across the outline, or the largest over 1.2 where that is more.
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
