"""How mattes go on from frame to frame: what is suddenly gone, sudden sizes, frames that repeat.

A matte that is right may do much: come into the picture and leave it, pass behind things, be of an
element that is not there at all. So a fault is only what happens from one frame to the next and
is undone, or stands between frames that are at rest, or leaves nothing, where the element cannot
have left the picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, starmap
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rde_roto.images.validation.findings import Fault
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, Window

_NOTHING_PX: Final = 0.5
_SMALL_PX: Final = 16  # an element of less may come and go
_VISIBLE: Final = 0.05
_LONGEST_EMPTY: Final = 8  # frames, after which what comes back in its place need not be the same
_LONGEST_SPIKE: Final = 3
_SUDDEN: Final = 0.5  # of the area a few frames before
_FACTOR: Final = 3.0
_ALIKE: Final = 1.5  # areas before and behind a spike
_AT_REST: Final = 1.2  # areas of the frames before a step, and of those behind it
_BESIDE: Final = 3  # frames looked at on either side
_SAME_PLACE: Final = 0.3  # of the union of two mattes is in both
_FASTER: Final = 1.5  # than from the frame before
_SKETCH: Final = 32  # squares of a side
_EMPTY: Final[Fault] = ("empty", "every matte is empty: is this the right element, or range?")
_REPEATED: Final[Fault] = (
    "repeats",
    "the matte is that of the frame before, while plate and matte move: render it again",
)


@dataclass(frozen=True)
class _Seen:
    """A matte of a frame: its area, its centre (x, y), how far it is from the border of the plate,
    and its shape in squares, float16 [32, 32]; how much of it has changed since the frame before,
    and how long its edges are. A shift by d pixels changes about d / 2 times the edges.
    """

    frame: int
    area_px: float
    centre: tuple[float, float]
    margin_px: float
    sketch: NDArray[np.float16]
    changed_px: float
    edges_px: float

    @classmethod
    def of(cls, frame: int, plane: FloatArray, before: FloatArray | None) -> _Seen:
        """Of a plane [H, W] and that of the frame before."""
        rows, columns = plane.sum(axis=1), plane.sum(axis=0)
        area = float(rows.sum())
        margins = [float("inf")]
        for sums in (plane.max(axis=1), plane.max(axis=0)):
            there = np.flatnonzero(sums > _VISIBLE)
            margins += [float(there[0]), float(len(sums) - 1 - there[-1])] if len(there) else []
        centre = tuple(float(sums @ np.arange(len(sums))) / (area or 1) for sums in (columns, rows))
        edges = sum(float(np.abs(np.diff(plane, axis=axis)).sum()) for axis in (0, 1))
        changed = area if before is None else float(np.abs(plane - before).sum())
        margin, sketch = min(margins), _sketch(plane)
        return cls(frame, area, (centre[0], centre[1]), margin, sketch, changed, edges)

    @property
    def is_repeated(self) -> bool:
        """Whether it is there, and as it was in the frame before."""
        return self.changed_px == 0 and self.edges_px > 0

    @property
    def is_fast(self) -> bool:
        """Two pixels and more: slower, hard mattes stand still every other frame."""
        return self.changed_px > self.edges_px > 0

    def covers(self, other: _Seen) -> bool:
        """Whether it is in the same place."""
        both = np.minimum(self.sketch, other.sketch).sum(dtype=np.float64)
        either = np.maximum(self.sketch, other.sketch).sum(dtype=np.float64)
        return bool(both > _SAME_PLACE * either)

    def may_leave(self, neighbour: _Seen) -> bool:
        """Whether it may be out of the picture a frame on, as it moves from or to a neighbour."""
        speed = float(np.hypot(*np.subtract(self.centre, neighbour.centre)))
        return self.margin_px <= 1 + _FASTER * speed


class Course:
    """The mattes of a sequence, frame by frame in ascending order; keeps one frame's pixels.

    `window` is the plate's data window.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._last: dict[str, FloatArray] = {}
        self._seen: dict[str, list[_Seen]] = {}
        self._frames: list[int] = []

    def add(
        self, frame: int, planes: Mapping[str, FloatArray], data: Window, are_labels: bool
    ) -> None:
        """The mattes of a frame by name, float32 [H, W] over the window `data`.

        A label that is not there has no pixel; a layer that is not there is a fault of its own.
        """
        placed = {name: self._placed(plane, data) for name, plane in planes.items()}
        gone = self._seen.keys() - placed.keys() if are_labels else ()
        nothing = np.zeros(self._window.shape, np.float32)
        placed |= dict.fromkeys(gone, nothing)
        for name, plane in placed.items():
            if are_labels and name not in self._seen and self._frames:
                before = _Seen.of(frame, nothing, nothing)
                self._seen[name] = [replace(before, frame=earlier) for earlier in self._frames]
            seen = _Seen.of(frame, plane, self._last.get(name))
            self._seen.setdefault(name, []).append(seen)
        self._last = placed
        if placed or are_labels:
            self._frames.append(frame)

    def faults(self, plate: Plate, introduced: Collection[int]) -> Iterator[tuple[int, Fault]]:
        """Frames and what is wrong there; at those `introduced` an element may begin to exist.

        Raises InputError for a plate that cannot be read.
        """
        if not any(seen.area_px > _NOTHING_PX for course in self._seen.values() for seen in course):
            yield from ((frame, _EMPTY) for frame in self._frames)
            return
        apart = min((b - a for a, b in pairwise(self._frames)), default=1)
        moving = {s.frame for course in self._seen.values() for s in course if s.changed_px > 0}
        repeated: set[int] = set()
        for name, course in self._seen.items():
            for part in _without_holes(course, apart):
                yield from _empty_ones(name, part, introduced)
                yield from _faults_of(name, part)
                repeated.update(_repeated(part))
        for frame in sorted(repeated - moving):
            if _plate_moves(plate, frame - apart, frame):
                yield frame, _REPEATED

    def _placed(self, plane: FloatArray, data: Window) -> FloatArray:
        """A plane over the plate's data window, 0 where it has none."""
        plane = np.nan_to_num(plane, posinf=1, neginf=0)
        if data == self._window:
            return plane
        placed = np.zeros(self._window.shape, np.float32)
        left, top = data.x - self._window.x, data.y - self._window.y
        inside = placed[max(top, 0) : max(top + data.height, 0), max(left, 0) :]
        inside = inside[:, : max(left + data.width, 0) - max(left, 0)]
        source = plane[max(-top, 0) :, max(-left, 0) :]
        inside[...] = source[: inside.shape[0], : inside.shape[1]]
        return placed


