"""Rasterises polygons: the exact share of each pixel that they cover."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_STEP_PX = 1.0  # of a fading edge, from one line of equal alpha to the next
_MOST_STEPS = 64


def coverage(polygon: Points, window: Window) -> FloatArray:
    """Return how much of each pixel of a window a closed polygon covers, float32 [H, W], 0..1.

    Exact but for rounding, for a polygon that does not cross itself; where one does, a pixel counts
    that it goes around at least once, either way. ``polygon`` [N, 2] may lie outside the window.
    """
    return _mean_coverage(polygon[None], window)


def faded_coverage(inner: Points, outer: Points, window: Window) -> FloatArray:
    """Return `coverage` by a polygon whose edge fades evenly from one line, where alpha is 1, to
    another, where it is 0: float32 [H, W], 0..1.

    ``inner`` and ``outer`` [N, 2] have corners that belong together. Where edges fade into each
    other from outside, they add up.
    """
    steps = min(_MOST_STEPS, 2 + int(np.ceil(np.hypot(*(outer - inner).T).max() / _STEP_PX)))
    level = ((np.arange(steps) + 0.5) / steps)[:, None, None]  # of alpha, each with its own line
    return _mean_coverage(inner + level * (outer - inner), window)


def _mean_coverage(polygons: Points, window: Window) -> FloatArray:
    """The mean of the coverages by closed polygons [L, N, 2].

    Each edge adds the area between it and the right end of its rows; summed around the polygons,
    and along each row, that is the coverage.
    """
    result = np.zeros(window.shape, np.float32)
    box = box_around(polygons, window)
    if box.width and box.height:
        result[part_of(window, box)] = _within(polygons - (box.x, box.y), box.shape)
    return result


def box_around(polygons: Points, window: Window) -> Window:
    """Return the pixels of a window beyond which polygons [L, N, 2] cover none; it may be empty."""
    if not polygons.size:
        return Window(window.x, window.y, 0, 0)
    corner = np.array([window.x, window.y])
    size = np.array([window.width, window.height])
    low = (np.floor(polygons.min((0, 1))) - corner).clip(0, size).astype(np.int64)
    high = (np.ceil(polygons.max((0, 1))) - corner).clip(low, size).astype(np.int64)
    (x, y), (width, height) = (corner + low).tolist(), (high - low).tolist()
    return Window(x, y, width, height)


def part_of(window: Window, box: Window) -> tuple[slice, slice]:
    """Return the rows and columns of a window's plane that a box in it has."""
    left, top = box.x - window.x, box.y - window.y
    return slice(top, top + box.height), slice(left, left + box.width)


def _within(polygons: Points, shape: tuple[int, int]) -> FloatArray:
    height, width = shape
    starts, ends = _pieces(polygons, (width, height))
    middle = (starts + ends) / 2
    rows = np.floor(middle[:, 1]).astype(np.int64)
    inside = (rows >= 0) & (rows < height) & (middle[:, 0] < width)
    rows, down = rows[inside], (ends - starts)[inside, 1] / len(polygons)
    x = middle[inside, 0].clip(min=0)  # all that lies to the left covers a row from its first pixel
    columns = x.astype(np.int64)
    share = x - columns
    stride = width + 1
    cells = rows * stride + columns
    added = np.bincount(cells, down * (1 - share), height * stride + 1)
    added += np.bincount(cells + 1, down * share, height * stride + 1)
    around = np.cumsum(added[:-1].reshape(height, stride)[:, :width], axis=1)
    covered: FloatArray = np.abs(around).clip(max=1).astype(np.float32)
    return covered


def _pieces(polygons: Points, size: tuple[int, int]) -> tuple[Points, Points]:
    """Cut the edges of polygons where they leave a pixel of a window, (width, height): starts and
    ends [N, 2] of the pieces. Outside the window they stay long.
    """
    corners, after = polygons.reshape(-1, 2), np.roll(polygons, -1, axis=1).reshape(-1, 2)
    runs = after - corners
    edges, cuts = [np.arange(len(corners))], [np.zeros(len(corners))]
    for axis, last in enumerate(size):
        low = np.minimum(corners[:, axis], after[:, axis])
        high = np.maximum(corners[:, axis], after[:, axis])
        first = np.floor(low).astype(np.int64) + 1
        stop = np.ceil(high).astype(np.int64)
        first, stop = first.clip(min=0), stop.clip(max=last + 1)
        counts = (stop - first).clip(min=0)
        which = np.repeat(np.arange(len(corners)), counts)
        begun = np.cumsum(counts) - counts
        lines = first[which] + np.arange(len(which)) - begun[which]
        edges.append(which)
        cuts.append((lines - corners[which, axis]) / runs[which, axis])
    edge, cut = np.concatenate(edges), np.concatenate(cuts)
    order = np.lexsort((cut, edge))
    edge, cut = edge[order], cut[order]
    starts = corners[edge] + cut[:, None] * runs[edge]
    is_last = np.append(edge[1:] != edge[:-1], True)
    return starts, np.where(is_last[:, None], after[edge], np.roll(starts, -1, axis=0))
