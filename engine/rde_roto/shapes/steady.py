"""Takes the motion of a whole outline out of it: a shaking camera, a car that drives and turns.

What is left is how its form changes, which needs few keys. Only shift and turn are taken out: they
keep all distances as they are, so that tolerances and feather mean the same before and after.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.shape import Motion, Points
from rde_roto.shapes.stretch import Indices, Stretch

_ROUNDS = 8
_LEAST_OFF_PX = 0.3  # samples that are nearer count in full
_SLACK = 0.25  # tolerances that the motion may be off: the form takes that up

_Complex: TypeAlias = NDArray[np.complex128]


def steadied(stretch: Stretch, tolerance_px: float) -> tuple[Motion | None, Stretch]:
    """Return the motion of a stretch, and the stretch without it; None where it has none."""
    places = stretch.points @ np.array([1, 1j])
    middle = complex(np.average(places[0], weights=stretch.weights[0]))
    radius = float(np.abs(places[0] - middle).mean())
    values = _followed(places, stretch.weights, middle)
    keys = _needed(stretch.frames, values * (1, 1, radius), _SLACK * tolerance_px)
    shifts, turns = values[keys, :2], np.degrees(values[keys, 2])
    if np.hypot(*shifts.T).max() + radius * np.abs(values[:, 2]).max() <= _SLACK * tolerance_px:
        return None, stretch
    frames = tuple(map(int, stretch.frames[keys]))
    motion = Motion(np.array([middle.real, middle.imag]), frames, shifts, turns)
    return motion, stretch.without(motion)


def _followed(places: _Complex, weights: Points, middle: complex) -> Points:
    """Return shift and turn in radians, [T, 3], of each frame against the first."""
    before, found = places[0], np.zeros((len(places), 3))
    for frame in range(1, len(places)):
        turn, shift = _brought_onto(before - middle, places[frame] - middle, weights[frame])
        found[frame] = shift.real, shift.imag, np.angle(turn)
        # each frame against the one before it, without its motion: forms change
        before = (places[frame] - middle - shift) / turn + middle
    found[:, 2] = np.unwrap(found[:, 2])
    return found


def _brought_onto(before: _Complex, after: _Complex, weights: Points) -> tuple[complex, complex]:
    """Return turn and shift that bring most points [M] nearest to others."""
    trusted = weights
    turn, shift = 1 + 0j, 0j
    for _ in range(_ROUNDS):
        total = trusted.sum()
        centre, other = (trusted * before).sum() / total, (trusted * after).sum() / total
        turned = complex((trusted * np.conj(before - centre) * (after - other)).sum())
        turn = turned / abs(turned) if abs(turned) else 1 + 0j
        shift = complex(other - turn * centre)
        off = np.abs(turn * before + shift - after)
        trusted = weights / (1 + (off / max(float(np.median(off)), _LEAST_OFF_PX)) ** 2)
    return turn, shift


def _needed(frames: Indices, values: Points, slack: float) -> Indices:
    """Return the frames, by index, between which the values [T, D] may go straight."""
    keys = [0, len(frames) - 1]
    while True:
        along = np.stack([np.interp(frames, frames[keys], one[keys]) for one in values.T], axis=1)
        off = np.abs(along - values).sum(axis=1)
        if off.max() <= slack:
            return np.unique(keys)
        keys = sorted({*keys, int(off.argmax())})
