"""Draws the curve of an element's confidence over the frames, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from rde_roto.values.report import ElementTrack, Report

_WIDTH, _HEIGHT = 960, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 24, 18, 124
_MOST_COLUMNS = 450
_TICKS = 8
_LABEL_WIDTH = 46


@dataclass(frozen=True)
class _Axis:
    """Frames from left to right, in a limited number of columns."""

    first: int
    last: int

    @property
    def columns(self) -> int:
        return min(self.last - self.first + 1, _MOST_COLUMNS)

    def column(self, frame: int) -> int:
        return (frame - self.first) * self.columns // (self.last - self.first + 1)

    def x(self, column: float) -> float:
        """The left border of a column."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * column / self.columns

    def middle(self, frame: int) -> float:
        return self.x(self.column(frame) + 0.5)


@dataclass(frozen=True)
class _Height:
    """Confidences from bottom to top: from 0, or from 0.5 if none is lower, to 1."""

    least: float

    def y(self, confidence: float) -> float:
        return _TOP + (_BOTTOM - _TOP) * (1 - confidence) / (1 - self.least)


def confidence_curve(report: Report, track: ElementTrack) -> str:
    """Draw an ``<svg>`` of the confidences, 0 to 1, over the frame numbers.

    Of several frames in one column the lowest confidence is drawn. Doubtful frames are shaded;
    keyframes and the frame to correct first are marked.
    """
    axis = _Axis(report.frames.first, report.frames.last)
    height = _Height(0.0 if min(track.confidences.values(), default=1.0) < 0.5 else 0.5)
    parts = [
        *_doubts(axis, track.doubtful),
        *_scale(height),
        *_ticks(axis),
        *_keyframes(axis, report.keyframes),
        *_line(axis, height, track),
        *_next(axis, track.correct_at),
    ]
    label = f"confidence, frames {axis.first} to {axis.last}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _doubts(axis: _Axis, frames: Iterable[int]) -> Iterator[str]:
    for first, last in _runs(sorted({axis.column(frame) for frame in frames})):
        left, right = axis.x(first), axis.x(last + 1)
        yield (
            f'<rect class="doubt" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" '
            f'height="{_BOTTOM - _TOP}"/>'
        )


def _runs(columns: list[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of neighbouring columns."""
    start = 0
    for end in range(1, len(columns) + 1):
        if end == len(columns) or columns[end] > columns[end - 1] + 1:
            yield columns[start], columns[end - 1]
            start = end


def _scale(height: _Height) -> Iterator[str]:
    for value in (height.least, (1 + height.least) / 2, 1):
        y = height.y(value)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'


def _ticks(axis: _Axis) -> Iterator[str]:
    """Ticks at both ends, and at round numbers in between."""
    least = (axis.last - axis.first) / _TICKS
    steps = (factor * 10**power for power in range(10) for factor in (1, 2, 5))
    step = next(step for step in steps if step >= least)
    ends = axis.middle(axis.first), axis.middle(axis.last)
    round_ones = range(axis.first - axis.first % step + step, axis.last, step)
    between = [f for f in round_ones if min(abs(axis.middle(f) - x) for x in ends) > _LABEL_WIDTH]
    for frame in dict.fromkeys((axis.first, *between, axis.last)):
        x = axis.middle(frame)
        yield f'<path class="tick" d="M{x:.1f} {_BOTTOM}v5"/>'
        yield f'<text x="{x:.1f}" y="{_BOTTOM + 19}" text-anchor="middle">{frame}</text>'


def _keyframes(axis: _Axis, frames: Iterable[int]) -> Iterator[str]:
    for x in dict.fromkeys(axis.middle(frame) for frame in frames):
        yield f'<path class="keyline" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
        yield f'<path class="key" d="M{x:.1f} {_TOP - 13}l6 6-6 6-6-6z"/>'


def _line(axis: _Axis, height: _Height, track: ElementTrack) -> Iterator[str]:
    """The curve, interrupted at frames without a value; a single frame is a dot."""
    lowest: dict[int, float] = {}
    for frame, confidence in track.confidences.items():
        column = axis.column(frame)
        lowest[column] = min(confidence, lowest.get(column, 1.0))
    step = min((after - before for before, after in pairwise(lowest)), default=1)
    path, before = [], None
    for column, confidence in lowest.items():
        is_joined = before is not None and column - before <= 2 * step
        point = f"{axis.x(column + 0.5):.1f} {height.y(confidence):.1f}"
        path.append(f"L{point}" if is_joined else f"M{point}h0")
        before = column
    yield f'<path class="line" d="{"".join(path)}"/>'


def _next(axis: _Axis, frame: int | None) -> Iterator[str]:
    if frame is not None:
        x = axis.middle(frame)
        yield f'<path class="nextline" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
        yield f'<path class="next" d="M{x:.1f} {_TOP - 1}l-7-12h14z"/>'
