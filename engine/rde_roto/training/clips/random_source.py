"""Random draws for training clips, all from one generator, so that they can be drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")


class RandomSource:
    """Draws from a generator on the CPU: the same on every device."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float32 of that shape, in ``low`` <= value < ``high``."""
        return low + (high - low) * torch.rand(shape, generator=self._generator)

    def normals(self, deviation: float, *shape: int) -> Tensor:
        """float32 of that shape, round 0."""
        return deviation * torch.randn(shape, generator=self._generator)

    def order(self, count: int) -> Tensor:
        """int64 [count], 0 to count - 1 shuffled."""
        return torch.randperm(count, generator=self._generator)

    def between(self, low: float, high: float) -> float:
        """A number in ``low`` <= value < ``high``."""
        return float(self.uniform(low, high))

    def normal(self, deviation: float) -> float:
        """A number round 0."""
        return float(self.normals(deviation))

    def integer(self, low: int, high: int) -> int:
        """A whole number; both ends can come."""
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.between(0, 1) < probability

    def pick(self, items: Sequence[_T], weights: Sequence[float] | None = None) -> _T:
        """One of the items; ``weights`` says how often each, in any unit."""
        shares = torch.ones(len(items)) if weights is None else torch.tensor(weights)
        return items[int(torch.multinomial(shares, 1, generator=self._generator))]


def frame_indices(length: int, frames: int, jump: int, draws: RandomSource) -> list[int]:
    """Growing frame indices at most ``jump`` apart, or as far as the clip allows; half reversed.

    A clip that is too short is held at its last frame.
    """
    jump = max(1, min(jump, (length - 1) // (frames - 1)))
    gaps = [draws.integer(1, jump) for _ in range(frames - 1)]
    index = draws.integer(0, max(0, length - 1 - sum(gaps)))
    indices = [index]
    for gap in gaps:
        index += gap
        indices.append(min(index, length - 1))
    return indices[::-1] if draws.chance(0.5) else indices
