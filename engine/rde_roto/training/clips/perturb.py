"""The first mask as a hurried artist would draw it: random edits until it is wrong enough.

After section 8.4 of the published training: rectangles are dilated or eroded and single pixels
flipped until the IoU with the truth has fallen below a target.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource

_Mask = NDArray[np.bool_]

_EDITS = 4
"""Edits a round."""

_FLIP = 0.1
"""Probability that the centre of an edited rectangle is painted on or off."""

_OVERSHOOT = 0.05
"""An edit that falls this far below the target is taken back: small masks would be lost."""


def perturb(
    masks: Tensor, iou: tuple[float, float], rounds: int, generator: torch.Generator
) -> Tensor:
    """Masks of B clips with K elements, spoilt; 0 or 1 and disjoint, as they came.

    One target IoU a clip, drawn from ``iou``, for all its elements. At 1, and where a mask is
    empty, nothing changes. A mask that is still too good after ``rounds`` of edits stays so.

    Args:
        masks: float32 [B, K, S, S] on any device; the work is done on the CPU.
    """
    draws = RandomSource(generator)
    targets = draws.uniform(*iou, len(masks)).tolist()
    spoilt = masks.cpu().numpy() > 0.5
    for clip, target in zip(spoilt, targets, strict=True):
        for k, mask in enumerate(clip):
            others = np.delete(clip, k, axis=0).any(axis=0)
            if target < 1 and mask.any():
                clip[k] = _spoilt(mask, ~others, target, draws.uniform(0, 1, rounds * _EDITS, 8))
    return torch.from_numpy(spoilt).to(masks)


def _spoilt(truth: _Mask, free: _Mask, target: float, table: Tensor) -> _Mask:
    """Edits within ``free`` until the IoU with ``truth`` is below ``target``.

    Args:
        table: uniform draws [edits, 8].
    """
    mask: _Mask = truth.copy()
    whole, lost, wrong = np.count_nonzero(truth), 0, 0
    for draws in table.tolist():
        area = _rectangle(draws[:4], *mask.shape)
        right, before = truth[area], mask[area]
        after = _edited(before, draws[4:]) & free[area]
        now_lost = lost + np.count_nonzero(right & ~after) - np.count_nonzero(right & ~before)
        now_wrong = wrong + np.count_nonzero(after & ~right) - np.count_nonzero(before & ~right)
        iou = (whole - now_lost) / (whole + now_wrong)
        if iou >= target - _OVERSHOOT:
            mask[area], lost, wrong = after, now_lost, now_wrong
            if iou < target:
                break
    return mask


def _rectangle(draws: list[float], height: int, width: int) -> tuple[slice, slice]:
    """A corner anywhere, the opposite one anywhere beyond it."""
    top, left = int(draws[0] * height), int(draws[1] * width)
    bottom = top + 1 + int(draws[2] * (height - top))
    right = left + 1 + int(draws[3] * (width - left))
    return slice(top, bottom), slice(left, right)


def _edited(part: _Mask, draws: list[float]) -> _Mask:
    """Perhaps the centre painted, then dilated or eroded."""
    part = part.copy()
    if draws[0] < _FLIP:
        part[part.shape[0] // 2, part.shape[1] // 2] = draws[0] < _FLIP / 2
    if part.all() or not part.any():
        return part  # no edge to move
    size, shape = 3 + int(draws[1] * 7), int(draws[2] * 4)
    return _dilated(part, size, shape) if draws[3] < 0.5 else ~_dilated(~part, size, shape)


def _dilated(mask: _Mask, size: int, shape: int) -> _Mask:
    """Spread by a square, a disc, or a flat or tall ellipse; outside of the part nothing is set."""
    half = max(1, size // 2)
    if shape == 0:
        return _spread(_spread(mask, size, 0), size, 1)
    if shape == 1:  # two crossed rectangles come near a disc
        return _spread(_spread(mask, size, 0), half, 1) | _spread(_spread(mask, half, 0), size, 1)
    tall, wide = (half, size) if shape == 2 else (size, half)
    return _spread(_spread(mask, tall, 0), wide, 1)


def _spread(mask: _Mask, size: int, axis: int) -> _Mask:
    """Each set pixel becomes a run of ``size`` along an axis, centred."""
    before = size // 2
    padded = np.pad(mask, [(before, size - 1 - before) if a == axis else (0, 0) for a in (0, 1)])
    length = mask.shape[axis]
    spread = np.zeros_like(mask)
    for start in range(size):
        spread |= padded[start : start + length] if axis == 0 else padded[:, start : start + length]
    return spread
