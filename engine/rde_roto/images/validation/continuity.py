"""Checks mattes for continuity: elements that vanish, sudden changes of size, repeated frames.

A correct matte may do a lot: enter and leave the picture, pass behind things, or be empty
throughout. So a fault is only a change that is undone a few frames later, a jump between frames at
rest, or an empty matte where the element cannot have left the picture.
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
_LONGEST_EMPTY: Final = 8  # frames; after a longer gap it need not be the same thing
_LONGEST_SPIKE: Final = 3
_SUDDEN: Final = 0.5  # of the area a few frames before
_FACTOR: Final = 3.0
_ALIKE: Final = 1.5  # ratio of the areas before and after a spike
_AT_REST: Final = 1.2  # ratio of the areas among the frames before a step, and after it
_BESIDE: Final = 3  # frames examined on either side
_SAME_PLACE: Final = 0.3  # intersection over union of two mattes
_FASTER: Final = 1.5  # than from the frame before
_SKETCH: Final = 32  # squares of a side
_EMPTY: Final[Fault] = ("empty", "every matte is empty: is this the right element, or range?")
_REPEATED: Final[Fault] = (
    "repeats",
    "the matte is that of the frame before, while plate and matte move: render it again",
)


@dataclass(frozen=True)
class _FrameMatte:
    """Figures of a frame's matte: area, centre (x, y), distance from the border of the plate, and
    coarse shape, float16 [32, 32]; also its change since the previous frame and the length of its
    edges. A shift by d pixels changes about d / 2 times the edges.
    """

    frame: int
    area_px: float
    centre: tuple[float, float]
    margin_px: float
    sketch: NDArray[np.float16]
    changed_px: float
    edges_px: float

    @classmethod
    def of(cls, frame: int, plane: FloatArray, before: FloatArray | None) -> _FrameMatte:
        """Measure a plane [H, W], given the previous frame's plane."""
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
        """Whether it is not empty and equals the previous frame's matte."""
        return self.changed_px == 0 and self.edges_px > 0

    @property
    def is_fast(self) -> bool:
        """Whether it moves by two pixels or more: slower hard mattes pause every other frame."""
        return self.changed_px > self.edges_px > 0

    def covers(self, other: _FrameMatte) -> bool:
        """Whether it is in the same place as another matte."""
        both = np.minimum(self.sketch, other.sketch).sum(dtype=np.float64)
        either = np.maximum(self.sketch, other.sketch).sum(dtype=np.float64)
        return bool(both > _SAME_PLACE * either)

    def may_leave(self, neighbour: _FrameMatte) -> bool:
        """Whether it may leave the picture within a frame, moving from or to a neighbour."""
        speed = float(np.hypot(*np.subtract(self.centre, neighbour.centre)))
        return self.margin_px <= 1 + _FASTER * speed


class Continuity:
    """Collects the mattes of a sequence in ascending order of frames; keeps one frame's pixels.

    `window` is the plate's data window.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._last: dict[str, FloatArray] = {}
        self._mattes: dict[str, list[_FrameMatte]] = {}
        self._frames: list[int] = []

    def add(
        self, frame: int, planes: Mapping[str, FloatArray], data: Window, are_labels: bool
    ) -> None:
        """Add the mattes of a frame by name, float32 [H, W] over the window `data`.

        A missing label counts as empty; a missing layer is a separate fault.
        """
        placed = {name: self._placed(plane, data) for name, plane in planes.items()}
        gone = self._mattes.keys() - placed.keys() if are_labels else ()
        nothing = np.zeros(self._window.shape, np.float32)
        placed |= dict.fromkeys(gone, nothing)
        for name, plane in placed.items():
            if are_labels and name not in self._mattes and self._frames:
                before = _FrameMatte.of(frame, nothing, nothing)
                self._mattes[name] = [replace(before, frame=earlier) for earlier in self._frames]
            seen = _FrameMatte.of(frame, plane, self._last.get(name))
            self._mattes.setdefault(name, []).append(seen)
        self._last = placed
        if placed or are_labels:
            self._frames.append(frame)

    def faults(self, plate: Plate, in_points: Collection[int]) -> Iterator[tuple[int, Fault]]:
        """Yield frames and their faults; at `in_points` an element may begin to exist.

        Raises InputError for a plate that cannot be read.
        """
        if not any(
            seen.area_px > _NOTHING_PX for frames in self._mattes.values() for seen in frames
        ):
            yield from ((frame, _EMPTY) for frame in self._frames)
            return
        apart = min((b - a for a, b in pairwise(self._frames)), default=1)
        moving = {s.frame for frames in self._mattes.values() for s in frames if s.changed_px > 0}
        repeated: set[int] = set()
        for name, frames in self._mattes.items():
            for part in _without_holes(frames, apart):
                yield from _empty_ones(name, part, in_points)
                yield from _faults_of(name, part)
                repeated.update(_repeated(part))
        for frame in sorted(repeated - moving):
            if _plate_moves(plate, frame - apart, frame):
                yield frame, _REPEATED

    def _placed(self, plane: FloatArray, data: Window) -> FloatArray:
        """Move a plane to the plate's data window, filled with 0."""
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
    """Reduce a plane to a grid of equal squares: the mean of each."""
    edges = [np.linspace(0, side, _SKETCH, endpoint=False, dtype=int) for side in plane.shape]
    sums = np.add.reduceat(np.add.reduceat(plane, edges[0], axis=0), edges[1], axis=1)
    sketch: NDArray[np.float16] = (sums * (_SKETCH * _SKETCH / plane.size)).astype(np.float16)
    return sketch


