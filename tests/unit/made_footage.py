"""Footage out of numbers, for tests of training clips: nothing is read from disk."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rde_roto.training.footage.sets import FootageSet, StillSet, VideoSet

HEIGHT, WIDTH = 72, 96


@dataclass(frozen=True)
class Made:
    """Frames uint8 [N, 3, H, W] and labels uint8 [N, H, W] as footage."""

    name: str
    frames: Tensor
    numbers: Tensor | None

    @property
    def has_labels(self) -> bool:
        return self.numbers is not None

    def __len__(self) -> int:
        return len(self.frames)

    def frame(self, index: int) -> Tensor:
        return self.frames[index]

    def labels(self, index: int) -> Tensor:
        assert self.numbers is not None
        return self.numbers[index]

    def alpha(self, index: int) -> None:
        return None


def bright(name: str, length: int, elements: int = 1) -> Made:
    """Dark frames with a bright square a label: white for 1, green for 2, 3 px on each frame."""
    frames = torch.full((length, 3, HEIGHT, WIDTH), 40, dtype=torch.uint8)
    numbers = torch.zeros((length, HEIGHT, WIDTH), dtype=torch.uint8)
    for t in range(length):
        left = 8 + 3 * t % 40
        for label, top, colour in [(1, 6, (250, 250, 250)), (2, 40, (40, 250, 40))][:elements]:
            area = (slice(top, top + 28), slice(left, left + 30))
            numbers[t][area] = label
            frames[t][:, area[0], area[1]] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return Made(name, frames, numbers)


def noisy(name: str) -> Made:
    """A dark background without a mask, below 60."""
    generator = torch.Generator().manual_seed(len(name))
    shape = (1, 3, HEIGHT, WIDTH)
    return Made(name, torch.randint(0, 60, shape, generator=generator, dtype=torch.uint8), None)


def made_set(elements: int = 1) -> FootageSet:
    """One clip of 12 frames, two subjects and a background."""
    subjects = still_set(bright("a", 1, elements), bright("b", 1, elements))
    return FootageSet(
        videos=(VideoSet((bright("walk", 12, elements),), weight=1.0, jump_factor=1.0),),
        subjects=subjects,
        cutouts=subjects,
        backgrounds=still_set(noisy("sky")),
    )


def still_set(*stills: Made) -> tuple[StillSet, ...]:
    """Stills of one source."""
    return (StillSet(stills, weight=1.0),)
