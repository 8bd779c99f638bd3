"""Draws the feathers of splines: outside of them, from full to nothing. No Blender here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np

from .mask_raster import MAX_CHORDS, Pixels, Points, Spline, at, length_of, segments

_CHORD_PX = 4.0

_FALLOFFS: dict[str, Callable[[Pixels], Pixels]] = {
    "LINEAR": lambda x: x,
    "SMOOTH": lambda x: x * x * (3 - 2 * x),
    "SPHERE": lambda x: np.sqrt(x * (2 - x)),
    "ROOT": np.sqrt,
    "SHARP": lambda x: x * x,
    "INVERSE_SQUARE": lambda x: x * (2 - x),
}
"""How a feather falls off, by Blender's names: from 1 at the spline to 0 at its end."""


def feathered(covered: Pixels, spline: Spline, falloff: str) -> Pixels:
    """The coverage of a spline, with its feather outside of it.

    A feather that lies inside has no effect, as in Blender: which side it is on depends on the
    direction in which the spline was drawn. Raises ValueError for an unknown falloff.
    """
    if falloff not in _FALLOFFS:
        raise ValueError(f"no falloff is called {falloff}")
    height, width = covered.shape
    inner, outer = _feather_strip(spline, width, height)
    if abs(_area(outer)) <= abs(_area(inner)):
        return covered
    nearness = np.zeros_like(covered)
    for index in range(len(inner)):
        after = (index + 1) % len(inner)
        quad = inner[index], inner[after], outer[after], outer[index]
        _add_triangle(nearness, (quad[0], quad[1], quad[2]), (1, 1, 0))
        _add_triangle(nearness, (quad[0], quad[2], quad[3]), (1, 0, 0))
    return np.maximum(covered, _FALLOFFS[falloff](nearness))


def _feather_strip(spline: Spline, width: int, height: int) -> tuple[Points, Points]:
    """Points along a spline, and for each the end of the feather there."""
    side, inner, outer = max(width, height), [], []
    for (controls, _), widths in zip(segments(spline, width, height), spline.feather, strict=True):
        # also on straight segments, along which the width may change
        chords = min(max(4, ceil(length_of(controls) / _CHORD_PX)), MAX_CHORDS)
        turns = [place for place, _ in widths if place < 1]
        t = np.union1d(np.arange(chords) / chords, turns)
        points = at(t, controls)
        reach = _widths_at(t, widths, spline.is_eased) * side
        inner.append(points)
        outer.append(points + _normals(controls, t) * reach[:, None])
    return np.concatenate(inner), np.concatenate(outer)


def _widths_at(t: Any, widths: Sequence[tuple[float, float]], is_eased: bool) -> Any:
    places, values = np.array(widths, np.float64).T
    part = np.clip(np.searchsorted(places, t, "right") - 1, 0, len(places) - 2)
    length = places[part + 1] - places[part]
    share = np.divide(t - places[part], length, out=np.zeros_like(t), where=length > 0)
    if is_eased:
        share = share * share * (3 - 2 * share)
    return values[part] + (values[part + 1] - values[part]) * share


def _normals(controls: Points, t: Any) -> Points:
    """Unit vectors across a segment, to the side to which Blender feathers."""
    a, b, c, d = controls
    s, t = 1 - t[:, None], t[:, None]
    along = s * s * (b - a) + 2 * s * t * (c - b) + t * t * (d - c)
    length = np.hypot(*along.T)[:, None]
    along = np.where(length > 1e-9, along, d - a)  # a handle that lies on its point
    length = np.maximum(np.hypot(*along.T)[:, None], 1e-9)
    return np.stack([along[:, 1], -along[:, 0]], 1) / length


def _area(points: Points) -> float:
    """The area within an outline, negative if it runs the other way round."""
    (x, y), (next_x, next_y) = points.T, np.roll(points, -1, 0).T
    return float((x * next_y - next_x * y).sum()) / 2


def _add_triangle(pixels: Pixels, corners: Sequence[Points], values: tuple[float, ...]) -> None:
    """Draw a triangle, with values at its corners and between them, over what is smaller."""
    xy = np.stack(corners)
    height, width = pixels.shape
    low = np.maximum(np.ceil(xy.min(0) - 0.5), 0).astype(int)
    high = np.minimum(np.floor(xy.max(0) - 0.5) + 1, (width, height)).astype(int)
    (ax, ay), (bx, by), (cx, cy) = xy
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if (high <= low).any() or abs(area) < 1e-12:
        return
    x = np.arange(low[0], high[0])[None, :] + 0.5
    y = np.arange(low[1], high[1])[:, None] + 0.5
    second = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
    third = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
    first = 1 - second - third
    is_inside = (first >= -1e-9) & (second >= -1e-9) & (third >= -1e-9)
    value = values[0] * first + values[1] * second + values[2] * third
    part = pixels[low[1] : high[1], low[0] : high[0]]
    np.maximum(part, np.where(is_inside, np.clip(value, 0, 1), 0), out=part)
