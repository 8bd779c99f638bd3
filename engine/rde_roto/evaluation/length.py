"""What a frame costs, and what is remembered, as a shot goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from rde_roto.evaluation.speed import Case, NetworkBench
from rde_roto.evaluation.timing import held_bytes, timed


@dataclass(frozen=True)
class Passed:
    """A shot's frames up to ``frame``: milliseconds of each of the last few, bytes remembered.

    ``held_bytes``: of the whole process, or on the CUDA device; None if unknown.
    """

    frame: int
    milliseconds: float
    state_bytes: int
    held_bytes: int | None


def walked(case: Case, frames: int, device: torch.device) -> Iterator[Passed]:
    """A network goes along a shot of so many frames; one figure at every memory frame."""
    bench = NetworkBench(case, device)
    every = case.tracking.memory_every
    state = bench.begin()
    for frame in range(every, frames + 1, every):
        taken, state = timed(partial(bench.frames, state), device)
        yield Passed(frame, 1000 * taken / every, state.nbytes, held_bytes(device))
