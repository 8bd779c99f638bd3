"""Rasterises splines: how much of each pixel they cover. No Blender here.

Mask coordinates are Blender's: the middle of the image is (0.5, 0.5), one unit is its longer side,
y goes up. Pixels are float32 [height, width], row 0 on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

# numpy's own types need one that is newer than the oldest Blender's
Points = Any
"""float64 [n, 2]: x and y in pixels from the upper left corner, y down."""
Pixels = Any
"""float32 [height, width], 0..1."""

Point = tuple[float, float]
Knot = tuple[Point, Point, Point]
"""The left handle, the point, the right handle."""

# Sub-scanlines per pixel, and steps per pixel along one. Coverage is summed in integers, so it is
# exact: 1 inside and 0 outside, whatever else is in the row.
_LINES = 16
_STEPS = 256
_FULL = _LINES * _STEPS

# Chords this short are within 1/100 pixel of a curve whose radius is 13 pixels or more.
_CHORD_PX = 1.0

MAX_CHORDS = 512
"""For one segment of a spline."""


class Spline(NamedTuple):
    """A closed Bezier spline. `feather` has the width of the feather along each segment, which
    starts at the knot of its number: (place on the segment 0..1, width in mask units), ordered.
    """

    knots: Sequence[Knot]
    feather: Sequence[Sequence[tuple[float, float]]] = ()
    is_eased: bool = False

    @property
    def has_feather(self) -> bool:
        return any(width > 0 for segment in self.feather for _, width in segment)


def outline(spline: Spline, width: int, height: int) -> Points:
    """Points along a spline."""
    found = segments(spline, width, height)
    return np.concatenate([at(np.arange(chords) / chords, of) for of, chords in found])


def coverage(shapes: Sequence[Sequence[Points]], width: int, height: int) -> Pixels:
    """How much of each pixel lies inside any of the shapes.

    A shape is one outline or several; where outlines of a shape overlap is outside (even-odd).
    """
    span_px = width * _STEPS + 1  # so that a crossing is one number, ordered by line, then by x
    ends = [_crossings(outlines, width, height, span_px) for outlines in shapes]
    starts, stops = _united([crossings[::2] for crossings in ends], [c[1::2] for c in ends])
    found = np.zeros((height, width), np.float32)
    if not len(starts):
        return found
    top, bottom = (int(key) // span_px // _LINES for key in (starts[0], starts[-1]))
    rows = bottom - top + 1
    # The change of coverage from each pixel to the next. The start of a span covers part of its
    # pixel and all that follow; its end takes that away again.
    changes = np.zeros((rows, width + 2), np.int32)
    for keys, sign in ((starts, 1), (stops, -1)):
        line, step = np.divmod(keys, span_px)
        pixel, part = np.divmod(step, _STEPS)
        row = line // _LINES - top
        np.add.at(changes, (row, pixel), (sign * (_STEPS - part)).astype(np.int32))
        np.add.at(changes, (row, pixel + 1), (sign * part).astype(np.int32))
    np.cumsum(changes, axis=1, out=changes)
    np.multiply(changes[:, :width], np.float32(1 / _FULL), out=found[top : bottom + 1])
    return found


def merged(below: Pixels, layer: Pixels, blend: str, opacity: float, is_inverted: bool) -> Pixels:
    """A mask layer blended over those below it; `blend` is Blender's name of the mode.

    Raises ValueError for an unknown mode.
    """
    share = np.float32(opacity)
    a, b = layer * share, below
    if is_inverted:  # after the opacity, except in a layer that replaces
        layer, a = 1 - layer, 1 - a
    modes: dict[str, Callable[[], Pixels]] = {
        "MERGE_ADD": lambda: b + a * (1 - b),
        "MERGE_SUBTRACT": lambda: b - a * b,
        "ADD": lambda: np.minimum(b + a, 1),
        "SUBTRACT": lambda: np.maximum(b - a, 0),
        "LIGHTEN": lambda: np.maximum(b, a),
        "DARKEN": lambda: np.minimum(b, a),
        "MUL": lambda: b * a,
        "REPLACE": lambda: np.minimum(b * (1 - share) + layer * share, 1),
        "DIFFERENCE": lambda: np.abs(b - a),
    }
    if blend not in modes:
        raise ValueError(f"no blend mode is called {blend}")
    return modes[blend]()


# --- splines --------------------------------------------------------------------------------------

_Segment = tuple[Points, int]
"""The four control points of a cubic in pixels, and the number of chords to draw it with."""


def segments(spline: Spline, width: int, height: int) -> list[_Segment]:
    side = max(width, height)
    knots = (np.asarray(spline.knots, np.float64) - 0.5) * (side, -side) + (width / 2, height / 2)
    found = []
    for (_, start, leaves), (arrives, end, _) in zip(knots, np.roll(knots, -1, 0), strict=True):
        controls = np.stack([start, leaves, arrives, end])
        is_straight = (start == leaves).all() and (arrives == end).all()
        wanted = 1 if is_straight else max(4, ceil(length_of(controls) / _CHORD_PX))
        found.append((controls, min(wanted, MAX_CHORDS)))
    return found


def length_of(controls: Points) -> float:
    """The length of a cubic in pixels, or a little more."""
    return float(np.hypot(*np.diff(controls, axis=0).T).sum())


def at(t: Any, controls: Points) -> Points:
    """The points of a segment at some places 0..1 along it."""
    s, t = 1 - t[:, None], t[:, None]
    a, b, c, d = controls
    return s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d


# --- coverage -------------------------------------------------------------------------------------


def _crossings(outlines: Sequence[Points], width: int, height: int, span_px: int) -> Any:
    """Where the outlines of a shape cross the sub-scanlines, ordered: pairs of a start and an end.

    int64: line * span_px + x in steps from the left edge.
    """
    edges = np.concatenate([np.stack([p, np.roll(p, -1, 0)], 1) for p in outlines])
    (x0, y0), (x1, y1) = edges[:, 0].T, edges[:, 1].T
    is_up = y0 > y1
    x0, x1 = np.where(is_up, x1, x0), np.where(is_up, x0, x1)
    y0, y1 = np.where(is_up, y1, y0), np.where(is_up, y0, y1)
    # scanlines with their middle in y0 <= y < y1, so that a corner counts once
    first = np.maximum(0, np.ceil(y0 * _LINES - 0.5)).astype(np.int64)
    last = np.minimum(height * _LINES, np.ceil(y1 * _LINES - 0.5)).astype(np.int64)
    counts = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(counts)), counts)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    x = x0[edge] + ((line + 0.5) / _LINES - y0[edge]) * slope
    steps = np.clip(np.rint(x * _STEPS), 0, width * _STEPS).astype(np.int64)
    return np.sort(line * span_px + steps)


def _united(starts: list[Any], stops: list[Any]) -> tuple[Any, Any]:
    """The spans inside any shape, disjoint and in order, from those of each shape."""
    if len(starts) == 1:
        return starts[0], stops[0]
    if not starts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # starts before stops where both are, so that spans which touch are one
    events = np.sort(np.concatenate([*(2 * keys for keys in starts), *(2 * k + 1 for k in stops)]))
    depth = np.cumsum(1 - 2 * (events & 1))
    opens = (events & 1 == 0) & (depth == 1)
    closes = (events & 1 == 1) & (depth == 0)
    return events[opens] >> 1, events[closes] >> 1
