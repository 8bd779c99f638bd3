"""Rasterises polygons: the exact share of each pixel that they cover."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


def coverage(polygon: Points, window: Window) -> FloatArray:
    """Return how much of each pixel of a window a closed polygon covers, float32 [H, W], 0..1.

    Exact but for rounding, for a polygon that does not cross itself; where one does, a pixel counts
    that it goes around at least once, either way. ``polygon`` [N, 2] may lie outside the window.

    Each edge adds the area between it and the right end of its rows; summed around the polygon, and
    along each row, that is the coverage.
    """
    height, width = window.shape
    if not len(polygon) or not height or not width:
        return np.zeros(window.shape, np.float32)
    low, high = polygon.min(axis=0) - (window.x, window.y), polygon.max(axis=0)
    high = high - (window.x, window.y)
    left, top = int(np.clip(np.floor(low[0]), 0, width)), int(np.clip(np.floor(low[1]), 0, height))
    right = int(np.clip(np.ceil(high[0]), left, width))
    bottom = int(np.clip(np.ceil(high[1]), top, height))
    result = np.zeros(window.shape, np.float32)
    inner = Window(window.x + left, window.y + top, right - left, bottom - top)
    if inner.width and inner.height:
        result[top:bottom, left:right] = _within(polygon - (inner.x, inner.y), inner.shape)
    return result


def _within(polygon: Points, shape: tuple[int, int]) -> FloatArray:
    height, width = shape
    starts, ends = _pieces(polygon, (width, height))
    middle = (starts + ends) / 2
    rows = np.floor(middle[:, 1]).astype(np.int64)
    inside = (rows >= 0) & (rows < height) & (middle[:, 0] < width)
    rows, down = rows[inside], (ends - starts)[inside, 1]
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


def _pieces(polygon: Points, size: tuple[int, int]) -> tuple[Points, Points]:
    """Cut the edges of a polygon where they leave a pixel of a window, (width, height): starts and
    ends [N, 2] of the pieces. Outside the window they stay long.
    """
    runs = np.roll(polygon, -1, axis=0) - polygon
    edges, cuts = [np.arange(len(polygon))], [np.zeros(len(polygon))]
    for axis, last in enumerate(size):
        ends = np.stack([polygon[:, axis], polygon[:, axis] + runs[:, axis]])
        first = np.floor(ends.min(axis=0)).astype(np.int64) + 1
        stop = np.ceil(ends.max(axis=0)).astype(np.int64)
        first, stop = first.clip(min=0), stop.clip(max=last + 1)
        counts = (stop - first).clip(min=0)
        which = np.repeat(np.arange(len(polygon)), counts)
        begun = np.cumsum(counts) - counts
        lines = first[which] + np.arange(len(which)) - begun[which]
        edges.append(which)
        cuts.append((lines - polygon[which, axis]) / runs[which, axis])
    edge, cut = np.concatenate(edges), np.concatenate(cuts)
    order = np.lexsort((cut, edge))
    edge, cut = edge[order], cut[order]
    starts = polygon[edge] + cut[:, None] * runs[edge]
    return starts, np.roll(starts, -1, axis=0)
