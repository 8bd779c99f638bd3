"""The shadow that subjects cast on the ground of a composited clip."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource


@dataclass(frozen=True)
class Shadow:
    """The shadow of all subjects; ``length`` is negative towards the camera, ``depth`` is 0..1."""

    lean: float
    length: float
    depth: float

    @classmethod
    def sample(cls, random: RandomSource) -> Shadow:
        """Draw a shadow from its distribution."""
        length = random.between(0.25, 0.7)
        towards = random.chance(0.5)
        return cls(
            random.between(-1.2, 1.2), -length if towards else length, random.between(0.25, 0.6)
        )

    def of(self, alpha: Tensor) -> Tensor:
        """Return the darkening [T, 1, S, S] of the ground around the lower end of each frame's
        alpha.
        """
        coarse = F.avg_pool2d(alpha, 4)  # soft, and cheap
        rows = torch.linspace(-1, 1, coarse.shape[2], device=alpha.device)
        foot = torch.where(coarse.amax(dim=3)[:, 0] > 0.5, rows, -1).amax(dim=1)
        matrix = torch.zeros(len(alpha), 2, 3, device=alpha.device)
        matrix[:, 0, 0], matrix[:, 1, 1] = 1, 1 / self.length
        matrix[:, 0, 1] = self.lean / self.length
        matrix[:, 0, 2] = -foot * self.lean / self.length
        matrix[:, 1, 2] = foot * (1 - 1 / self.length)
        grid = F.affine_grid(matrix, list(coarse.shape), align_corners=False)
        cast = F.grid_sample(coarse, grid, align_corners=False)
        soft = F.avg_pool2d(cast, 3, stride=1, padding=1)
        return self.depth * F.interpolate(soft, alpha.shape[2:], mode="bilinear")
