"""What smart select was before: colours separate inside from outside, then edges are refined.

GrabCut (Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated
graph cuts", SIGGRAPH 2004), in OpenCV's implementation, on a reduced crop. The edges are then drawn
at the plate's own size by the same filter that draws those of tracked mattes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from rde_roto.matte.edges import redraw_edges
from rde_roto.model.geometry import resized
from rde_roto.model.network_view import Picture
from rde_roto.session.drawing.painting import Point, within
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_MARGIN = 0.35
"""How much background around a box is used, as a share of its sides."""
_MOST_SIDE_PX = 480
_ROUNDS = 5
_LEAST_SIDE_PX = 4
_REACH = 4.0
"""How far around a scribble the mask may change, in widths of the scribble."""
_LEAST_REACH_PX = 16.0


@dataclass(frozen=True)
class Hints:
    """What the artist indicated: a box around the element, or scribbles on it or off it.

    A box starts from nothing. Scribbles, `width_px` wide, change what is drawn already, and only
    around them.
    """

    box: Window | None = None
    inside: tuple[Sequence[Point], ...] = ()
    outside: tuple[Sequence[Point], ...] = ()
    width_px: float = 8.0


@torch.inference_mode()
def select(picture: Picture, alpha: FloatArray, hints: Hints) -> tuple[Window, FloatArray]:
    """Return the box of the plate that changes, and its mask, float32 [h, w] in 0..1.

    With a box the mask is empty outside of it; with scribbles everything else stays the same.

    Args:
        picture: the frame.
        alpha: what is drawn of the element already, float32 [H, W].
        hints: the box or scribbles.

    Raises UsageError if the hints are not sufficient.
    """
    crop = _crop(alpha.shape, hints)
    part = picture.within(within(crop))
    scale = min(1.0, _MOST_SIDE_PX / max(crop.shape))
    size = round(crop.width * scale), round(crop.height * scale)
    small = cv2.resize(part.to_network_view().numpy(), size, interpolation=cv2.INTER_AREA)
    labels, free = _known(alpha, hints, crop, size)
    inside = _cut(np.rint(small * 255).astype(np.uint8), labels)
    # cells of 2x2 pixels: the mean of a cell says how much of it is covered
    cells_size = max(1, size[0] // 2), max(1, size[1] // 2)
    cells = torch.from_numpy(cv2.resize(inside, cells_size, interpolation=cv2.INTER_AREA)[None])
    large = resized(cells[None], crop.shape)[0].contiguous()
    redraw_edges(large, cells, part)
    share = cv2.resize(free, (crop.width, crop.height), interpolation=cv2.INTER_LINEAR)
    before = alpha[within(crop)] * (hints.box is None)
    mask = before + share * (large[0].numpy() - before)
    return crop, mask.astype(np.float32)


def _crop(shape: tuple[int, ...], hints: Hints) -> Window:
    """Return the part of the plate that is used."""
    box = hints.box
    if box is None:
        points = [point for line in (*hints.inside, *hints.outside) for point in line]
        if not points:
            raise UsageError("drag a box around the element, or scribble on it")
        reach = round(_reach_px(hints))
        low, high = np.min(points, axis=0).astype(int), np.max(points, axis=0).astype(int)
        size = high - low + 2 * reach
        box = Window(int(low[0]) - reach, int(low[1]) - reach, int(size[0]), int(size[1]))
    if min(box.width, box.height) < _LEAST_SIDE_PX:
        raise UsageError(f"the box is {box.width}x{box.height}: drag one around the whole element")
    across, down = int(box.width * _MARGIN) + 8, int(box.height * _MARGIN) + 8
    left, top = max(0, box.x - across), max(0, box.y - down)
    right = min(shape[1], box.x + box.width + across)
    bottom = min(shape[0], box.y + box.height + down)
    if min(right - left, bottom - top) < _LEAST_SIDE_PX:
        raise UsageError("that is outside the picture: drag a box around the element")
    return Window(left, top, right - left, bottom - top)


def _reach_px(hints: Hints) -> float:
    """Return how far around a scribble the mask may change."""
    return max(_LEAST_REACH_PX, _REACH * hints.width_px)


def _known(
    alpha: FloatArray, hints: Hints, crop: Window, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], FloatArray]:
    """Return what is known about each pixel of the small crop, as GrabCut's labels.

    The second array is 1 where the mask may change.
    """
    scale = np.array([size[0] / crop.width, size[1] / crop.height])
    if hints.box is not None:
        box = hints.box
        corners = np.array([[box.x, box.y], [box.x + box.width, box.y + box.height]])
        (left, top), (right, bottom) = np.rint((corners - (crop.x, crop.y)) * scale).astype(int)
        labels = np.full(size[::-1], cv2.GC_BGD, np.uint8)
        labels[max(0, top) : bottom, max(0, left) : right] = cv2.GC_PR_FGD
        return labels, np.ones(size[::-1], np.float32)
    drawn = cv2.resize(alpha[within(crop)], size, interpolation=cv2.INTER_AREA) >= 0.5
    near = np.zeros(size[::-1], np.uint8)
    lines = [
        (np.rint((np.asarray(line) - (crop.x, crop.y)) * scale).astype(np.int32), label)
        for kind, label in ((hints.inside, cv2.GC_FGD), (hints.outside, cv2.GC_BGD))
        for line in kind
    ]
    for points, _ in lines:
        cv2.polylines(near, [points], False, 1, max(1, round(2 * _reach_px(hints) * scale[0])))
    sure = np.where(drawn, cv2.GC_FGD, cv2.GC_BGD)
    likely = np.where(drawn, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels = np.where(near > 0, likely, sure).astype(np.uint8)
    for points, label in lines:
        cv2.polylines(labels, [points], False, int(label), max(1, round(hints.width_px * scale[0])))
    return labels, np.asarray(cv2.blur(near.astype(np.float32), (5, 5)), np.float32)


def _cut(picture: NDArray[np.uint8], labels: NDArray[np.uint8]) -> FloatArray:
    is_known = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not is_known.any() or is_known.all():
        raise UsageError("could not separate the element from its surroundings: draw a looser box")
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # so that the same box always gives the same mask
    cv2.grabCut(picture, labels, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside: FloatArray = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return inside
