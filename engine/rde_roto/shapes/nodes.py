"""Chooses the points of a spline: at corners, where it bends most, where its feather changes."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.anchors import Anchors
from rde_roto.shapes.bezier import Basis, Course
from rde_roto.shapes.fitting import off_px, solved, solved_near
from rde_roto.shapes.shape import Points
from rde_roto.shapes.stretch import Flags, Indices, Stretch

_APART = 3  # samples between two nodes, at least
_CORNER = float(np.cos(np.radians(55)))  # the outline turns by more at a corner
_CHOSEN_FROM = 12  # frames
_LEAST, _MOST = 3, 128
_SLIDES = 3
_FADED, _FADED_PART = 1.0, 0.15  # tolerances, and parts of it, that a feather may be off
_AROUND = 3  # nodes before and after one that is taken out, which are fitted again


def basis_for(
    stretch: Stretch, tolerance_px: float, anchors: Anchors | None = None
) -> tuple[Basis, Stretch]:
    """Return the basis with few nodes, in which splines fit each frame within a tolerance, and the
    stretch with samples where these splines want them. With anchors their nodes are among them.

    At most 128 nodes, or those of the anchors: of an outline that needs more, detail is lost.
    """
    few = stretch.few(_CHOSEN_FROM)
    if anchors is None:
        turns, count = _turns(few), few.points.shape[1]
        first = int(turns.mean(axis=0).argmin())  # the sharpest bend
        nodes = np.unique((first + np.arange(_LEAST) * count // _LEAST) % count)
    else:
        nodes = anchors.nodes
    basis = _chosen(few, nodes, tolerance_px, anchors)
    # a corner is rarely followed to the very sample: once the samples have slid along the outline
    # to the splines, fewer nodes will do
    for _ in range(_SLIDES):
        stretch = stretch.slid_to(basis.at_samples @ solved(basis, stretch))
    return _chosen(stretch.few(_CHOSEN_FROM), basis.nodes, tolerance_px, anchors), stretch


def _chosen(few: Stretch, nodes: Indices, tolerance_px: float, anchors: Anchors | None) -> Basis:
    """Add nodes to some, take out what is spare, but for those of anchors."""
    corners = _corners(_turns(few))
    if anchors is None:
        course, kept = Course(few.places, corners, np.ones(len(corners))), np.empty(0, np.int64)
    else:
        course, kept = anchors.course(few.places, corners), anchors.nodes
    basis = _with_more(few, Basis.of(course, nodes), course, tolerance_px)
    basis = _without_spare(few, course, basis, kept, tolerance_px)
    # what was taken out was judged by its surroundings alone
    return _with_more(few, basis, course, tolerance_px)


def _with_more(few: Stretch, basis: Basis, course: Course, tolerance_px: float) -> Basis:
    """Add nodes until the splines are within the tolerance, or there is no room."""
    most = min(_MOST, len(basis.spans) // _APART)
    while True:
        room = max(0, most - len(basis.nodes))
        new = _new_nodes(basis, few, tolerance_px, course.corners)[:room]
        if not len(new):
            return basis
        basis = Basis.of(course, np.sort(np.append(basis.nodes, new)))


def _turns(few: Stretch) -> Points:
    """How much the outline turns around each sample, [T, M]: 1 not at all, -1 back."""
    normals = few.normals
    turns: Points = (np.roll(normals, 2, axis=1) * np.roll(normals, -2, axis=1)).sum(axis=2)
    return turns


def _corners(turns: Points) -> Flags:
    """Which samples are corners in most frames: where the outline turns sharply, and most."""
    turn = np.median(turns, axis=0)
    sharpest: Flags = turn < _CORNER
    for step in range(1, _APART + 1):
        sharpest &= (turn <= np.roll(turn, step)) & (turn < np.roll(turn, -step))
    return sharpest


def _new_nodes(basis: Basis, few: Stretch, tolerance_px: float, corners: Flags) -> Indices:
    """Where more nodes help, the most urgent first: in the worst half of the spans that are off,
    each in its worst place, or at a corner near that.
    """
    nodes, count = basis.nodes, len(basis.spans)
    each = solved(basis, few)
    off = off_px(basis, few, each, np.arange(len(nodes))).max(axis=0)
    away = basis.at_samples @ each - few.points
    worst = (few.weights * np.einsum("tmi,tmi->tm", away, few.normals) ** 2).max(axis=0)
    fades = _fades_off(nodes, few, tolerance_px)
    faded = np.maximum.reduceat(np.roll(fades, -nodes[0]), nodes - nodes[0])
    # where the line itself is near enough, its feather may want a point
    of_feather = (off <= tolerance_px) & (faded > 1)
    worst = np.where(of_feather[basis.spans], fades, worst)
    off = np.where(of_feather, tolerance_px * faded, off)
    free = np.ones(count, bool)
    free[(nodes[:, None] + np.arange(1 - _APART, _APART)) % count] = False
    wanting = np.flatnonzero(off > tolerance_px)
    wanting = wanting[np.argsort(-off[wanting])]
    new = []
    for span in wanting[: (len(wanting) + 1) // 2]:
        allowed = free & (basis.spans == span)
        if allowed.any():
            place = int(np.where(allowed, worst, -1).argmax())
            around = (place + np.arange(-_APART, _APART + 1)) % count
            sharp = around[(allowed & corners)[around]]
            new.append(int(sharp[0]) if len(sharp) else place)
    return np.array(new, np.int64)


def _fades_off(nodes: Indices, few: Stretch, tolerance_px: float) -> Points:
    """How far feathers that change evenly from node to node are off at each sample, [M], in parts
    of what they may be.
    """
    soft, own = few.evened_soft, np.arange(few.points.shape[1])
    if not soft.any():
        return np.zeros(len(own))
    span = (np.searchsorted(nodes, own, side="right") - 1) % len(nodes)
    before, after = nodes[span], np.roll(nodes, -1)[span]
    share = (own - before) % len(own) / ((after - before) % len(own))
    even = soft[:, before] + share[:, None] * (soft[:, after] - soft[:, before])
    allowed = _FADED * tolerance_px + _FADED_PART * soft
    off: Points = (np.abs(even - soft) / allowed).max(axis=(0, 2))
    return off


def _without_spare(
    few: Stretch, course: Course, basis: Basis, kept: Indices, tolerance_px: float
) -> Basis:
    """Take out nodes, but for some, without which the spline, fitted again around them, stays as
    near, and its feather too.
    """
    nodes, place = basis.nodes, 0
    fades = _fades_off(nodes, few, tolerance_px)
    while place < len(nodes) and len(nodes) > _LEAST:
        if nodes[place] in kept:
            place += 1
            continue
        fewer = np.delete(nodes, place)
        reduced = Basis.of(course, fewer)
        spans = np.unique((place + np.arange(-_AROUND - 1, _AROUND)) % len(fewer))
        off = off_px(reduced, few, solved_near(reduced, few, spans), spans)
        faded = _fades_off(fewer, few, tolerance_px)
        if off.max() <= tolerance_px and (faded <= np.maximum(fades, 1)).all():
            nodes, fades = fewer, faded
        else:
            place += 1
    return Basis.of(course, nodes)