def _sketch(plane: FloatArray) -> NDArray[np.float16]:
    """A plane in squares of equal size, as far as they can be: what each holds of it."""
    edges = [np.linspace(0, side, _SKETCH, endpoint=False, dtype=int) for side in plane.shape]
    sums = np.add.reduceat(np.add.reduceat(plane, edges[0], axis=0), edges[1], axis=1)
    sketch: NDArray[np.float16] = (sums * (_SKETCH * _SKETCH / plane.size)).astype(np.float16)
    return sketch


def _without_holes(course: Sequence[_Seen], apart: int) -> Iterator[Sequence[_Seen]]:
    """The parts of a course whose frames follow one another."""
    begin = 0
    for end in range(1, len(course) + 1):
        if end == len(course) or course[end].frame - course[end - 1].frame != apart:
            yield course[begin:end]
            begin = end


def _empty_ones(
    name: str, course: Sequence[_Seen], introduced: Collection[int]
) -> Iterator[tuple[int, Fault]]:
    """Empty frames beside one that has the matte, where it is suddenly gone, or there."""
    between = f"{name} is empty between frames that have it: render it again"
    beside = (
        f"{name} is empty, while it is whole, and within the picture, in the frame before or "
        "behind: render it again, unless it is hidden there or has its in-point"
    )
    for begin, end in _empty_runs(course):
        before, behind = course[max(begin - _BESIDE, 0) : begin], course[end : end + _BESIDE]
        is_lost, is_back = _is_whole(before[::-1]), _is_whole(behind)
        if not before and is_back and behind[0].frame in introduced:
            continue
        if is_lost and is_back and end - begin <= _LONGEST_EMPTY and _is_undone(course, begin, end):
            sentence = between
        elif (is_lost and not _leaves(course, begin)) or (is_back and not _comes(course, end)):
            sentence = beside
        else:
            continue
        yield from ((seen.frame, ("empty", sentence)) for seen in course[begin:end])


