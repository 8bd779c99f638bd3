"""How the sheets of a composite move: steadily, a little accelerated, a little shaken."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource

_SHAKE = 0.12
"""Shake and acceleration, as a share of the speed."""


@dataclass(frozen=True)
class Pace:
    """Deviations of a motion a frame: shift in sides of the frame, growth, turn in radians."""

    shift: float
    growth: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True)
class Motion:
    """A flat picture moving before the camera; time is in frames, places in -1..1.

    half: half its width and height, at its first size; mirrored: left and right swapped. start,
    speed and change are float32 [4]: x, y, log of the size, turn in radians. Shake is two sines
    [4, 2, 3]: amplitude, rate, phase. away: where an excursion leads [2], and when [2].
    """

    half: tuple[float, float]
    mirrored: bool
    start: Tensor
    speed: Tensor
    change: Tensor
    shake: Tensor
    away: Tensor | None = None
    away_times: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def drawn(
        cls, half: tuple[float, float], place: tuple[float, float], pace: Pace, draws: RandomSource
    ) -> Motion:
        """A motion from a place on, its speed drawn at that pace."""
        deviations = torch.tensor([2 * pace.shift, 2 * pace.shift, pace.growth, pace.turn])
        shake = torch.stack(
            [
                draws.normals(_SHAKE, 4, 2) * deviations[:, None],
                draws.uniform(0.5, 2.5, 4, 2),
                draws.uniform(0, 2 * math.pi, 4, 2),
            ],
            dim=2,
        )
        turn = draws.normal(2 * pace.turn)
        return cls(
            half,
            draws.chance(0.5),
            torch.tensor([*place, 0.0, turn]),
            draws.normals(1, 4) * deviations,
            draws.normals(_SHAKE, 4) * deviations,
            shake,
        )

    def leaving(self, frames: int, draws: RandomSource) -> Motion:
        """The same, but for an excursion out of the frame and back."""
        angle = draws.between(0, 2 * math.pi)
        distance = 1.2 + math.hypot(*self.half) + math.hypot(*self.start[:2].tolist())
        away = distance * torch.tensor([math.cos(angle), math.sin(angle)])
        times = (draws.between(0, 0.3) * (frames - 1), draws.between(0.8, 1.2) * (frames - 1))
        return replace(self, away=away, away_times=times)

    def crossed(self, half: tuple[float, float], meeting: float, draws: RandomSource) -> Motion:
        """A straight motion of another picture that covers this one at a time, not at time 0."""
        angle = draws.between(0, 2 * math.pi)
        across = torch.tensor([math.cos(angle), math.sin(angle)])
        clear = (math.hypot(*self.half) + math.hypot(*half)) / meeting  # a frame
        speed = torch.zeros(4)
        speed[:2] = self.speed[:2] + across * clear
        speed[3] = draws.normal(0.03)
        start = torch.tensor([0.0, 0.0, 0.0, draws.normal(0.3)])
        start[:2] = self.at(torch.tensor([meeting]))[0, :2] - meeting * speed[:2]
        still = torch.zeros(4)
        return Motion(half, draws.chance(0.5), start, speed, still, torch.zeros(4, 1, 3))

    def at(self, times: Tensor) -> Tensor:
        """Times [N] to x, y, log of the size, turn: [N, 4]."""
        t = times[:, None]
        amplitude, rate, phase = self.shake.unbind(2)
        sway = (amplitude * (rate * times[:, None, None] + phase).sin()).sum(dim=2)
        states = self.start + self.speed * t + self.change * t.square() / 2 + sway
        if self.away is not None:
            begin, end = self.away_times
            part = ((t - begin) / (end - begin)).clamp(0, 1)
            states[:, :2] += self.away * (math.pi * part).sin().square()
        return states

    def matrices(self, times: Tensor) -> Tensor:
        """[N, 3, 3]: from the frame to the picture, which is -1..1 from edge to edge."""
        x, y, size, turn = self.at(times).unbind(1)
        width, height = (half * size.exp() for half in self.half)
        if self.mirrored:
            width = -width
        cos, sin = turn.cos(), turn.sin()
        right, down = torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)
        turned = torch.stack([right / width[:, None], down / height[:, None]], dim=1)
        matrices = torch.eye(3).repeat(len(times), 1, 1)
        matrices[:, :2, :2] = turned
        matrices[:, :2, 2:] = -turned @ torch.stack([x, y], 1)[:, :, None]
        return matrices
