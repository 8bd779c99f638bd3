"""Measures how far the edges of a matte fade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_SOFTEST_PX = 32  # how far from an outline its soft edge is looked for
_RISE = 0.08  # of alpha: by more an edge goes back only where another one begins
_ROUNDS = 8
_LEAST_PX = 0.5  # of half an edge: that of a hard matte, whose pixels are covered in part


def softness(alpha: FloatArray, window: Window, points: Points, normals: Points) -> Points:
    """Return how far the edge of a plane fades, inwards and outwards, at points [M, 2] along an
    outline with outward normals [M, 2]: [M, 2] in pixels, 0 where it is hard.

    That is the even ramp, such as shapes are drawn with, that is nearest to the plane in least
    squares, as far as the edge goes on.
    """
    across = np.arange(0.5 - _SOFTEST_PX, _SOFTEST_PX)
    at = points[:, None] + across[:, None] * normals[:, None]
    seen = _sampled(alpha, at - (window.x, window.y))
    middle, half = _ramps(across, seen, _belongs(seen))
    soft = np.sqrt((half**2 - _LEAST_PX**2).clip(min=0))
    widths: Points = np.stack([soft - middle, soft + middle], axis=1).clip(min=0)
    return np.where(soft[:, None] > 0, widths, 0)


def _belongs(seen: Points) -> NDArray[np.bool_]:
    """Which of values across an outline, [M, S] from inside to outside, are of its own edge: on
    either side up to where another one begins.
    """
    belongs = np.ones(seen.shape, bool)
    middle = seen.shape[1] // 2
    for side, away in ((slice(middle, None), seen), (slice(middle - 1, None, -1), 1 - seen)):
        falls = away[:, side]
        begins = np.maximum.accumulate(falls - np.minimum.accumulate(falls, axis=1) > _RISE, axis=1)
        belongs[:, side] = ~begins
    return belongs


def _ramps(
    across: NDArray[np.float64], seen: Points, counts: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle and half the width of the even ramps nearest to values [M, S] at places
    [S], of which some count: Gauss and Newton's steps, from the ramps that enclose the same area.
    """
    off = (seen - (across < 0)) * counts
    outside, inside = off[:, across > 0].sum(axis=1), -off[:, across < 0].sum(axis=1)
    half = (2 * (inside + outside)).clip(_LEAST_PX, _SOFTEST_PX)
    middle = (outside - inside).clip(-half, half)
    for _ in range(_ROUNDS):
        away = (across - middle[:, None]) / half[:, None]
        on = (np.abs(away) < 1) & counts
        left = np.where(counts, seen - (0.5 - away / 2).clip(0, 1), 0)
        count, lean, square = on.sum(axis=1), (on * away).sum(axis=1), (on * away**2).sum(axis=1)
        right, leaning = (on * left).sum(axis=1), (on * away * left).sum(axis=1)
        count, square = count + 0.1, square + 0.1
        solved = np.maximum(count * square - lean**2, 1e-6) / (2 * half)
        middle = middle + (square * right - lean * leaning) / solved
        half = (half + (count * leaning - lean * right) / solved).clip(_LEAST_PX, _SOFTEST_PX)
        middle = middle.clip(-half, half)
    return middle, half


def _sampled(alpha: FloatArray, at: Points) -> Points:
    """Bilinear values at points [..., 2]; beyond the border those of the border."""
    height, width = alpha.shape
    x = (at[..., 0] - 0.5).clip(0, width - 1)
    y = (at[..., 1] - 0.5).clip(0, height - 1)
    left, top = x.astype(np.int64).clip(max=max(0, width - 2)), y.astype(np.int64)
    top = top.clip(max=max(0, height - 2))
    right, bottom = (left + 1).clip(max=width - 1), (top + 1).clip(max=height - 1)
    u, v = x - left, y - top
    upper = (1 - u) * alpha[top, left] + u * alpha[top, right]
    lower = (1 - u) * alpha[bottom, left] + u * alpha[bottom, right]
    values: Points = (1 - v) * upper + v * lower
    return values