def _without_holes(frames: Sequence[_FrameMatte], apart: int) -> Iterator[Sequence[_FrameMatte]]:
    """The runs of consecutive frames."""
    begin = 0
    for end in range(1, len(frames) + 1):
        if end == len(frames) or frames[end].frame - frames[end - 1].frame != apart:
            yield frames[begin:end]
            begin = end


def _empty_ones(
    name: str, frames: Sequence[_FrameMatte], in_points: Collection[int]
) -> Iterator[tuple[int, Fault]]:
    """Empty frames next to a frame where the matte suddenly vanishes or appears."""
    between = f"{name} is empty between frames that have it: render it again"
    beside = (
        f"{name} is empty, but whole and inside the picture in the frame before or after: render "
        "it again, unless it is hidden there or has its in-point"
    )
    for begin, end in _empty_runs(frames):
        before, behind = frames[max(begin - _BESIDE, 0) : begin], frames[end : end + _BESIDE]
        is_lost, is_back = _is_whole(before[::-1]), _is_whole(behind)
        if not before and is_back and behind[0].frame in in_points:
            continue
        if is_lost and is_back and end - begin <= _LONGEST_EMPTY and _is_undone(frames, begin, end):
            sentence = between
        elif (is_lost and not _leaves(frames, begin)) or (is_back and not _comes(frames, end)):
            sentence = beside
        else:
            continue
        yield from ((seen.frame, ("empty", sentence)) for seen in frames[begin:end])


def _faults_of(name: str, frames: Sequence[_FrameMatte]) -> Iterator[tuple[int, Fault]]:
    areas = [seen.area_px for seen in frames]
    begin = 1
    while begin < len(frames) - 1:
        length, word = _spike(areas, begin)
        if length and _is_undone(frames, begin, begin + length):
            fault: Fault = ("area", f"{name} is suddenly {word}, and then as before: look at it")
            yield from ((seen.frame, fault) for seen in frames[begin : begin + length])
        begin += length or 1
    for place in range(_BESIDE, len(frames) - _BESIDE + 1):
        around = frames[place - _BESIDE : place + _BESIDE]
        word = _stepped([seen.area_px for seen in around])
        if word and not any(starmap(_FrameMatte.may_leave, pairwise(around))):
            yield frames[place].frame, ("area", f"{name} is suddenly {word}: look at it")


def _is_undone(frames: Sequence[_FrameMatte], begin: int, end: int) -> bool:
    """Whether what happens from `begin` to `end` is not a way out of the picture and back."""
    is_moved = not frames[begin - 1].covers(frames[end])
    return not (is_moved and (_leaves(frames, begin) or _comes(frames, end)))


def _leaves(frames: Sequence[_FrameMatte], begin: int) -> bool:
    """Whether the matte before `begin` may have left the picture at `begin`."""
    return frames[begin - 1].may_leave(frames[max(begin - 2, 0)])


def _comes(frames: Sequence[_FrameMatte], end: int) -> bool:
    """Whether the matte at `end` may have come from outside the picture."""
    return frames[end].may_leave(frames[min(end + 1, len(frames) - 1)])


def _empty_runs(frames: Sequence[_FrameMatte]) -> Iterator[tuple[int, int]]:
    """Where runs of empty frames begin and end."""
    begin = 0
    for is_empty, run in groupby(frames, lambda seen: seen.area_px <= _NOTHING_PX):
        end = begin + len(list(run))
        if is_empty:
            yield begin, end
        begin = end


def _is_whole(beside: Sequence[_FrameMatte]) -> bool:
    """Whether the first of the frames next to an empty one has most of the area of the others."""
    areas = [seen.area_px for seen in beside]
    return bool(areas) and areas[0] >= max(_SMALL_PX, _SUDDEN * max(areas))


def _spike(areas: Sequence[float], begin: int) -> tuple[int, str]:
    """The number of frames from `begin` on that are far smaller or larger than the similar frames
    around them, and which of the two; 0 if there are none.
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
    """Whether the second half of some areas is suddenly smaller or larger, if both halves are at
    rest; else empty.
    """
    halves = areas[: len(areas) // 2], areas[len(areas) // 2 :]
    if any(min(half) < _SMALL_PX or max(half) > _AT_REST * min(half) for half in halves):
        return ""
    if max(halves[1]) * _FACTOR < min(halves[0]):
        return "smaller"
    return "larger" if min(halves[1]) > _FACTOR * max(halves[0]) else ""


def _repeated(frames: Sequence[_FrameMatte]) -> Iterator[int]:
    """Frames that repeat the previous matte while it moves fast before and after them."""
    steps = frames[1:]
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
