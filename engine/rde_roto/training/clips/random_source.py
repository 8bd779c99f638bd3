"""Random values for training clips, all from one generator, so that they are reproducible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")


class RandomSource:
    """Draws from a generator on the CPU, so that values are the same for every device."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform float32 of that shape, ``low`` <= value < ``high``."""
        return low + (high - low) * torch.rand(shape, generator=self._generator)

    def normals(self, deviation: float, *shape: int) -> Tensor:
        """Normal float32 of that shape with mean 0."""
        return deviation * torch.randn(shape, generator=self._generator)

    def order(self, count: int) -> Tensor:
        """Return a random permutation of 0 to count - 1, int64 [count]."""
        return torch.randperm(count, generator=self._generator)

    def between(self, low: float, high: float) -> float:
        """Return a uniform number, ``low`` <= value < ``high``."""
        return float(self.uniform(low, high))

    def normal(self, deviation: float) -> float:
        """Return a normal number with mean 0."""
        return float(self.normals(deviation))

    def integer(self, low: int, high: int) -> int:
        """Return a uniform integer, both ends included."""
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.between(0, 1) < probability

    def pick(self, items: Sequence[_T], weights: Sequence[float] | None = None) -> _T:
        """Pick one of the items; ``weights`` are relative probabilities."""
        shares = torch.ones(len(items)) if weights is None else torch.tensor(weights)
        return items[self.index(shares)]

    def index(self, weights: Tensor) -> int:
        """Return the place of one of the weights [N], which are relative probabilities."""
        return int(torch.multinomial(weights, 1, generator=self._generator))


def frame_indices(length: int, frames: int, jump: int, source: RandomSource) -> list[int]:
    """Random ascending frame indices, at most ``jump`` apart and within the clip; reversed half of
    the time.

    A clip that is too short is held at its last frame.
    """
    jump = max(1, min(jump, (length - 1) // (frames - 1)))
    gaps = [source.integer(1, jump) for _ in range(frames - 1)]
    index = source.integer(0, max(0, length - 1 - sum(gaps)))
    indices = [index]
    for gap in gaps:
        index += gap
        indices.append(min(index, length - 1))
    return indices[::-1] if source.chance(0.5) else indices
