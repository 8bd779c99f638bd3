"""What an answer to clicks may change: what the last clicks say, and what hangs together with it.

The network thinks again about the whole picture with every click. An artist who adds an arm does
not expect a leg to go. So an answer counts only where it changes what is there in the direction of
the click, and in one piece with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from rde_roto.values.matte import FloatArray

Cells: TypeAlias = NDArray[np.bool_]
"""bool [h, w], at the size at which the network looks."""

_BLEND_PX = 2
"""How far around a change its edge is drawn again."""


@dataclass(frozen=True, eq=False)
class Decision:
    """The mask to draw, and how far it counts: both float32 [h, w] in 0..1."""

    mask: FloatArray
    share: FloatArray


def added(answer: FloatArray, before: FloatArray, dots: Cells) -> Decision | None:
    """Return what adding clicks add: the object that they lie on, where it was not there before.

    Args:
        answer: the network's mask, float32 [h, w] in 0..1.
        before: what is there, float32 [h, w] in 0..1.
        dots: where the clicks are; that is added in any case.
    """
    mask = np.where(dots, np.float32(1), answer)
    object_ = joined(mask >= 0.5, dots)
    fresh = _beyond_edge(object_ & (before < 0.5), before >= 0.5, dots)
    if not fresh.any():
        return None
    return Decision(np.where(_grown(object_), mask, np.float32(0)), _share(fresh))


def removed(answer: FloatArray, before: FloatArray, dots: Cells) -> Decision | None:
    """Return what subtracting clicks take away: the piece of what was there that they lie on and
    that the network gives up. Args: as ``added``.
    """
    mask = np.where(dots, np.float32(0), answer)
    lost = joined((before >= 0.5) & (mask < 0.5), dots)
    lost = _beyond_edge(lost, before < 0.5, dots)
    return Decision(mask, _share(lost)) if lost.any() else None


def boxed(answer: FloatArray, inside: Cells) -> Decision | None:
    """Return what a box selects: what there is of the object inside of it."""
    mask = np.where(inside, answer, np.float32(0))
    return Decision(mask, inside.astype(np.float32)) if (mask >= 0.5).any() else None


def joined(cells: Cells, dots: Cells) -> Cells:
    """Return the connected pieces of cells that dots touch."""
    _, pieces = cv2.connectedComponents(cells.astype(np.uint8), connectivity=4)
    touched = np.unique(np.asarray(pieces)[dots & cells])
    found: Cells = np.isin(pieces, touched[touched > 0])
    return found


def _beyond_edge(changed: Cells, beside: Cells, dots: Cells) -> Cells:
    """Return what changes without a mere seam along an edge that is there already: that is where
    the network is never sure, and would make edges creep with every click.
    """
    core = changed & (dots | ~_grown(beside, 1))
    return changed & _grown(core)


def _grown(cells: Cells, by_px: int = _BLEND_PX) -> Cells:
    side = 2 * by_px + 1
    grown: Cells = cv2.dilate(cells.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    return grown


def _share(cells: Cells) -> FloatArray:
    """Return 1 on cells and around them, with a soft end."""
    return np.asarray(cv2.blur(_grown(cells).astype(np.float32), (3, 3)), np.float32)
