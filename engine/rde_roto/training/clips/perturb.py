"""Makes the first mask as inaccurate as that of a hurried artist, by random edits.

As in the published training, rectangles are dilated or eroded and single pixels flipped until the
IoU with the truth falls below a target.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource

_Mask = NDArray[np.bool_]

_EDITS = 4
"""Edits per round."""

_FLIP = 0.1
"""Probability that the centre pixel of an edited rectangle is set or cleared."""

_OVERSHOOT = 0.05
"""An edit that falls further than this below the target is undone, or small masks would be lost."""


def perturb(
    masks: Tensor, iou: tuple[float, float], rounds: int, generator: torch.Generator
) -> Tensor:
    """Perturb the masks of B clips with K elements; they stay 0 or 1 and disjoint.

    Each clip has one target IoU, drawn from ``iou``, for all its elements. A target of 1 changes
    nothing, nor do empty masks change. After ``rounds`` of edits a mask is left as it is.

    Args:
        masks: float32 [B, K, S, S] on any device; the work is done on the CPU.
    """
    random = RandomSource(generator)
    targets = random.uniform(*iou, len(masks)).tolist()
    perturbed = masks.cpu().numpy() > 0.5
    for clip, target in zip(perturbed, targets, strict=True):
        for k, mask in enumerate(clip):
            others = np.delete(clip, k, axis=0).any(axis=0)
            if target < 1 and mask.any():
                clip[k] = _perturb_mask(
                    mask, ~others, target, random.uniform(0, 1, rounds * _EDITS, 8)
                )
    return torch.from_numpy(perturbed).to(masks)


def _perturb_mask(truth: _Mask, free: _Mask, target: float, table: Tensor) -> _Mask:
    """Edit within ``free`` until the IoU with ``truth`` is below ``target``.

    Args:
        table: uniform draws [edits, 8].
    """
    mask: _Mask = truth.copy()
    whole, lost, wrong = np.count_nonzero(truth), 0, 0
    for values in table.tolist():
        area = _rectangle(values[:4], *mask.shape)
        right, before = truth[area], mask[area]
        after = _edited(before, values[4:]) & free[area]
        now_lost = lost + np.count_nonzero(right & ~after) - np.count_nonzero(right & ~before)
        now_wrong = wrong + np.count_nonzero(after & ~right) - np.count_nonzero(before & ~right)
        iou = (whole - now_lost) / (whole + now_wrong)
        if iou >= target - _OVERSHOOT:
            mask[area], lost, wrong = after, now_lost, now_wrong
            if iou < target:
                break
    return mask


def _rectangle(values: list[float], height: int, width: int) -> tuple[slice, slice]:
    """A rectangle with one corner anywhere and the opposite one anywhere beyond it."""
    top, left = int(values[0] * height), int(values[1] * width)
    bottom = top + 1 + int(values[2] * (height - top))
    right = left + 1 + int(values[3] * (width - left))
    return slice(top, bottom), slice(left, right)


def _edited(part: _Mask, values: list[float]) -> _Mask:
    """Perhaps set or clear the centre, then dilate or erode."""
    part = part.copy()
    if values[0] < _FLIP:
        part[part.shape[0] // 2, part.shape[1] // 2] = values[0] < _FLIP / 2
    if part.all() or not part.any():
        return part  # no edge to move
    size, shape = 3 + int(values[1] * 7), int(values[2] * 4)
    return _dilated(part, size, shape) if values[3] < 0.5 else ~_dilated(~part, size, shape)


def _dilated(mask: _Mask, size: int, shape: int) -> _Mask:
    """Dilate by a square, a disc, or a flat or tall ellipse; nothing is set outside the part."""
    half = max(1, size // 2)
    if shape == 0:
        return _spread(_spread(mask, size, 0), size, 1)
    if shape == 1:  # two crossed rectangles approximate a disc
        return _spread(_spread(mask, size, 0), half, 1) | _spread(_spread(mask, half, 0), size, 1)
    tall, wide = (half, size) if shape == 2 else (size, half)
    return _spread(_spread(mask, tall, 0), wide, 1)


def _spread(mask: _Mask, size: int, axis: int) -> _Mask:
    """Replace each set pixel by a centred run of ``size`` along an axis."""
    before = size // 2
    padded = np.pad(mask, [(before, size - 1 - before) if a == axis else (0, 0) for a in (0, 1)])
    length = mask.shape[axis]
    spread = np.zeros_like(mask)
    for start in range(size):
        spread |= padded[start : start + length] if axis == 0 else padded[:, start : start + length]
    return spread
