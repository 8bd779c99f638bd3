"""Feather as hosts have it: two curves, between which alpha fades from one to nothing.

Hosts know one width a point. So the line lies in the middle, and a feather that is wider on one
side becomes its mean. Where the shape is too thin for that, it becomes narrower: an inner curve
that turned inside out would enclose more than the line, and be drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.bezier import halved
from rde_roto.shapes.shape import Points
from rde_roto.shapes.thickness import room_inwards

_SHORT_PX = 1e-6
_ACROSS = 0.85
_SHARES = np.linspace(0, 1, 8, endpoint=False)[:, None, None]  # of each cubic
_ROUNDS = 16
_KEPT = 0.9  # of the way to the middle: the inner curve stays one


def feather_curves(points: Points, feather: Points) -> tuple[Points, Points]:
    """Return the inner and the outer curve of a closed spline, each [P, 3, 2].

    ``points`` [P, 3, 2] are left handle, point and right handle, ``feather`` [P, 2] its widths. The
    spline itself is the mean of the two.
    """
    shifts = outward(points, _widths(points, feather))
    return points - shifts, points + shifts


def inner_curve(points: Points, feather: Points) -> tuple[Points, NDArray[np.float64]]:
    """Return the curve [P, 3, 2] that a closed spline is `outward` of, and by how much, [P]."""
    widths = _widths(points, feather)
    inner = points
    for _ in range(_ROUNDS):
        # its normals are its own; half of each step, as at tight bends these swing
        inner = (inner + points - outward(inner, widths)) / 2
    return inner, widths


def _widths(points: Points, feather: Points) -> NDArray[np.float64]:
    """How far the inner curve lies inwards of a closed spline's points, [P]: the mean of its
    feather, or less where the shape is too thin for that, there or halfway to the next point.
    """
    finer, fades = halved(points, feather)
    wanted, inwards = fades.mean(axis=1), -_normals(finer)
    # a corner's own two sides are not across from it
    room = _KEPT * room_inwards(finer[:, 1], inwards, wanted / _KEPT, _places(finer), _ACROSS)
    halfway = np.where(room < wanted, room, np.inf)[1::2]
    limits = np.stack([wanted[::2], room[::2], halfway, np.roll(halfway, 1)])
    widths: NDArray[np.float64] = limits.min(axis=0)
    return widths


def outward(points: Points, widths: NDArray[np.float64]) -> Points:
    """Return what moves a closed spline [P, 3, 2] outwards by some widths [P] at its points.

    It goes along the normals there, and is parallel in between to first order.
    """
    shifts = np.zeros_like(points)
    if not widths.any():
        return shifts
    turn, normals = turn_of(points), _normals(points)
    leaving, arriving = _cubics(points)
    shifts[:, 1] = widths[:, None] * normals
    # a handle is a third of the curve's speed there; backwards in time the normal is the other one
    for place, curve, sense, neighbour in ((2, leaving, turn, -1), (0, arriving, -turn, 1)):
        change = np.roll(widths, neighbour) - widths
        speed = change[:, None] * normals + _turning(curve, widths * sense)
        shifts[:, place] = shifts[:, 1] + speed / 3
    return shifts


def line_between(inner: Points, outer: Points) -> tuple[Points, Points]:
    """Return the spline [P, 3, 2] between two curves, and its feather [P, 2]: the same inwards and
    outwards.
    """
    half = np.hypot(*(outer[:, 1] - inner[:, 1]).T) / 2
    return (inner + outer) / 2, np.stack([half, half], axis=1)


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


def _normals(points: Points) -> Points:
    """The unit vectors outwards at each point of a closed spline [P, 3, 2]."""
    leaving, arriving = _cubics(points)
    out, back = _directions(leaving), -_directions(arriving)
    along = _unit(out + back, out)
    normals: Points = turn_of(points) * np.stack([along[:, 1], -along[:, 0]], axis=1)
    return normals


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


def _turning(curve: Points, widths: NDArray[np.float64]) -> Points:
    """How much faster cubics [4, P, 2] run at their start at some distances to the right, [P, 2].

    Where a curve is so tight that its parallel would run backwards, that stands still.
    """
    speed, change = 3 * (curve[1] - curve[0]), 6 * (curve[2] - 2 * curve[1] + curve[0])
    size = np.hypot(*speed.T)[:, None]
    along = speed / np.maximum(size, _SHORT_PX)
    bend = (change - (change * along).sum(axis=1)[:, None] * along) / np.maximum(size, _SHORT_PX)
    turned = widths[:, None] * np.stack([bend[:, 1], -bend[:, 0]], axis=1)
    length = np.hypot(*turned.T)[:, None]
    still: Points = np.where(
        size > _SHORT_PX, turned * np.minimum(1, size / np.maximum(length, _SHORT_PX)), 0.0
    )
    return still
