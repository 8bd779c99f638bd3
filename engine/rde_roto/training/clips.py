"""Training clips: real video under one crop, and stills set in motion and composited."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.footage import Footage

_T = TypeVar("_T")

_MIN_SHARE = 0.01
"""An element must cover this share of the first frame, or another clip is drawn."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames with up to K elements.

    images float32 [T, B, 3, S, S] RGB 0..1; masks float32 [T, B, K, S, S], 0 or 1;
    present float32 [B, K], 1 where the clip has that element.
    """

    images: Tensor
    masks: Tensor
    present: Tensor


@dataclass(frozen=True)
class Pose:
    """A square window onto a picture, in pixels: centre, side, turn (radians), shear, mirrored."""

    x: float
    y: float
    side: float
    turn: float = 0.0
    shear: float = 0.0
    mirror: bool = False

    def matrix(self, height: int, width: int) -> Tensor:
        """Output coordinates -1..1 to source coordinates -1..1, [2, 3], as affine_grid wants."""
        cos, sin, half = math.cos(self.turn), math.sin(self.turn), self.side / 2
        sign = -1.0 if self.mirror else 1.0
        right = (half * sign * cos, half * sign * sin)
        down = (half * (self.shear * cos - sin), half * (self.shear * sin + cos))
        sx, sy = 2 / width, 2 / height
        return torch.tensor(
            [
                [sx * right[0], sx * down[0], sx * self.x - 1],
                [sy * right[1], sy * down[1], sy * self.y - 1],
            ]
        )


class ClipSampler:
    """Draws batches; every draw comes from the given generator alone.

    Args:
        videos: clips with binary masks. stills: pictures, with or without label masks.
        size_px: side S of the square frames.
    """

    def __init__(
        self, videos: list[Footage], stills: list[Footage], size_px: int, generator: torch.Generator
    ) -> None:
        self._videos = videos
        self._subjects = [still for still in stills if still.labels is not None]
        self._backgrounds = stills
        self._size_px = size_px
        self._generator = generator

    def video(self, clips: int, frames: int, max_jump: int) -> Batch:
        """Clips of real footage, one element, consecutive frames up to ``max_jump`` apart."""
        drawn = [self._until_visible(lambda: self._video(frames, max_jump)) for _ in range(clips)]
        return _batch(drawn)

    def composite(self, clips: int, frames: int) -> Batch:
        """Clips of one or two cut-out subjects, each on its own path, over a moving background."""
        drawn = [self._until_visible(lambda: self._composite(frames)) for _ in range(clips)]
        return _batch(drawn)

    def _until_visible(self, draw: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        while True:
            images, masks = draw()
            if bool((masks[0].mean(dim=(1, 2)) >= _MIN_SHARE).all()):
                return self._lit(images), (masks > 0.5).float()

    def _video(self, frames: int, max_jump: int) -> tuple[Tensor, Tensor]:
        clip = self._pick(self._videos)
        assert clip.labels is not None
        jumps = [0] + [self._integer(1, max_jump) for _ in range(frames - 1)]
        reach = sum(jumps)
        start = self._integer(0, max(0, len(clip.frames) - 1 - reach))
        indices = [min(start + sum(jumps[: i + 1]), len(clip.frames) - 1) for i in range(frames)]
        if self._chance(0.5):
            indices.reverse()
        first = clip.labels[indices[0]]
        height, width = first.shape
        side = self._between(0.5, 1.0) * height
        x, y = self._point_on(first)
        x, y = x + self._normal(0.2 * side), y + self._normal(0.2 * side)
        x = min(max(x, side / 2), width - side / 2)
        y = min(max(y, side / 2), height - side / 2)
        pose = Pose(x, y, side, mirror=self._chance(0.5))
        images, masks = [], []
        for index in indices:
            seen = self._nudged(pose, shift=0.01, scale=0.03, turn=0.05)
            images.append(self._view(clip.frames[index], seen))
            masks.append(self._view(clip.labels[index], seen))
        return torch.cat(images), torch.stack([mask[0] for mask in masks])

    def _composite(self, frames: int) -> tuple[Tensor, Tensor]:
        background = self._pick(self._backgrounds).frames[0]
        height, width = background.shape[1:]
        side = self._between(0.5, 0.9) * min(height, width)
        start = Pose(self._between(0.35, 0.65) * width, self._between(0.35, 0.65) * height, side)
        path = self._path(start, frames, speed=0.03)
        images = torch.cat([self._view(background, pose, edge="reflection") for pose in path])
        masks: list[Tensor] = []
        for _ in range(1 if self._chance(0.35) else 2):
            picture, cutout = self._subject()
            path = self._path(self._framing(cutout), frames, speed=0.06)
            alpha = torch.cat([self._view(cutout, pose) for pose in path])
            look = torch.cat([self._view(picture, pose) for pose in path])
            images = torch.lerp(images, look, alpha)
            masks = [mask * (1 - alpha) for mask in masks] + [alpha]
        return images, torch.cat(masks, dim=1)

    def _subject(self) -> tuple[Tensor, Tensor]:
        """A still [3, H, W] and the cut-out [H, W] of one of its larger objects."""
        while True:
            still = self._pick(self._subjects)
            assert still.labels is not None
            sizes = torch.bincount(still.labels.flatten().long())
            sizes[0] = 0
            large = [i for i, n in enumerate(sizes.tolist()) if n > 0.02 * still.labels.numel()]
            if large:
                return still.frames[0], (still.labels[0] == self._pick(large)).to(torch.uint8)

    def _framing(self, cutout: Tensor) -> Pose:
        """A window in which the cut-out fills a drawn share and stands at a drawn place."""
        rows = cutout.any(dim=1).nonzero()
        columns = cutout.any(dim=0).nonzero()
        top, bottom = int(rows[0]), int(rows[-1])
        left, right = int(columns[0]), int(columns[-1])
        side = max(bottom - top, right - left, 8) / self._between(0.3, 0.9)
        x = (left + right) / 2 + self._between(-0.3, 0.3) * side
        y = (top + bottom) / 2 + self._between(-0.3, 0.3) * side
        return Pose(x, y, side, mirror=self._chance(0.5))

    def _path(self, start: Pose, frames: int, speed: float) -> list[Pose]:
        """Poses that drift steadily, with a little shake."""
        dx, dy = self._normal(speed), self._normal(speed)
        growth, turn, shear = self._normal(0.03), self._normal(0.05), self._normal(0.03)
        poses = []
        for t in range(frames):
            moved = Pose(
                start.x + dx * t * start.side,
                start.y + dy * t * start.side,
                start.side * math.exp(growth * t),
                turn * t,
                shear * t,
                start.mirror,
            )
            poses.append(self._nudged(moved, shift=0.01, scale=0.01, turn=0.02))
        return poses

    def _nudged(self, pose: Pose, shift: float, scale: float, turn: float) -> Pose:
        return Pose(
            pose.x + self._normal(shift) * pose.side,
            pose.y + self._normal(shift) * pose.side,
            pose.side * math.exp(self._normal(scale)),
            pose.turn + self._normal(turn),
            pose.shear,
            pose.mirror,
        )

    def _view(self, picture: Tensor, pose: Pose, edge: str = "zeros") -> Tensor:
        """uint8 [3, H, W] -> [1, 3, S, S] in 0..1; uint8 mask [H, W] -> [1, 1, S, S]."""
        height, width = picture.shape[-2:]
        planes = picture / 255 if picture.dim() == 3 else picture[None].float()
        shape = [1, planes.shape[0], self._size_px, self._size_px]
        grid = F.affine_grid(pose.matrix(height, width)[None], shape, align_corners=False)
        return F.grid_sample(planes[None], grid, padding_mode=edge, align_corners=False)

    def _lit(self, images: Tensor) -> Tensor:
        """One grade for the clip, a flicker of exposure per frame, now and then no colour."""
        clip = 1 + self._normal(0.1)
        gains = torch.tensor([clip + self._normal(0.02) for _ in range(len(images))])
        tint = torch.tensor([1 + self._normal(0.03) for _ in range(3)])
        mean = images.mean()
        images = (images - mean) * (1 + self._normal(0.1)) + mean
        if self._chance(0.05):
            images = images.mean(dim=1, keepdim=True).expand_as(images)
        return (images * gains.view(-1, 1, 1, 1) * tint.view(3, 1, 1)).clamp(0, 1)

    def _point_on(self, mask: Tensor) -> tuple[float, float]:
        """A pixel (x, y) of the mask; the middle of the picture where it is empty."""
        where = mask.nonzero()
        if len(where) == 0:
            return mask.shape[1] / 2, mask.shape[0] / 2
        y, x = where[self._integer(0, len(where) - 1)].tolist()
        return float(x), float(y)

    def _pick(self, items: list[_T]) -> _T:
        return items[self._integer(0, len(items) - 1)]

    def _integer(self, low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self._generator))

    def _normal(self, deviation: float) -> float:
        return deviation * float(torch.randn((), generator=self._generator))

    def _chance(self, probability: float) -> bool:
        return self._between(0, 1) < probability


def _batch(clips: list[tuple[Tensor, Tensor]]) -> Batch:
    """Stacks clips [T, 3, S, S] and masks [T, k, S, S], with absent elements as empty planes."""
    most = max(masks.shape[1] for _, masks in clips)
    padded = [F.pad(masks, (0, 0, 0, 0, 0, most - masks.shape[1])) for _, masks in clips]
    present = [[float(k < masks.shape[1]) for k in range(most)] for _, masks in clips]
    return Batch(
        torch.stack([images for images, _ in clips], dim=1),
        torch.stack(padded, dim=1),
        torch.tensor(present),
    )
