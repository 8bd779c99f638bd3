"""A small network that corrects the edges of a matte, pixel by pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLUES = 17
"""Planes that the network is given; `rde_roto.matte.edge_clues` makes them."""
DRAWN = 7
"""The plane that has the matte to correct."""

_CHANNELS = 24
_DILATIONS = (1, 2, 1)
_LEAK = 0.1
_OPENS = 8.0
"""Alpha 1/8 away from 0 and 1 is corrected in full, less the closer it is: the ends of what is
corrected must not show."""


class EdgeNet(nn.Module):
    """Says how much to add to alpha at each pixel; before it has learned anything, 0.

    Only pixels that are partly covered are corrected, and those beside them: the network is never
    quite sure, and what it adds to solid and empty areas changes from frame to frame.
    """

    reach_px = 1 + sum(_DILATIONS)
    """How far from a pixel the clues lie that decide it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(CLUES, _CHANNELS, 3, padding=1)
        self.middle = nn.ModuleList(
            nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=step, dilation=step) for step in _DILATIONS
        )
        self.last = nn.Conv2d(_CHANNELS, 1, 1)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, clues: Tensor) -> Tensor:
        """[M, CLUES, H, W] -> [M, H, W]."""
        clues = clues.contiguous(memory_format=torch.channels_last)  # a third faster on a CPU
        seen = F.leaky_relu(self.first(clues), _LEAK)
        for layer in self.middle:
            seen = F.leaky_relu(seen + layer(seen), _LEAK)
        corrections: Tensor = self.last(seen)[:, 0]
        return corrections * _openness(clues[:, DRAWN])


def _openness(drawn: Tensor) -> Tensor:
    """How far a matte [M, H, W] may be corrected: 1 where it is soft, or a pixel beside."""
    softness = torch.minimum(drawn, 1 - drawn)
    return (_OPENS * F.max_pool2d(softness, 3, stride=1, padding=1)).clamp(max=1)
