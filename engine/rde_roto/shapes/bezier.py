"""Closed cubic Bezier splines: the lines that show them, and the basis in which they are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.shape import Points

FLAT_PX = 0.01
"""How far a chord may be from its curve."""

_MOST_CHORDS = 512
_CUTS = 257  # places of a cubic at which it may be cut


class Flattened(NamedTuple):
    """Closed splines as polygons, `polygon` [..., N, 2], and after which of their points each
    corner comes, `spans` [N].
    """

    polygon: Points
    spans: NDArray[np.int64]


def halved(points: Points, feather: Points) -> tuple[Points, Points]:
    """Return the same closed spline with twice the points, [2P, 3, 2], and their feather, [2P, 2]:
    each cubic is cut in its middle (de Casteljau).

    Args: points [P, 3, 2], left handle, point, right handle; feather [P, 2].
    """
    after = np.roll(points, -1, axis=0)
    start, leaves, arrives, end = points[:, 1], points[:, 2], after[:, 0], after[:, 1]
    first, second, last = (start + leaves) / 2, (leaves + arrives) / 2, (arrives + end) / 2
    before, beyond = (first + second) / 2, (second + last) / 2
    kept = np.stack([np.roll(last, 1, axis=0), start, first], axis=1)
    added = np.stack([before, (before + beyond) / 2, beyond], axis=1)
    between = (feather + np.roll(feather, -1, axis=0)) / 2
    return (
        np.stack([kept, added], axis=1).reshape(-1, 3, 2),
        np.stack([feather, between], axis=1).reshape(-1, 2),
    )


def cut(cubic: Points, near: Points) -> Points:
    """Cut a cubic [4, 2] where it is nearest to a place [2]. Return where its handles are then,
    [4, 2]: from its start, to the left and to the right from the place, and from its end.
    """
    t = np.linspace(0, 1, _CUTS)[:, None]
    s = 1 - t
    on = s**3 * cubic[0] + 3 * s * t * (s * cubic[1] + t * cubic[2]) + t**3 * cubic[3]
    at = float(t[np.hypot(*(on - near).T).argmin(), 0])
    first, second, last = cubic[:-1] + at * np.diff(cubic, axis=0)  # de Casteljau
    left, right = first + at * (second - first), second + at * (last - second)
    middle = left + at * (right - left)
    return np.stack([first - cubic[0], left - middle, right - middle, last - cubic[3]])


def flattened(points: Points) -> Flattened:
    """Return closed splines as polygons within `FLAT_PX` of them.

    ``points`` [..., P, 3, 2] are left handle, point and right handle; P may be 1. Corners of one
    number are at the same place of each spline.
    """
    after = np.roll(points, -1, axis=-3)
    start, leaves, arrives, end = (
        points[..., 1, :],
        points[..., 2, :],
        after[..., 0, :],
        after[..., 1, :],
    )
    bends = np.abs([start - 2 * leaves + arrives, leaves - 2 * arrives + end])
    most = np.moveaxis(bends, -2, 0).reshape(points.shape[-3], -1).max(axis=1)
    # a chord over 1/n of a curve is off by at most 3/4 of its second difference over n squared
    counts = np.ceil(np.sqrt(0.75 * np.sqrt(2) * most / FLAT_PX)).clip(1, _MOST_CHORDS)
    counts = counts.astype(np.int64)
    which = np.repeat(np.arange(len(counts)), counts)
    begun = np.cumsum(counts) - counts
    t = ((np.arange(len(which)) - begun[which]) / counts[which])[:, None]
    s = 1 - t
    start, leaves, arrives, end = (one[..., which, :] for one in (start, leaves, arrives, end))
    polygon: Points = s**3 * start + 3 * s * t * (s * leaves + t * arrives) + t**3 * end
    return Flattened(polygon, which)


@dataclass(frozen=True, eq=False)
class Basis:
    """Splines through nodes at fixed places of a closed line: linear in their coefficients [C, 2].

    The coefficients are the positions of the nodes, then their velocities with regard to the place:
    one of a smooth node, whose handles are in line, two of a corner. `spans` [M] is the node before
    each place. `at_samples` [M, C] gives the points at all places, `to_handles` [3 P, C] left
    handle, point and right handle of each node, `evenly` [M, P] what changes evenly from node to
    node.
    """

    nodes: NDArray[np.int64]
    corners: NDArray[np.bool_]
    spans: NDArray[np.int64]
    at_samples: NDArray[np.float64]
    to_handles: NDArray[np.float64]
    evenly: NDArray[np.float64]

    @classmethod
    def of(
        cls, places: NDArray[np.float64], nodes: NDArray[np.int64], corners: NDArray[np.bool_]
    ) -> Basis:
        """Build the basis.

        Args:
            places: [M + 1] ascending, the place of each sample of the line; the last is the length
                of the whole line, where the first sample comes again.
            nodes: [P] ascending, at which samples the nodes are; at least 2.
            corners: [P], which of them are corners.
        """
        count, total = len(nodes), places[-1]
        at = places[nodes]
        runs = np.diff(np.append(at, at[0] + total))
        span = (np.searchsorted(nodes, np.arange(len(places) - 1), side="right") - 1) % count
        after = (span + 1) % count
        run = runs[span]
        t = ((places[:-1] - at[span]) % total) / run
        leaving = count + np.arange(count)  # the columns of the velocities
        arriving = leaving.copy()
        arriving[corners] = 2 * count + np.arange(np.count_nonzero(corners))
        columns = 2 * count + np.count_nonzero(corners)
        rows = np.arange(len(t))
        samples = np.zeros((len(t), columns))
        np.add.at(samples, (rows, span), (1 + 2 * t) * (1 - t) ** 2)
        np.add.at(samples, (rows, after), t * t * (3 - 2 * t))
        np.add.at(samples, (rows, leaving[span]), t * (1 - t) ** 2 * run)
        np.add.at(samples, (rows, arriving[after]), t * t * (t - 1) * run)
        handles = np.zeros((count, 3, columns))
        own = np.arange(count)
        handles[own, :, own] = 1
        handles[own, 0, arriving] = -np.roll(runs, 1) / 3
        handles[own, 2, leaving] = runs / 3
        evenly = np.zeros((len(t), count))
        evenly[rows, span] = 1 - t
        evenly[rows, after] = t
        return cls(nodes, corners, span, samples, handles.reshape(3 * count, columns), evenly)

    def points(self, coefficients: NDArray[np.float64]) -> Points:
        """Return [P, 3, 2]: left handle, point and right handle of each node."""
        points: Points = (self.to_handles @ coefficients).reshape(-1, 3, 2)
        return points

    def columns(self, node: int) -> NDArray[np.int64]:
        """Return which coefficients are those of a node: its position, then its velocities."""
        count = len(self.nodes)
        own = [node, count + node]
        if self.corners[node]:
            own.append(2 * count + int(np.count_nonzero(self.corners[:node])))
        return np.array(own)

    def ends(self, spans: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the nodes at the ends of some spans, ascending."""
        return np.unique(np.concatenate([spans, (spans + 1) % len(self.nodes)]))