def _faults_of(name: str, course: Sequence[_Seen]) -> Iterator[tuple[int, Fault]]:
    areas = [seen.area_px for seen in course]
    begin = 1
    while begin < len(course) - 1:
        length, word = _spike(areas, begin)
        if length and _is_undone(course, begin, begin + length):
            fault: Fault = ("area", f"{name} is suddenly {word}, and then as before: look at it")
            yield from ((seen.frame, fault) for seen in course[begin : begin + length])
        begin += length or 1
    for place in range(_BESIDE, len(course) - _BESIDE + 1):
        around = course[place - _BESIDE : place + _BESIDE]
        word = _stepped([seen.area_px for seen in around])
        if word and not any(starmap(_Seen.may_leave, pairwise(around))):
            yield course[place].frame, ("area", f"{name} is suddenly {word}: look at it")


def _is_undone(course: Sequence[_Seen], begin: int, end: int) -> bool:
    """Whether what is between `begin` and `end` is no way out of the picture and back."""
    is_moved = not course[begin - 1].covers(course[end])
    return not (is_moved and (_leaves(course, begin) or _comes(course, end)))


def _leaves(course: Sequence[_Seen], begin: int) -> bool:
    """Whether what is there before `begin` may be out of the picture then."""
    return course[begin - 1].may_leave(course[max(begin - 2, 0)])


def _comes(course: Sequence[_Seen], end: int) -> bool:
    """Whether what is there at `end` may have been out of the picture before."""
    return course[end].may_leave(course[min(end + 1, len(course) - 1)])


def _empty_runs(course: Sequence[_Seen]) -> Iterator[tuple[int, int]]:
    """Where stretches of empty frames begin and end."""
    begin = 0
    for is_empty, run in groupby(course, lambda seen: seen.area_px <= _NOTHING_PX):
        end = begin + len(list(run))
        if is_empty:
            yield begin, end
        begin = end


def _is_whole(beside: Sequence[_Seen]) -> bool:
    """Whether the first of some frames beside an empty one has most of what the others have."""
    areas = [seen.area_px for seen in beside]
    return bool(areas) and areas[0] >= max(_SMALL_PX, _SUDDEN * max(areas))


def _spike(areas: Sequence[float], begin: int) -> tuple[int, str]:
    """The number of frames from `begin` on that are far smaller or larger than those around them,
    which are alike; and how they are.
    """
    before = areas[begin - 1]
    for length in range(1, min(_LONGEST_SPIKE, len(areas) - begin - 1) + 1):
        behind, within = areas[begin + length], areas[begin : begin + length]
        low, high = sorted((before, behind))
        if low < _SMALL_PX or high > _ALIKE * low:
            continue
        if _NOTHING_PX < max(within) < low / _FACTOR:
            return length, "smaller"
        if min(within) > _FACTOR * high:
            return length, "larger"
    return 0, ""


def _stepped(areas: Sequence[float]) -> str:
    """How the second half of some areas is, where either half is at rest; or nothing."""
    halves = areas[: len(areas) // 2], areas[len(areas) // 2 :]
    if any(min(half) < _SMALL_PX or max(half) > _AT_REST * min(half) for half in halves):
        return ""
    if max(halves[1]) * _FACTOR < min(halves[0]):
        return "smaller"
    return "larger" if min(halves[1]) > _FACTOR * max(halves[0]) else ""


def _repeated(course: Sequence[_Seen]) -> Iterator[int]:
    """Frames with the matte of the one before, where it moves fast before and behind them, or to
    the end.
    """
    steps = course[1:]
    begin = 0
    while begin < len(steps):
        end = begin
        while end < len(steps) and steps[end].is_repeated:
            end += 1
        sides = [*steps[max(begin - 2, 0) : begin], *steps[end : end + 2]]
        if sides and all(step.is_fast for step in sides):
            yield from (step.frame for step in steps[begin:end])
        begin = max(end, begin + 1)


def _plate_moves(plate: Plate, before: int, frame: int) -> bool:
    if before not in plate.range or frame not in plate.range:
        return False
    return not np.array_equal(plate.read(before), plate.read(frame))
