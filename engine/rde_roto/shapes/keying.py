"""Chooses the keys of each point of a spline, and fits the values at them.

Between two keys a point goes straight. What it has at its keys is fitted to the outlines of all
frames between them at once, and only across these: points slide along the outline, which is how few
keys reach far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rde_roto.shapes.bezier import Basis
from rde_roto.shapes.feather_curves import gentle
from rde_roto.shapes.fitting import Fit, metric, off_px, solved
from rde_roto.shapes.shape import Points, Spline
from rde_roto.shapes.stretch import Indices, Stretch

_NEARLY = 1.1  # how far off a span may be, of what keys in all frames would give
_FADED = 1.0  # tolerances that a feather may be off
_TIED = 1e-3  # how strongly values are held at those of a fit of the frame alone
_AROUND = 3  # keys before and after a change that are fitted again


def keyed(stretch: Stretch, basis: Basis, tolerance_px: float, drawn: Mapping[int, Spline]) -> Fit:
    """Choose the keys of each node, and fit the values at all of them. Frames with a spline that
    was `drawn`, with points at the nodes, are keys of all nodes, which have its values there.
    """
    return _Keying(stretch, basis, tolerance_px, drawn).fit()


@dataclass(frozen=True, eq=False)
class _Node:
    """What of the basis concerns a node: the `samples` beside it, its own `columns` and all that
    are used there, and the `square` [T, 2 c, 2 c] of its own.
    """

    samples: Indices
    columns: Indices
    used: Indices
    square: Points


class _Keying:
    """Keys that are being chosen. `found` [T, C, 2] are the coefficients that they give."""

    def __init__(
        self, stretch: Stretch, basis: Basis, tolerance_px: float, drawn: Mapping[int, Spline]
    ) -> None:
        frames = stretch.frames.tolist()
        self.drawn = {frames.index(frame): spline for frame, spline in drawn.items()}
        self.stretch, self.basis = stretch, basis
        self.count = len(basis.nodes)
        self.each = solved(basis, stretch)
        for frame, spline in self.drawn.items():
            self.each[frame] = basis.coefficients(spline.points)
        self.found = self.each.copy()
        self.wanted_feather = _wanted_feather(basis, stretch, self.each)
        for frame, spline in self.drawn.items():
            self.wanted_feather[frame] = spline.feather
        self.feather = self.wanted_feather.copy()
        alone = off_px(basis, stretch, self.each, np.arange(self.count))
        # keys cannot bring a span nearer than the points allow
        self.allowed = np.maximum(tolerance_px, _NEARLY * alone)
        self.metric = metric(stretch)
        self.nodes = [self._node(node) for node in range(self.count)]
        self.keys = np.zeros((len(stretch), self.count), bool)
        self.keys[[0, -1, *self.drawn]] = True
        for node in range(self.count):
            for frame in (0, *self.drawn):
                self._interpolate(node, frame)

    def fit(self) -> Fit:
        off = self._off(np.arange(self.count))
        while added := self._add_keys(off):
            for step in (0, -1, 1):
                for node, frame in added:
                    self._interpolate((node + step) % self.count, frame)
            nodes = np.array([node for node, _ in added], np.int64)
            beside = np.unique((nodes[:, None] + np.arange(-2, 2)) % self.count)
            off[:, beside] = self._off(beside)
        self._remove_spare_keys(off)
        points = np.stack([self.basis.points(one) for one in self.found])
        for frame, spline in self.drawn.items():
            points[frame] = spline.points
        return Fit(self.stretch.frames, points, self.feather.clip(min=0), self.keys)

    def _node(self, node: int) -> _Node:
        spans = self.basis.spans
        samples = np.flatnonzero((spans == node) | (spans == (node - 1) % self.count))
        columns = self.basis.columns(node)
        part = self.basis.at_samples[np.ix_(samples, columns)]
        square = np.einsum(
            "ma,tmij,mb->taibj", part, self.metric[:, samples], part, optimize=True
        ).reshape(len(self.stretch), 2 * len(columns), 2 * len(columns))
        used = np.flatnonzero(self.basis.at_samples[samples].any(axis=0))
        return _Node(samples, columns, used, square + _TIED * np.eye(square.shape[1]))

    def _off(self, spans: Indices) -> Points:
        """How far the spans after some nodes are off, or the feather at these, [T, S]."""
        off = off_px(self.basis, self.stretch, self.found, spans)
        faded = np.abs(self.feather[:, spans] - self.wanted_feather[:, spans]).max(axis=2)
        worst: Points = np.maximum(off, faded / _FADED)
        return worst

    def _interpolate(self, node: int, frame: int) -> None:
        """Fit what a node has at its keys around a frame, by index, and so in all frames between
        them; what its other keys and those of a drawn frame have stays.
        """
        keys = np.flatnonzero(self.keys[:, node])
        middle = int(np.searchsorted(keys, frame))
        free = np.arange(max(0, middle - _AROUND), min(middle + _AROUND, len(keys)))
        first, last = free[0] - 1, free[-1] + 1
        span = slice(
            keys[first] if first >= 0 else 0,
            keys[last] + 1 if last < len(keys) else len(self.stretch),
        )
        frames = self.stretch.frames
        known = np.arange(max(0, first), min(last + 1, len(keys)))
        free = free[~np.isin(keys[free], list(self.drawn))]
        hats = np.eye(len(known))
        share = np.stack([np.interp(frames[span], frames[keys[known]], one) for one in hats], 1)
        held = ~np.isin(known, free)
        square, right = self._wanted(node, span)
        before = np.concatenate(
            [self._values(node)[keys[known]], self.feather[keys[known], node]], 1
        )
        feather = self.wanted_feather[span, node] - share[:, held] @ before[held, -2:]
        right -= np.einsum("tab,tb->ta", square, share[:, held] @ before[held, :-2])
        own, size = share[:, ~held], right.shape[1]
        matrix = np.einsum("tk,tl,tab->kalb", own, own, square, optimize=True)
        matrix = matrix.reshape(len(free) * size, len(free) * size)
        before[~held, :-2] = np.linalg.solve(matrix, (own.T @ right).ravel()).reshape(-1, size)
        before[~held, -2:] = np.linalg.solve(own.T @ own, own.T @ feather)
        along = share @ before
        columns = self.nodes[node].columns
        self.found[span, columns] = along[:, :-2].reshape(len(along), len(columns), 2)
        self.feather[span, node] = along[:, -2:]

    def _values(self, node: int) -> Points:
        """[T, 2 c]: what a node has."""
        values: Points = self.found[:, self.nodes[node].columns].reshape(len(self.stretch), -1)
        return values

    def _wanted(self, node: int, span: slice) -> tuple[Points, Points]:
        """The equations of a node in each frame, [T, 2 c, 2 c] and [T, 2 c], with the others as
        they are.
        """
        own = self.nodes[node]
        samples, others = own.samples, np.setdiff1d(own.used, own.columns)
        basis = self.basis.at_samples
        left = self.stretch.points[span][:, samples]
        left = left - basis[np.ix_(samples, others)] @ self.found[span][:, others]
        weighted = np.einsum("tmij,tmj->tmi", self.metric[span][:, samples], left)
        right = basis[np.ix_(samples, own.columns)].T @ weighted
        right += _TIED * self.each[span][:, own.columns]
        return own.square[span], right.reshape(len(right), -1)

    def _add_keys(self, off: Points) -> list[tuple[int, int]]:
        """Add keys beside each span that is off, in its worst frame; returns nodes and frames."""
        added: set[tuple[int, int]] = set()
        for span in np.flatnonzero((off > self.allowed).any(axis=0)):
            beside = [int(span), int(span + 1) % self.count]
            over = off[:, span] - self.allowed[:, span]
            frame = int(np.where(self.keys[:, beside].all(axis=1), -1, over).argmax())
            if over[frame] > 0 and not self.keys[frame, beside].all():
                self.keys[frame, beside] = True
                added.update((node, frame) for node in beside)
        return sorted(added)

    def _remove_spare_keys(self, off: Points) -> None:
        for node in range(self.count):
            columns, beside = self.nodes[node].columns, np.unique([(node - 1) % self.count, node])
            for frame in np.flatnonzero(self.keys[:, node]):
                if np.count_nonzero(self.keys[:, node]) == 1:
                    break
                if frame in self.drawn:
                    continue
                before = self.found[:, columns].copy(), self.feather[:, node].copy()
                self.keys[frame, node] = False
                self._interpolate(node, int(frame))
                now = self._off(beside)
                if (now <= np.maximum(off[:, beside], self.allowed[:, beside])).all():
                    off[:, beside] = now
                else:
                    self.keys[frame, node] = True
                    self.found[:, columns], self.feather[:, node] = before


def _wanted_feather(basis: Basis, stretch: Stretch, coefficients: Points) -> Points:
    """The feather of each node, [T, P, 2]: changing evenly from node to node, it is nearest to the
    soft edge all along the outline in least squares, as far as feathers can be drawn there.
    """
    if not stretch.soft.any():
        return np.zeros((len(stretch), len(basis.nodes), 2))
    weighted = stretch.weights[:, None] * basis.evenly.T
    even = np.linalg.solve(weighted @ basis.evenly, weighted @ stretch.soft).clip(min=0)
    splines = (basis.points(one) for one in coefficients)
    return np.stack([gentle(*one) for one in zip(splines, even, strict=True)])
