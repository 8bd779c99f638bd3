"""Feather: two curves, between which alpha fades evenly from one to nothing.

This is the one rule for how wide a feather is drawn: our own masks, the window's, Nuke's and
Blender's are all drawn between these curves. Hosts have one width a point, and their line in the
middle or at one end, so the curves are those of the line in the middle. Where a shape is too thin
for its feather, that becomes narrower: an inner curve that turned inside out would enclose more
than the line, and be drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.bezier import halved
from rde_roto.shapes.shape import Points
from rde_roto.shapes.thickness import room_inwards
from rde_roto.values.plate import LARGEST_PX

_SHORT_PX = 1e-6
_SHARES = np.linspace(0, 1, 8, endpoint=False)[:, None, None]  # of each cubic
_ROUNDS = 16
_LONGEST_MITRE = 2.0
_ROOM = 0.9  # of the way to what comes from the other side
_STOP = 0.9  # of a speed: no parallel is slowed down by more
_SLOPE = 0.5  # pixels of width a pixel along the spline


def feather_curves(points: Points, feather: Points) -> tuple[Points, Points]:
    """Return the inner and the outer curve of a closed spline, each [P, 3, 2].

    ``points`` [P, 3, 2] are left handle, point and right handle, ``feather`` [P, 2] its widths. A
    spline that lies in the middle of the two, with their distance from it as its feather, has the
    same curves.
    """
    middle, widths = evened(points, feather)
    shifts = outward(middle, widths)
    return middle - shifts, middle + shifts


def evened(points: Points, feather: Points) -> tuple[Points, NDArray[np.float64]]:
    """Return the spline [P, 3, 2] in the middle of a feather, and how far that fades on either
    side, [P].
    """
    inwards, outwards = limited(points, feather).T
    if (inwards == outwards).all():
        return points, inwards
    middle, half = points + outward(points, (outwards - inwards) / 2), (inwards + outwards) / 2
    return middle, limited(middle, np.stack([half, half], axis=1))[:, 0]


def inner_curve(middle: Points, widths: NDArray[np.float64]) -> Points:
    """Return the curve [P, 3, 2] that a closed spline is `outward` of, by some widths [P]."""
    inner = middle
    for _ in range(_ROUNDS):
        # its normals are its own; half of each step, as at tight bends these swing
        inner = (inner + middle - outward(inner, widths)) / 2
    return inner


def limited(points: Points, feather: Points) -> Points:
    """Return the feather [P, 2] of a closed spline, narrower in proportion where what lies across,
    inside or outside of the shape, is too near for it, there or halfway to the next point, and
    where it is wider than any plate: its curves would be farther away than files may say.
    """
    finer, fades = halved(points, feather)
    places, across, share = _places(finer), normals(finer), np.ones_like(fades)
    for side, way in enumerate((-across, across)):
        wanted = fades[:, side]
        room = _ROOM * room_inwards(finer[:, 1], way, wanted / _ROOM, places)
        share[:, side] = np.minimum(1, room / wanted.clip(min=_SHORT_PX))
    least = np.minimum.reduce([share[::2], share[1::2], np.roll(share[1::2], 1, axis=0)])
    least = np.minimum(least, LARGEST_PX / feather.clip(min=LARGEST_PX))
    narrower: Points = least.min(axis=1, keepdims=True) * feather
    return narrower


def gentle(points: Points, feather: Points) -> Points:
    """Return a feather [P, 2] that is narrower in proportion where there is no room for it, or
    where its widths change too fast: what all hosts draw alike, though they do not agree across
    which of the curves a feather is measured.
    """
    widths = limited(points, feather)
    runs = np.hypot(*(np.roll(points[:, 1], -1, axis=0) - points[:, 1]).T)
    at = np.cumsum(runs) - runs
    apart = np.abs(at[:, None] - at)
    apart = np.minimum(apart, runs.sum() - apart)
    slower = (widths + _SLOPE * apart[..., None]).min(axis=1)
    share = np.where(widths > _SHORT_PX, slower / widths.clip(min=_SHORT_PX), 1)
    narrower: Points = share.min(axis=1, keepdims=True) * widths
    return narrower


def outward(points: Points, widths: NDArray[np.float64]) -> Points:
    """Return what moves a closed spline [P, 3, 2] outwards by some widths [P] at its points.

    It goes along the normals there, at corners as far as the curves beside them need to stay
    parallel, and is parallel in between to first order.
    """
    shifts = np.zeros_like(points)
    if not widths.any():
        return shifts
    turn = turn_of(points)
    leaving, arriving = _cubics(points)
    shifts[:, 1] = (widths * _mitres(points))[:, None] * normals(points)
    # a handle is a third of the curve's speed there; backwards in time the normal is the other one
    for place, curve, sense, neighbour in ((2, leaving, turn, -1), (0, arriving, -turn, 1)):
        change = np.roll(widths, neighbour) - widths
        speed = change[:, None] * _right(sense * _directions(curve)) + _turning(
            curve, widths * sense
        )
        shifts[:, place] = shifts[:, 1] + speed / 3
    return shifts


def line_between(inner: Points, outer: Points) -> tuple[Points, Points]:
    """Return the spline [P, 3, 2] between two curves, and its feather [P, 2]: the same inwards and
    outwards.
    """
    middle = (inner + outer) / 2
    half = np.hypot(*(outer[:, 1] - inner[:, 1]).T) / 2 / _mitres(middle)
    return middle, np.stack([half, half], axis=1)


def curves_apart(curves: tuple[Points, Points], others: tuple[Points, Points]) -> float:
    """Return how far the points of two curves [P, 3, 2] are from those of two others, in pixels."""
    apart = np.stack(curves)[:, :, 1] - np.stack(others)[:, :, 1]
    return float(np.hypot(apart[..., 0], apart[..., 1]).max())


def turn_of(points: Points) -> float:
    """Return 1 if a closed spline runs clockwise on the screen, where y goes down, or -1."""
    x, y = points.reshape(-1, 2).T
    return float(np.sign((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) or 1.0)


def largest_turn(points: Points) -> float:
    """Return by how many degrees the cubic of a closed spline turns that turns most, 0..180."""
    leaving, arriving = _cubics(points)
    starts, ends = _directions(leaving), np.roll(-_directions(arriving), -1, axis=0)
    return float(np.degrees(np.arccos((starts * ends).sum(axis=1).clip(-1, 1))).max())


def _places(points: Points) -> Points:
    """Places along a closed spline, [M, 2], a few on each of its cubics."""
    start, leaves, arrives, end = _cubics(points)[0]
    t, s = _SHARES, 1 - _SHARES
    places: Points = s**3 * start + 3 * s * t * (s * leaves + t * arrives) + t**3 * end
    return np.reshape(places, (-1, 2))


def _cubics(points: Points) -> tuple[Points, Points]:
    """The cubics [4, P, 2] that leave each point of a closed spline, and those that arrive there,
    from the point backwards.
    """
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    leaving = np.stack([points[:, 1], points[:, 2], after[:, 0], after[:, 1]])
    return leaving, np.stack([points[:, 1], points[:, 0], before[:, 2], before[:, 1]])


def normals(points: Points) -> Points:
    """Return the unit vectors outwards at each point of a closed spline [P, 3, 2]."""
    leaving, arriving = _cubics(points)
    out, back = _directions(leaving), -_directions(arriving)
    return turn_of(points) * _right(_unit(out + back, out))


def _mitres(points: Points) -> NDArray[np.float64]:
    """How many widths away from each point of a closed spline what lies a width away from both
    curves there meets, [P]: more than 1 at corners.
    """
    leaving, arriving = _cubics(points)
    out, back = _directions(leaving), -_directions(arriving)
    cosine = np.where(out.any(axis=1) & back.any(axis=1), (out * back).sum(axis=1), 1)
    mitres: NDArray[np.float64] = np.sqrt(2 / (1 + cosine).clip(min=2 / _LONGEST_MITRE**2))
    return mitres


def _right(vectors: Points) -> Points:
    """Vectors [P, 2] turned to the right on the screen, where y goes down: outwards of what runs
    counter-clockwise.
    """
    right: Points = np.stack([vectors[:, 1], -vectors[:, 0]], axis=1)
    return right


def _directions(curve: Points) -> Points:
    """The unit vectors in which cubics [4, P, 2] start; 0 for a cubic that is a single place."""
    found: Points = np.zeros_like(curve[0])
    for end in curve[:0:-1]:
        run = end - curve[0]
        length = np.hypot(*run.T)[:, None]
        found = np.where(length > _SHORT_PX, run / np.maximum(length, _SHORT_PX), found)
    return found


def _unit(vectors: Points, otherwise: Points) -> Points:
    length = np.hypot(*vectors.T)[:, None]
    unit: Points = np.where(length > _SHORT_PX, vectors / np.maximum(length, _SHORT_PX), otherwise)
    return unit


def _speed_and_change(curve: Points) -> tuple[Points, Points]:
    """The first and second derivatives of cubics [4, P, 2] at their start."""
    return 3 * (curve[1] - curve[0]), 6 * (curve[2] - 2 * curve[1] + curve[0])


def _turning(curve: Points, widths: NDArray[np.float64]) -> Points:
    """How much faster cubics [4, P, 2] run at their start at some distances to the right, [P, 2].

    Where a curve is so tight that its parallel would run backwards, that nearly stands still: of a
    handle without a length, rounding would decide where it points, and the normal with it.
    """
    speed, change = _speed_and_change(curve)
    size = np.hypot(*speed.T)[:, None]
    along = speed / np.maximum(size, _SHORT_PX)
    bend = (change - (change * along).sum(axis=1)[:, None] * along) / np.maximum(size, _SHORT_PX)
    turned = widths[:, None] * _right(bend)
    length = np.hypot(*turned.T)[:, None]
    still: Points = np.where(
        size > _SHORT_PX, turned * np.minimum(1, _STOP * size / np.maximum(length, _SHORT_PX)), 0.0
    )
    return still
