"""What the network is trained towards."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def segmentation_loss(logits: Tensor, masks: Tensor, hardest: float) -> Tensor:
    """Bootstrapped cross entropy plus Dice, over background and elements.

    Args:
        logits: aggregated [B, K + 1, H, W], channel 0 the background.
        masks: [B, K, H, W], 0 or 1, not overlapping.
        hardest: the share of a picture's pixels, those of greatest loss, that count in the cross
            entropy (Wu et al., "Bridging category-level and instance-level", 2016).
    """
    labels = (masks * _ordinals(masks)).sum(dim=1).long()
    per_pixel = F.cross_entropy(logits, labels, reduction="none").flatten(1)
    count = max(1, int(hardest * per_pixel.shape[1]))
    cross_entropy = per_pixel.topk(count, dim=1, sorted=False).values.mean()
    return cross_entropy + _dice(logits.softmax(dim=1)[:, 1:], masks)


def _dice(alpha: Tensor, masks: Tensor) -> Tensor:
    """1 - 2 |a m| / (|a| + |m|), the mean over clips and elements; smoothed by one pixel."""
    overlap = (alpha * masks).sum(dim=(2, 3))
    total = alpha.sum(dim=(2, 3)) + masks.sum(dim=(2, 3))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def _ordinals(masks: Tensor) -> Tensor:
    """1, 2, … K, to be broadcast over [B, K, H, W]."""
    return masks.new_tensor([float(k + 1) for k in range(masks.shape[1])]).view(1, -1, 1, 1)
