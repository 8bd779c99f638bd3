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
    each cubic is divided in its middle.

    Args: points [P, 3, 2], left handle, point, right handle; feather [P, 2].
    """
    count = len(points)
    return divided(points, feather, np.repeat(np.arange(count), 2), np.tile([0.0, 0.5], count))


def divided(
    points: Points, feather: Points, spans: NDArray[np.int64], t: NDArray[np.float64]
) -> tuple[Points, Points]:
    """Return the same closed spline with more points, [Q, 3, 2], and their feather, [Q, 2].

    Args:
        points: [P, 3, 2], left handle, point, right handle.
        feather: [P, 2], which changes evenly from point to point.
        spans: [Q] ascending, after which of the points each of the new ones lies, all of 0..P-1.
        t: [Q], where on the cubic there; ascending on each from 0, which is the old point.
    """
    ends = np.where(np.roll(t, -1) > 0, np.roll(t, -1), 1.0)
    follows = np.roll(points, -1, axis=0)
    cubics = np.stack([points[:, 1], points[:, 2], follows[:, 0], follows[:, 1]])[:, spans]
    (start, leaves), (end, arrives) = (_place_and_speed(cubics, at[:, None]) for at in (t, ends))
    third = (ends - t)[:, None] / 3
    left = np.roll(end - third * arrives, 1, axis=0)
    faded = feather[spans] + t[:, None] * (np.roll(feather, -1, axis=0) - feather)[spans]
    return np.stack([left, start, start + third * leaves], axis=1), faded


def _place_and_speed(cubics: Points, t: Points) -> tuple[Points, Points]:
    """Where cubics [4, N, 2] are at t [N, 1], and their derivatives there."""
    s, (start, leaves, arrives, end) = 1 - t, cubics
    place = s**3 * start + 3 * s * t * (s * leaves + t * arrives) + t**3 * end
    speed = s * s * (leaves - start) + 2 * s * t * (arrives - leaves) + t * t * (end - arrives)
    return place, 3 * speed


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
class Course:
    """A closed line of M samples, any of which may be a node of a spline.

    `places` [M + 1] are ascending, the place of each sample on the line; the last is the length of
    the whole line, where the first sample comes again. `corners` [M] say which would be corners,
    `ratios` [M] how many times as fast a spline arrives at each of the others as it leaves it.
    """

    places: NDArray[np.float64]
    corners: NDArray[np.bool_]
    ratios: NDArray[np.float64]


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
    def of(cls, course: Course, nodes: NDArray[np.int64]) -> Basis:
        """Build the basis of splines with at least two nodes, at some samples [P], ascending."""
        places, corners, ratios = course.places, course.corners[nodes], course.ratios[nodes]
        ratios = np.where(corners, 1.0, ratios)
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
        np.add.at(samples, (rows, arriving[after]), t * t * (t - 1) * run * ratios[after])
        handles = np.zeros((count, 3, columns))
        own = np.arange(count)
        handles[own, :, own] = 1
        handles[own, 0, arriving] = -np.roll(runs, 1) * ratios / 3
        handles[own, 2, leaving] = runs / 3
        evenly = np.zeros((len(t), count))
        evenly[rows, span] = 1 - t
        evenly[rows, after] = t
        return cls(nodes, corners, span, samples, handles.reshape(3 * count, columns), evenly)

    def points(self, coefficients: NDArray[np.float64]) -> Points:
        """Return [P, 3, 2]: left handle, point and right handle of each node."""
        points: Points = (self.to_handles @ coefficients).reshape(-1, 3, 2)
        return points

    def coefficients(self, points: Points) -> Points:
        """Return the coefficients [C, 2] of the splines nearest to points and handles [P, 3, 2]."""
        found = np.linalg.lstsq(self.to_handles, points.reshape(-1, 2), rcond=None)[0]
        return found.astype(np.float64, copy=False)

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
