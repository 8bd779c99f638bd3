"""What a frame costs, and what is remembered, as a shot goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from rde_roto.evaluation.speed import Case, NetworkBench
from rde_roto.evaluation.timing import held_bytes, in_turn, ratios, timed

EARLY = 50
"""The frame that later ones are compared with."""


@dataclass(frozen=True)
class Passed:
    """A shot's frames up to ``frame``: milliseconds of each of the last few, bytes remembered.

    ``held_bytes``: of the whole process, or on the CUDA device; None if unknown.
    """

    frame: int
    milliseconds: float
    state_bytes: int
    held_bytes: int | None


class LengthBench:
    """A network on its way along a shot."""

    def __init__(self, case: Case, device: torch.device) -> None:
        self._bench = NetworkBench(case, device)
        self._every = case.tracking.memory_every
        self._device = device
        self._early = self._late = self._bench.begin()

    def walk(self, frames: int) -> Iterator[Passed]:
        """Goes along so many frames; one figure at every memory frame."""
        for frame in range(self._every, frames + 1, self._every):
            taken, self._late = timed(partial(self._bench.frames, self._late), self._device)
            if frame <= EARLY:
                self._early = self._late
            held = held_bytes(self._device)
            yield Passed(frame, 1000 * taken / self._every, self._late.nbytes, held)

    def ratios(self, rounds: int) -> tuple[float, ...]:
        """How much longer a frame takes where the walk has come to than at frame ``EARLY``.

        The states of both are read and updated in turn: a machine that slows down slows both.
        """
        steps = {
            "early": partial(self._bench.frames, self._early),
            "late": partial(self._bench.frames, self._late),
        }
        taken = in_turn(steps, rounds, self._device)
        return ratios(taken["late"], taken["early"])
