"""Measures time per frame and memory over the length of a shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from rde_roto.evaluation.speed import Case, NetworkBench
from rde_roto.evaluation.timing import held_bytes, in_turn, ratios, timed

EARLY = 50
"""The frame with which later ones are compared."""


@dataclass(frozen=True)
class Passed:
    """The state of a walk at ``frame``: milliseconds per frame of late, and the size of the memory.

    ``held_bytes``: memory of the whole process, or on the CUDA device; None if unknown.
    """

    frame: int
    milliseconds: float
    state_bytes: int
    held_bytes: int | None


class LengthBench:
    """Runs a network along a shot."""

    def __init__(self, case: Case, device: torch.device) -> None:
        self._bench = NetworkBench(case, device)
        self._every = case.tracking.memory_every
        self._device = device
        self._early = self._late = self._bench.begin()

    def walk(self, frames: int) -> Iterator[Passed]:
        """Walk over so many frames; yields figures at every memory frame."""
        for frame in range(self._every, frames + 1, self._every):
            taken, self._late = timed(partial(self._bench.frames, self._late), self._device)
            if frame <= EARLY:
                self._early = self._late
            held = held_bytes(self._device)
            yield Passed(frame, 1000 * taken / self._every, self._late.nbytes, held)

    def ratios(self, rounds: int) -> tuple[float, ...]:
        """Return how many times longer a frame takes at the end of the walk than at frame
        ``EARLY``.

        Both states are read and updated in turn, so a machine that slows down slows both.
        """
        steps = {
            "early": partial(self._bench.frames, self._early),
            "late": partial(self._bench.frames, self._late),
        }
        taken = in_turn(steps, rounds, self._device)
        return ratios(taken["late"], taken["early"])
