"""What hosts have in common: keys that the points of a shape share, and shapes above each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from rde_roto.shapes.bezier import flattened
from rde_roto.shapes.feather_curves import feather_curves
from rde_roto.shapes.shape import Points, Shape, ShapePoint

MOST_FRAMES: Final = 100_000
"""The longest shot that is read from a host."""

LARGEST_FRAME: Final = 10**15
"""The largest number of a frame, either way: doubles tell all of these apart."""

FARTHEST_PX: Final = 1e6
"""How far from the display window's corner points may be, and how wide feathers."""

MOST_OFF_PX: Final = 1.0
"""By how much a host may draw a feather elsewhere before that is said."""

_IN_LINE_PX: Final = 0.05  # a key that is off the line between its neighbours by less is none


def shared_key_frames(shape: Shape) -> list[int]:
    """Return the frames of a shape's life that need a key if all of its points have the same, and
    it has no motion. Before the first and after the last of them it stays as it is.
    """
    motion = shape.motion
    keys = sorted({*shape.key_frames, *(motion.frames if motion else ())})
    first, last = (min(max(key, shape.first), shape.last) for key in (keys[0], keys[-1]))
    needed = sorted({first, last} | {key for key in shape.key_frames if shape.is_there(key)})
    if motion is None and not shape.is_soft:
        return needed
    frames = list(range(first, last + 1))
    # what a feather fades between goes straight too, though its width and direction do
    places = [np.stack(feather_curves(*shape.at(frame))).ravel() for frame in frames]
    kept = _needed_keys(np.stack(places), [frame - first for frame in needed])
    return [frames[index] for index in kept]


def point_with_keys(frames: list[int], handles: Points, feather: Points) -> ShapePoint:
    """Return a point with no more keys than it needs to be at some places in all of some frames:
    handles [F, 3, 2], feather [F, 2]. Raises ValueError for a point that is too far away.
    """
    values = np.concatenate([handles.reshape(len(frames), 6), feather], axis=1)
    if not (np.abs(values) <= FARTHEST_PX).all():
        raise ValueError(f"a point, a handle or a feather is more than {FARTHEST_PX:,.0f} px away")
    at = _needed_keys(values, [0, len(frames) - 1])
    if len(at) == 2 and np.abs(values[at[0]] - values[at[1]]).max() <= _IN_LINE_PX:
        at = at[:1]
    return ShapePoint(tuple(frames[index] for index in at), handles[at], feather[at])


def _needed_keys(values: Points, known: list[int]) -> list[int]:
    """Return which of some values [F, N] need a key besides known ones, in ascending order."""
    kept, pending = set(known), list(pairwise(known))
    while pending:
        start, end = pending.pop()
        if end - start < 2:
            continue
        share = np.arange(1, end - start)[:, None] / (end - start)
        off = np.abs(values[start + 1 : end] - (1 - share) * values[start] - share * values[end])
        worst = int(off.max(axis=1).argmax())
        if off[worst].max() > _IN_LINE_PX:
            kept.add(start + 1 + worst)
            pending += [(start, start + 1 + worst), (start + 1 + worst, end)]
    return sorted(kept)


def bottom_first(shapes: list[Shape]) -> list[Shape]:
    """Order the shapes of an element so that each hole is above what it is cut out of, and a part
    inside a hole above that.
    """
    if not any(shape.is_hole for shape in shapes):
        return shapes
    depth: dict[int, int] = {}
    for frame in sorted({shape.first for shape in shapes}):
        there = [index for index, shape in enumerate(shapes) if shape.is_there(frame)]
        lines = {index: flattened(shapes[index].at(frame)[0]).polygon for index in there}
        for index in there:
            if shapes[index].first == frame:
                at = lines[index][0]
                depth[index] = sum(_encloses(lines[other], at) for other in there if other != index)
    return [shapes[index] for index in sorted(depth, key=lambda index: (depth[index], index))]


def _encloses(line: Points, at: Points) -> bool:
    """Whether a place is inside a closed line (even-odd)."""
    (x, y), (end_x, end_y) = line.T, np.roll(line, -1, axis=0).T
    crosses = (y > at[1]) != (end_y > at[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        where = x + (at[1] - y) / (end_y - y) * (end_x - x)
    return bool((crosses & (at[0] < where)).sum() % 2)
