"""Rasterises outlines: how much of each pixel they cover. No Blender here.

Mask coordinates are Blender's: the middle of the image is (0.5, 0.5), one unit is its longer side,
y goes up. Pixels are float32 in an array, row 0 on top.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, dist

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
_MAX_CHORDS = 512


def outline(knots: Sequence[Knot], width: int, height: int) -> list[Point]:
    """Points along a closed Bezier spline, in pixels from the upper left corner, y down."""
    placed = [tuple(_placed(point, width, height) for point in knot) for knot in knots]
    found: list[Point] = []
    for (_, start, leaves), (arrives, end, _) in zip(placed, placed[1:] + placed[:1], strict=True):
        length = dist(start, leaves) + dist(leaves, arrives) + dist(arrives, end)
        is_straight = start == leaves and arrives == end
        chords = 1 if is_straight else min(max(4, ceil(length / _CHORD_PX)), _MAX_CHORDS)
        found += [_bezier(start, leaves, arrives, end, part / chords) for part in range(chords)]
    return found


def coverage(shapes: Sequence[Sequence[Sequence[Point]]], width: int, height: int) -> array[float]:
    """How much of each pixel lies inside any of the shapes, 0..1.

    A shape is one outline or several; where outlines of a shape overlap is outside (even-odd).
    """
    found = array("f", bytes(4 * width * height))
    crossings = [_crossings(outlines, width, height) for outlines in shapes]
    for row in sorted({line // _LINES for lines in crossings for line in lines}):
        spans = []
        for line in range(row * _LINES, (row + 1) * _LINES):
            spans += _united([lines[line] for lines in crossings if line in lines])
        found[row * width : (row + 1) * width] = _row(spans, width)
    return found


def merged(
    below: array[float], layer: array[float], blend: str, opacity: float, is_inverted: bool
) -> array[float]:
    """A mask layer blended over those below it; `blend` is Blender's name of the mode.

    Raises ValueError for an unknown mode.
    """
    if opacity != 1:
        layer = array("f", [a * opacity for a in layer])
    if is_inverted:
        layer = array("f", [1 - a for a in layer])
    pairs = zip(below, layer, strict=True)
    if blend == "MERGE_ADD":
        values = [b + a * (1 - b) for b, a in pairs]
    elif blend == "MERGE_SUBTRACT":
        values = [b - a * b for b, a in pairs]
    elif blend == "ADD":
        values = [min(b + a, 1.0) for b, a in pairs]
    elif blend == "SUBTRACT":
        values = [max(b - a, 0.0) for b, a in pairs]
    elif blend == "LIGHTEN":
        values = [max(b, a) for b, a in pairs]
    elif blend == "DARKEN":
        values = [min(b, a) for b, a in pairs]
    elif blend == "MUL":
        values = [b * a for b, a in pairs]
    elif blend == "REPLACE":
        values = [min(b * (1 - opacity) + a, 1.0) for b, a in pairs]
    elif blend == "DIFFERENCE":
        values = [abs(b - a) for b, a in pairs]
    else:
        raise ValueError(f"no blend mode is called {blend}")
    return array("f", values)


def _placed(point: Point, width: int, height: int) -> Point:
    side = max(width, height)
    return (point[0] - 0.5) * side + width / 2, height / 2 - (point[1] - 0.5) * side


def _bezier(p0: Point, p1: Point, p2: Point, p3: Point, t: float) -> Point:
    s = 1 - t
    a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
    return (
        a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
        a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
    )


def _crossings(
    outlines: Sequence[Sequence[Point]], width: int, height: int
) -> dict[int, list[int]]:
    """Where outlines cross the sub-scanlines: x in steps from the left edge, by scanline."""
    found: dict[int, list[int]] = {}
    right = width * _STEPS
    for points in outlines:
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if y0 == y1:
                continue
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            # scanlines with their middle in y0 <= y < y1, so that a corner counts once
            first = max(0, ceil(y0 * _LINES - 0.5))
            last = min(height * _LINES, ceil(y1 * _LINES - 0.5))
            slope = (x1 - x0) / (y1 - y0)
            for line in range(first, last):
                x = x0 + ((line + 0.5) / _LINES - y0) * slope
                step = min(max(0, round(x * _STEPS)), right)
                found.setdefault(line, []).append(step)
    return found


def _united(crossings: Sequence[list[int]]) -> list[tuple[int, int]]:
    """The spans inside any shape along a scanline, disjoint and in order."""
    spans: list[tuple[int, int]] = []
    for steps in crossings:
        steps.sort()
        spans += zip(steps[::2], steps[1::2], strict=True)
    if len(crossings) == 1:
        return spans
    apart: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


def _row(spans: Sequence[tuple[int, int]], width: int) -> array[float]:
    # The change of coverage from each pixel to the next. The start of a span covers part of its
    # pixel and all that follow; its end takes that away again.
    changes = [0] * (width + 2)
    for span in spans:
        for step, sign in zip(span, (1, -1), strict=True):
            pixel, part = divmod(step, _STEPS)
            changes[pixel] += sign * (_STEPS - part)
            changes[pixel + 1] += sign * part
    return array("f", [covered / _FULL for covered in accumulate(changes[:width])])
