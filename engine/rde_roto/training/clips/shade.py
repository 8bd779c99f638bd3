"""Shadows that lie across a clip: of trees, houses and clouds, through which everything moves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.augment import grids
from rde_roto.training.clips.random_source import RandomSource

_LATTICE = 64
"""Side of the picture of the shadows; their edges are soft, so it is interpolated."""

_REACH = 0.5
"""The frame's share of the shadows' picture, which is mirrored beyond its edge."""


@dataclass(frozen=True)
class Shade:
    """Shadows on a plane that moves steadily past the camera.

    field: where light is kept out, float32 [1, 1, 64, 64], 0 to 1. loss: how much light is lost in
    full shadow, by channel, float32 [3]. place, speed: of the frame in the field, float32 [2].
    """

    field: Tensor
    loss: Tensor
    place: Tensor
    speed: Tensor

    @classmethod
    def sample(cls, random: RandomSource) -> Shade:
        """Draw shadows: from one broad edge to dappled light, from soft to nearly hard."""
        cells = random.integer(3, 12)
        noise = random.normals(1, 1, 1, cells, cells)
        smooth = F.interpolate(noise, (_LATTICE, _LATTICE), mode="bicubic", align_corners=True)
        field = ((smooth - random.between(-0.5, 0.5)) * random.between(2, 12)).sigmoid()
        depth = random.between(0.2, 0.7)
        blue = random.between(0, 0.15)  # shadows are lit by the sky
        loss = depth * torch.tensor([1.0, 1 - blue / 2, 1 - blue])
        return cls(field, loss, random.uniform(-0.5, 0.5, 2), random.normals(0.12, 2))

    def on(self, images: Tensor) -> Tensor:
        """Darken the frames of a clip: RGB [T, 3, S, S] in 0..1."""
        frames, _, size_px, _ = images.shape
        matrices = torch.eye(3).repeat(frames, 1, 1)
        matrices[:, :2, :2] *= _REACH
        matrices[:, :2, 2] = self.place + torch.arange(frames)[:, None] * self.speed
        grid = grids(matrices, size_px, images.device)
        field = self.field.to(images).expand(frames, -1, -1, -1)
        kept_out = F.grid_sample(field, grid, padding_mode="reflection", align_corners=False)
        return images * (1 - kept_out * self.loss.to(images).view(1, 3, 1, 1))
