"""Gives a shape the points of a line that an artist drew of it.

The line is laid onto the outline that it draws, in order, and the samples that were followed become
places on the line: so many on each of its cubics, so that its points are samples, where a spline
may have nodes. In the frame of the line the samples are those of the line itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rde_roto.shapes.bezier import Course, divided
from rde_roto.shapes.feather_curves import turn_of
from rde_roto.shapes.matching import Samples, Sampling, follow
from rde_roto.shapes.outlines import Outline
from rde_roto.shapes.shape import Motion, Points, Spline
from rde_roto.shapes.stretch import Flags, Indices, Stretch

_FEWEST = 6  # samples of a cubic, so that there is room for another point on it
_SURVEYED = 16  # places of a cubic that are laid onto the outline
_IN_LINE = 0.9998  # cosine of two handles that are in line
_EVENLY = 0.05  # of how samples are spread on a cubic; the rest is as those that were followed


@dataclass(frozen=True, eq=False)
class Drawn:
    """A line that an artist drew at a frame, the outline it draws, and the samples [M] of that
    outline that are followed.
    """

    frame: int
    line: Spline
    outline: Outline
    followed: Samples


@dataclass(frozen=True, eq=False)
class Anchors:
    """The artist's points of a stretch of M samples. `lines` are hers by frame, all with P points.
    `spans` [M] are the points after which samples lie, `share` [M] where on the cubics there, 0..1:
    of each point one sample at 0.
    """

    lines: Mapping[int, Spline]
    spans: Indices
    share: Points

    @property
    def nodes(self) -> Indices:
        """At which samples the points are, [P]."""
        return np.flatnonzero(self.share == 0)

    def course(self, places: Points, corners: Flags) -> Course:
        """Return the course on which her points are smooth as she drew them, by the places [M + 1]
        of the samples and which would be corners [M] if they were points.
        """
        at = places[self.nodes]
        runs = np.diff(np.append(at, at[0] + places[-1]))
        lines = np.stack([one.points for one in self.lines.values()])
        left, points, right = np.moveaxis(lines, 2, 0)
        # how fast her lines arrive at each point and leave it, [2, L, P, 2]
        speeds = np.stack([points - left, right - points])
        speeds /= np.stack([np.roll(runs, 1), runs])[:, None, :, None]
        fast = np.linalg.norm(speeds, axis=3)
        in_line = speeds.prod(axis=0).sum(axis=2) > _IN_LINE * fast.prod(axis=0)
        ratio = fast[0] / fast[1].clip(min=1e-9)
        # of two lines that are not smooth alike, both handles of a point are free
        alike = np.ptp(ratio, axis=0) <= (1 - _IN_LINE) * ratio[0]
        corners, ratios = corners.copy(), np.ones(len(corners))
        corners[self.nodes], ratios[self.nodes] = ~(in_line.all(axis=0) & alike), ratio[0]
        return Course(places, corners, ratios)

    def at(self, nodes: Indices) -> dict[int, Spline]:
        """Return her lines by frame, with a point at each of some samples, hers among them."""
        return {
            frame: _divided(line, self.spans[nodes], self.share[nodes])
            for frame, line in self.lines.items()
        }

    def without(self, motion: Motion) -> Anchors:
        """Return them as they are before a motion."""
        lines = {
            frame: replace(line, points=motion.steadied(line.points, frame))
            for frame, line in self.lines.items()
        }
        return replace(self, lines=lines)


def anchored(
    stretch: Stretch, drawn: Sequence[Drawn], sampling: Sampling
) -> tuple[Stretch, Anchors]:
    """Return a stretch with samples on the lines that an artist drew of it, and her points.

    These are those of the first line, and of later ones that have as many, on average nearer to
    where the same ones were followed to than to those beside them. Where the first line lies beside
    the outline, because it fades farther to one side, so do the samples in all frames.
    """
    total, frames = stretch.points.shape[1], stretch.frames.tolist()
    first = _laid(drawn[0], sampling.blur_px)
    spans, share, at = _spread(first, total)
    stretch = stretch.between(at)
    beside = np.diff(_divided(drawn[0].line, spans, share).feather, axis=1) / 2
    outwards = stretch.normals * (-1 if drawn[0].outline.is_hole else 1)
    points, normals, inside = stretch.points - beside * outwards, stretch.normals, stretch.counts
    soft, lines = (stretch.soft + beside * (-1, 1)).clip(min=0), {}
    for one in drawn:
        if one is drawn[0] or _go_on(first, _laid(one, sampling.blur_px), total):
            frame, lines[one.frame] = frames.index(one.frame), one.line
            own = _divided(one.line, spans, share)
            points[frame], soft[frame] = own.points[:, 1], own.feather
            sampled = _samples(own.points[:, 1], one, sampling.blur_px)
            normals[frame] = sampled.normals[:: _way(one)]
            inside[frame] = sampling.inside(points[frame])
    stretch = Stretch.of(stretch.frames, points, normals, inside, soft)
    return stretch, Anchors(lines, spans, share)


def _divided(line: Spline, spans: Indices, share: Points) -> Spline:
    return Spline(*divided(line.points, line.feather, spans, share))


def _way(drawn: Drawn) -> int:
    """Whether a line runs as its outline, 1, or the other way round, -1."""
    # an outline runs clockwise, around a hole the other way; artists draw in either direction
    return int(turn_of(drawn.line.points)) * (-1 if drawn.outline.is_hole else 1)


def _samples(points: Points, drawn: Drawn, blur_px: float) -> Samples:
    """Sample a drawn line at points of it, in the direction of its outline."""
    run = Outline(points[:: _way(drawn)], drawn.outline.area_px, drawn.outline.is_hole)
    return Samples.at(run, run.places[:-1], blur_px)


def _laid(drawn: Drawn, blur_px: float) -> Points:
    """Lay a line onto the outline that it draws. Return where, among samples that were followed,
    evenly spread places of its cubics are, [P, S].
    """
    outline, followed, count = drawn.outline, drawn.followed, len(drawn.line.points)
    spans = np.repeat(np.arange(count), _SURVEYED)
    share = np.tile(np.arange(_SURVEYED) / _SURVEYED, count)
    own = _samples(_divided(drawn.line, spans, share).points[:, 1], drawn, blur_px)
    places = follow(own, outline, np.zeros(2), blur_px).places - followed.places[0]
    turns, rest = np.divmod(places, outline.length_px)
    closed = np.append(followed.places - followed.places[0], outline.length_px)
    order = np.arange(len(closed))
    at = turns * order[-1] + np.interp(rest, closed, order)
    laid: Points = at[:: _way(drawn)].reshape(count, _SURVEYED)
    return laid


def _spread(laid: Points, total: int) -> tuple[Indices, Points, Points]:
    """Spread samples over a line as densely as there are followed samples, of which there are
    `total`: after which points of the line and where on the cubics there, and where among these.
    """
    ends = np.append(laid, laid[0, 0])
    forwards = float(np.sign(ends[-2] - ends[0]))
    ends[-1] += forwards * total
    counts, shares, places = [], [], []
    for on in np.lib.stride_tricks.sliding_window_view(ends, _SURVEYED + 1)[::_SURVEYED]:
        count = max(_FEWEST, int(np.ceil(abs(on[-1] - on[0]))))
        at, even = np.linspace(on[0], on[-1], count, endpoint=False), np.arange(count) / count
        share = np.interp(forwards * at, forwards * on, np.linspace(0, 1, len(on)))
        share[0] = 0
        counts.append(count)
        shares.append((1 - _EVENLY) * share + _EVENLY * even)
        places.append(at)
    spans = np.repeat(np.arange(len(laid)), counts)
    return spans, np.concatenate(shares), np.concatenate(places)


def _go_on(first: Points, later: Points, total: int) -> bool:
    """Whether the points of a line are those of the first one, by where both are laid, among
    samples that were followed, of which there are `total`.
    """
    if len(first) != len(later):
        return False
    at = first[:, 0]
    away, gaps = (
        np.abs((one + total / 2) % total - total / 2)
        for one in (later[:, 0] - at, np.roll(at, -1) - at)
    )
    return bool(away.mean() < gaps.mean() / 2)
