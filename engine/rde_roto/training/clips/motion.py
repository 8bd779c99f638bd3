"""The motion of a composite's layers: steady, with a little acceleration and shake."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource

_SHAKE = 0.12
"""Shake and acceleration as a share of the speed."""


@dataclass(frozen=True)
class Pace:
    """Standard deviations of the motion per frame: shift in sides of the frame, growth, rotation in
    radians.
    """

    shift: float
    growth: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True)
class Motion:
    """The motion of a flat picture in front of the camera; time is in frames, positions in -1..1.

    half: half its width and height at its first size; mirrored: left and right swapped. start,
    speed and change are float32 [4]: x, y, log of the size, rotation in radians. shake: two sines
    [4, 2, 3]: amplitude, rate, phase. away: the target of an excursion [2]; away_times: its begin
    and end.
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
    def sample(
        cls, half: tuple[float, float], place: tuple[float, float], pace: Pace, random: RandomSource
    ) -> Motion:
        """Draw a motion that starts at a place, with a random speed at that pace."""
        deviations = torch.tensor([2 * pace.shift, 2 * pace.shift, pace.growth, pace.turn])
        shake = torch.stack(
            [
                random.normals(_SHAKE, 4, 2) * deviations[:, None],
                random.uniform(0.5, 2.5, 4, 2),
                random.uniform(0, 2 * math.pi, 4, 2),
            ],
            dim=2,
        )
        turn = random.normal(2 * pace.turn)
        return cls(
            half,
            random.chance(0.5),
            torch.tensor([*place, 0.0, turn]),
            random.normals(1, 4) * deviations,
            random.normals(_SHAKE, 4) * deviations,
            shake,
        )

    def with_excursion(self, frames: int, random: RandomSource) -> Motion:
        """Add an excursion out of the frame and back."""
        angle = random.between(0, 2 * math.pi)
        distance = 1.2 + math.hypot(*self.half) + math.hypot(*self.start[:2].tolist())
        away = distance * torch.tensor([math.cos(angle), math.sin(angle)])
        times = (random.between(0, 0.3) * (frames - 1), random.between(0.8, 1.2) * (frames - 1))
        return replace(self, away=away, away_times=times)

    def crossing(
        self, half: tuple[float, float], crossing_time: float, random: RandomSource
    ) -> Motion:
        """Return a straight motion of another picture that covers this one at that time, not at
        time 0.
        """
        angle = random.between(0, 2 * math.pi)
        across = torch.tensor([math.cos(angle), math.sin(angle)])
        clear = (math.hypot(*self.half) + math.hypot(*half)) / crossing_time  # a frame
        speed = torch.zeros(4)
        speed[:2] = self.speed[:2] + across * clear
        speed[3] = random.normal(0.03)
        start = torch.tensor([0.0, 0.0, 0.0, random.normal(0.3)])
        start[:2] = self.at(torch.tensor([crossing_time]))[0, :2] - crossing_time * speed[:2]
        still = torch.zeros(4)
        return Motion(half, random.chance(0.5), start, speed, still, torch.zeros(4, 1, 3))

    def at(self, times: Tensor) -> Tensor:
        """Return the state at times [N]: x, y, log of the size, rotation: [N, 4]."""
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
        """Matrices [N, 3, 3] from the frame to the picture, which is -1..1 from edge to edge."""
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
