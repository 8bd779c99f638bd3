"""Tell masks with soft edges, which can be studied, from hard ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from rde_roto.matte.edges import SOFT
from rde_roto.training.learning.lesson_data import Truth
from rde_roto.values.matte import FloatArray

_SOFT_RATIO = 1.5
"""Partly covered pixels for each pixel of the outline, from which on an edge counts as soft: a hard
edge that is anti-aliased has about one."""
_BLOCK_PX = 8
"""The outline is that of the mask's means over such blocks: strands have none of their own."""
_MIN_SOFT_PX = 500


def is_soft(truth: Truth) -> bool:
    """Return whether an element of a truth has edges softer than those of a hard mask."""
    return any(map(_is_soft, truth.alpha))


def _is_soft(alpha: FloatArray) -> bool:
    soft = int(((alpha > SOFT) & (alpha < 1 - SOFT)).sum())
    reduced = F.avg_pool2d(torch.from_numpy(alpha)[None], _BLOCK_PX, ceil_mode=True)[0]
    inside = (reduced >= 0.5).int()
    steps = sum(int(inside.diff(dim=axis).abs().sum()) for axis in (0, 1))
    return soft >= max(_MIN_SOFT_PX, _SOFT_RATIO * _BLOCK_PX * steps)
