"""Damages mattes on their way into memory, so that a network learns to recover what it lost."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource

_CELLS = 5
"""Side of the grid of random numbers whose level sets are the damaged regions."""

_LOSES = 0.65
"""Probability that damage takes a part away; else it adds one."""


def damage(alpha: Tensor, share: float, random: RandomSource) -> Tensor:
    """Take a part of a matte away, or add one, in some of the clips.

    What is lost is mostly a quarter to two thirds of an element, what is gained 2 % to 16 % of the
    frame, where no other element is; their outlines are level sets of smooth noise.

    Args:
        alpha: mattes [B, K, H, W], 0..1, of sum 1 at most.
        share: probability that the mattes of a clip are damaged.
        random: all randomness.

    Returns:
        Mattes like ``alpha``.
    """
    return torch.stack([_damaged(clip, random) if random.chance(share) else clip for clip in alpha])


def _damaged(alpha: Tensor, random: RandomSource) -> Tensor:
    noise = random.normals(1.0, 1, 1, _CELLS, _CELLS).to(alpha)
    noise = F.interpolate(noise, alpha.shape[-2:], mode="bicubic", align_corners=False)[0, 0]
    if random.chance(_LOSES):
        return alpha * (noise < random.between(-0.5, 0.7))
    region = (noise > random.between(0.8, 1.6)).to(alpha)
    gaining = random.integer(0, len(alpha) - 1)
    free = (1 - alpha.sum(dim=0)).clamp(min=0)
    added = torch.zeros_like(alpha)
    added[gaining] = region * free
    return alpha + added
