"""The loss functions (RDE-VOS, CVPR 2022, section 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.recipe import Losses


def hardest_share(losses: Losses, iteration: int) -> float:
    """Return the share of pixels that count at an iteration: 1 at first, then falling linearly.

    Bootstrapping (Wu et al., "Bridging category-level and instance-level semantic image
    segmentation", 2016): later, only the hardest pixels contribute to the gradient.
    """
    start, end = losses.bootstrap_start, losses.bootstrap_end
    if iteration < start:
        return 1.0
    left = max(0.0, (end - iteration) / (end - start)) if end > start else 0.0
    return losses.hardest + (1 - losses.hardest) * left


def cross_entropy(logits: Tensor, masks: Tensor, present: Tensor, hardest: float) -> Tensor:
    """Bootstrapped cross entropy over the background and the elements that a clip has.

    Args:
        logits: aggregated [B, K + 1, H, W], channel 0 the background.
        masks: [B, K, H, W], 0 or 1, not overlapping. present: [B, K], 0 or 1.
        hardest: the share of each picture's pixels, those with the greatest loss, that count.

    Returns: the mean over clips, a scalar.
    """
    absent = F.pad(present == 0, (1, 0))[:, :, None, None]
    per_pixel = F.cross_entropy(
        logits.masked_fill(absent, -torch.inf), _labels(masks), reduction="none"
    ).flatten(1)
    count = max(1, int(hardest * per_pixel.shape[1]))
    if count < per_pixel.shape[1]:
        per_pixel = per_pixel.topk(count, dim=1, sorted=False).values
    return per_pixel.mean()


def dice(logits: Tensor, masks: Tensor, present: Tensor) -> Tensor:
    """Dice loss, 1 - 2 |a m| / (|a| + |m|), averaged over present elements, smoothed by one pixel.

    Unlike cross entropy it weights elements equally whatever their size (Milletari et al., "V-Net",
    3DV 2016).
    """
    alpha = logits.softmax(dim=1)[:, 1:]
    overlap = (alpha * masks).sum(dim=(2, 3))
    total = alpha.sum(dim=(2, 3)) + masks.sum(dim=(2, 3))
    return ((1 - (2 * overlap + 1) / (total + 1)) * present).sum() / present.sum().clamp(min=1)


def divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of channel distributions, summed over elements: both [B, K, C, h, w].

    Softmax over the channels with temperature 1; the mean is over all other axes *and* the
    channels, and the teacher is not detached, both as published.
    """
    student, teacher = student.float().log_softmax(dim=2), teacher.float().log_softmax(dim=2)
    return (teacher.exp() * (teacher - student)).mean() * student.shape[1]


def frame_weights(losses: Losses, frames: int) -> list[float]:
    """Return the weight of each frame after the first in L_seg."""
    count = frames - 1
    if losses.frame_weights == "equal":
        return [1 / count] * count
    return [0.5 ** (count - i) for i in range(count)]


def _labels(masks: Tensor) -> Tensor:
    """[B, K, H, W] -> int64 [B, H, W]: 0 the background, k + 1 element k."""
    ordinals = torch.arange(1, masks.shape[1] + 1, device=masks.device, dtype=masks.dtype)
    return (masks * ordinals.view(1, -1, 1, 1)).sum(dim=1).long()
