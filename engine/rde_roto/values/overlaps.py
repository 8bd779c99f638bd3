"""Elements exclude each other: a pixel of the plate belongs mostly to one of them, or to none.

The network shares each pixel between the elements and the background, so one that is drawn over
another would take half of its pixels away, in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.matte import FloatArray

_MOST_SHARED = 0.5 + 1 / 64
"""Soft edges that touch add up to 1, so at most one of them covers more than half of a pixel. The
rest allows for files of 8 bits, where halves are rounded up."""


class Overlap(NamedTuple):
    """Two planes, by their places, and how many pixels both of them cover by more than half."""

    one: int
    other: int
    pixels: int


def overlaps(alpha: FloatArray) -> tuple[Overlap, ...]:
    """Find the planes of [K, H, W], 0..1, that overlap.

    Seams up to two pixels wide are left out: programs round the edges of two neighbours outwards.
    """
    if len(alpha) < 2:
        return ()
    claimed = alpha > _MOST_SHARED
    if not _has_block(claimed.sum(axis=0, dtype=np.uint8) > 1):
        return ()
    return tuple(
        Overlap(one, other, int(np.count_nonzero(both)))
        for one in range(len(alpha))
        for other in range(one + 1, len(alpha))
        if _has_block(both := claimed[one] & claimed[other])
    )


def in_words(found: Sequence[Overlap], names: Sequence[str]) -> str:
    """Say which of the named elements overlap by how much, and what to do."""
    pairs = "; ".join(
        f"'{names[one]}' and '{names[other]}' by {pixels} pixels" for one, other, pixels in found
    )
    return (
        f"{pairs}, but a pixel can belong to one element only: cut the mask of the one behind by "
        "that of the one in front, or open the shot in the window, choose the one in front and "
        "press Shift+O"
    )


def beside(plane: FloatArray, others: FloatArray) -> FloatArray:
    """Return a plane [..., H, W], limited to what planes [K, H, W] leave free of each pixel."""
    free = np.float32(1) - np.minimum(others.sum(axis=0, dtype=np.float32), np.float32(1))
    left: FloatArray = np.minimum(plane, free)
    return left


def _has_block(mask: NDArray[np.bool_]) -> bool:
    """Whether some 3x3 block of a mask [H, W] is true all over."""
    if not mask.any():
        return False
    rows = mask[:-2] & mask[1:-1] & mask[2:]
    return bool((rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]).any())
