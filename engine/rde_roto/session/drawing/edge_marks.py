"""Refine an edge with a brush: where it is marked, alpha is found anew from the plate.

For hair, motion blur and defocus, and for joins between what was painted and what was tracked. The
edge may reach a quarter of the brush's radius to each side, since colours far from it say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from rde_roto.matte.guided_filter import follow_colours
from rde_roto.model.network_view import Picture
from rde_roto.session.drawing.painting import Brush, Point, Stroke, within
from rde_roto.session.drawing.selection import Change
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_REACH = 0.25  # of the brush's radius
_LEAST_REACH_PX, _MOST_REACH_PX = 2, 24


@dataclass(frozen=True)
class EdgeMark:
    """A stroke over an edge: where the pen was, how hard it pressed, and with which brush."""

    pen: tuple[tuple[Point, float], ...]
    brush: Brush

    @property
    def reach_px(self) -> int:
        """How far the edge may reach."""
        reach = math.ceil(_REACH * self.brush.radius_px)
        return min(max(reach, _LEAST_REACH_PX), _MOST_REACH_PX)

    def covered(self, shape: tuple[int, int]) -> tuple[Window, FloatArray] | None:
        """Return the box of a plane [H, W] that is marked, and how much, float32 [h, w], 0..1; None
        if the stroke lies outside.
        """
        stroke = Stroke(np.zeros(shape, np.float32), self.brush)
        for point, pressure in self.pen:
            stroke.to(point, pressure)
        return None if stroke.box is None else (stroke.box, stroke.pixels[within(stroke.box)])


@torch.inference_mode()
def refined(picture: Picture, alpha: FloatArray, mark: EdgeMark) -> Change | None:
    """Return what a mark changes of a matte, float32 [H, W] in 0..1; None if there is no edge
    under it.

    Towards the border of the mark the matte becomes what it was.
    """
    found = mark.covered((alpha.shape[0], alpha.shape[1]))
    if found is None:
        return None
    box, share = found
    wider = _wider(box, 2 * mark.reach_px + 1, alpha.shape)
    part = within(wider)
    view = picture.within(part).to_network_view()
    before = alpha[part]
    follows = follow_colours(torch.from_numpy(before.copy()), view, mark.reach_px).numpy()
    inner = within(box, wider)
    change = Change("mixes", box, follows[inner], share)
    return None if np.array_equal(change.over(before[inner]), before[inner]) else change


def _wider(box: Window, by_px: int, shape: tuple[int, ...]) -> Window:
    left, top = max(0, box.x - by_px), max(0, box.y - by_px)
    right = min(shape[1], box.x + box.width + by_px)
    bottom = min(shape[0], box.y + box.height + by_px)
    return Window(left, top, right - left, bottom - top)
