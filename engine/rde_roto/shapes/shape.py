"""Shapes: closed Bezier splines whose points are the same ones in every frame of the shape's life.

Coordinates are pixels of the plate, x to the right and y down from the top left corner of the
display window; the centre of its first pixel is (0.5, 0.5). Formats of hosts that count from the
bottom turn them over themselves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat

Points: TypeAlias = NDArray[np.float64]
"""Coordinates, [..., 2]: x, y; or widths, [..., 2]: inwards, outwards."""


@dataclass(frozen=True, eq=False)
class Spline:
    """What a shape is at one frame: `points` [P, 3, 2] are left handle, point and right handle on
    the plate, `feather` [P, 2] its widths.
    """

    points: Points
    feather: Points


@dataclass(frozen=True, eq=False)
class ShapePoint:
    """A point of a shape with keys of its own.

    `frames` are ascending. `handles` [N, 3, 2] are the left handle, the point and the right handle
    at each of them, all in plate coordinates. `feather` [N, 2] is how far the edge fades there,
    inwards and outwards: alpha is 1 at the inner end, 1/2 on the line and 0 at the outer end.
    Raises ValueError when these do not fit each other.
    """

    frames: tuple[int, ...]
    handles: Points
    feather: Points

    def __post_init__(self) -> None:
        count = len(self.frames)
        if not count or list(self.frames) != sorted(set(self.frames)):
            raise ValueError("the keys of a point must have ascending frames, at least one")
        if self.handles.shape != (count, 3, 2) or self.feather.shape != (count, 2):
            raise ValueError(f"expected {count} keys of a point, with three places and two widths")

    def at(self, frame: int) -> Points:
        """Return its values at a frame, [4, 2]: three places, then the two widths.

        Between two keys they change at constant speed; before the first and after the last they
        stay.
        """
        places, widths = (_between(self.frames, one, frame) for one in (self.handles, self.feather))
        return np.concatenate([places, widths[None]])


@dataclass(frozen=True, eq=False)
class Motion:
    """How a shape moves as a whole, as a tracked layer does: it turns around `centre` [2], then
    shifts.

    `frames` are ascending. `shifts` [N, 2] are pixels, `turns` [N] degrees, clockwise as seen.
    Raises ValueError when these do not fit each other.
    """

    centre: Points
    frames: tuple[int, ...]
    shifts: Points
    turns: Points

    def __post_init__(self) -> None:
        count = len(self.frames)
        if not count or list(self.frames) != sorted(set(self.frames)):
            raise ValueError("the keys of a motion must have ascending frames, at least one")
        if self.shifts.shape != (count, 2) or self.turns.shape != (count,):
            raise ValueError(f"expected {count} keys of a motion, with a shift and a turn")

    def at(self, frame: int) -> tuple[Points, float]:
        """Return shift [2] and turn at a frame; between keys and beyond them as `ShapePoint.at`."""
        turn = float(_between(self.frames, self.turns, frame))
        return _between(self.frames, self.shifts, frame), turn

    def during(self, first: int, last: int) -> Motion:
        """Return it with no more keys than `first` to `last` need: these two and those between."""
        frames = tuple(sorted({first, last, *(one for one in self.frames if first < one < last)}))
        there = [self.at(frame) for frame in frames]
        shifts, turns = (np.array(values) for values in zip(*there, strict=True))
        return Motion(self.centre, frames, shifts, turns)

    def moved(self, points: Points, frame: int) -> Points:
        """Bring points [..., 2] of the shape to where they are on the plate at a frame."""
        shift, turn = self.at(frame)
        moved: Points = (points - self.centre) @ turned(turn) + self.centre + shift
        return moved

    def steadied(self, points: Points, frame: int) -> Points:
        """The reverse of `moved`."""
        shift, turn = self.at(frame)
        before: Points = (points - shift - self.centre) @ turned(-turn) + self.centre
        return before


def _between(frames: tuple[int, ...], values: Points, frame: int) -> Points:
    """Values [N, ...] at some frames, brought straight to another one. Takes no longer for many
    keys than for a few, as documents may have thousands.
    """
    after = bisect_right(frames, frame)
    if after in (0, len(frames)):
        ends: Points = values[min(after, len(frames) - 1)]
        return ends
    share = (frame - frames[after - 1]) / (frames[after] - frames[after - 1])
    between: Points = values[after - 1] + share * (values[after] - values[after - 1])
    return between


def turned(degrees: float) -> Points:
    """The matrix that turns vectors [..., 2] before it clockwise as seen."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, sin], [-sin, cos]])


@dataclass(frozen=True, eq=False)
class Shape:
    """One closed spline over its life, from `first` to `last` inclusive; elsewhere it is not there.

    A hole is taken away from the other shapes of its element. With a `motion` the places of its
    points are those before it: see `at`.
    """

    name: str
    element: str
    is_hole: bool
    first: int
    last: int
    points: tuple[ShapePoint, ...]
    motion: Motion | None = None

    @property
    def key_frames(self) -> tuple[int, ...]:
        """The frames at which any of its points has a key."""
        return tuple(sorted({frame for point in self.points for frame in point.frames}))

    @property
    def key_count(self) -> int:
        """The keys of all its points and of its motion: what an artist has to look after."""
        keys = sum(len(point.frames) for point in self.points)
        return keys if self.motion is None else keys + len(self.motion.frames)

    @property
    def is_soft(self) -> bool:
        """Whether any of its points has a feather at any key."""
        return any(point.feather.any() for point in self.points)

    def is_there(self, frame: int) -> bool:
        """Whether a frame is within its life."""
        return self.first <= frame <= self.last

    def at(self, frame: int) -> tuple[Points, Points]:
        """Return handles and points [P, 3, 2] on the plate, and feather [P, 2], at a frame."""
        values = np.stack([point.at(frame) for point in self.points])
        places, feather = values[:, :3], values[:, 3]
        return places if self.motion is None else self.motion.moved(places, frame), feather


@dataclass(frozen=True, eq=False)
class ShotShapes:
    """The shapes of a shot's elements, for the plate's `format` and `frames`, in the order in which
    they are drawn: each hole is taken away from what comes before it.

    `tolerance_px` is how far they may be off the mattes that they were made from; None if an artist
    drew them. `remarks` are sentences about what a host would draw differently.
    """

    format: PlateFormat
    frames: FrameRange
    elements: tuple[str, ...]
    shapes: tuple[Shape, ...]
    tolerance_px: float | None = None
    remarks: tuple[str, ...] = ()

    def there(self, element: str, frame: int) -> Iterator[Shape]:
        """Yield the shapes of an element that are there at a frame, in their order.

        Raises UsageError for an unknown element.
        """
        if element not in self.elements:
            known = ", ".join(self.elements) or "none"
            raise UsageError(f"the shapes have no element '{element}', but {known}")
        return (s for s in self.shapes if s.element == element and s.is_there(frame))
