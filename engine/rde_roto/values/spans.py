"""The ways in which a memory walks through a shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rde_roto.values.keyframe import Keyframe


@dataclass(frozen=True)
class Span:
    """The walk of one memory: from a keyframe, frame by frame, in one direction.

    `step` is +1 or -1, `stop` the last frame, included. `far` is the keyframe at the other end,
    which the walk also looks at; None where the shot ends, or where it must not be looked at.
    `elements` are the ids of those that are followed, in the shot's order. Iterating gives every
    number after the keyframe in walking order, also numbers the plate has no frame for.
    """

    keyframe: Keyframe
    far: Keyframe | None
    step: int
    stop: int
    elements: tuple[str, ...]

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.keyframe.frame + self.step, self.stop + self.step, self.step))

    def distance(self, frame: int) -> int:
        """Frames from the keyframe, 1 for the first of the walk."""
        return (frame - self.keyframe.frame) * self.step


@dataclass(frozen=True)
class Stretch:
    """The frames between two keyframes, or between one and an end of the range.

    `spans` are the walks that reach them: two where there are two keyframes, forwards first.
    """

    spans: tuple[Span, ...]

    def __contains__(self, frame: int) -> bool:
        span = self.spans[0]
        return 0 < span.distance(frame) <= span.distance(span.stop)

    def share(self, frame: int) -> float:
        """How far a frame is from the first span's keyframe to the second's, 0..1."""
        ahead, back = (span.distance(frame) for span in self.spans)
        return ahead / (ahead + back)
