"""Spans and stretches: how memory is propagated through a shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rde_roto.values.keyframe import Keyframe


@dataclass(frozen=True)
class Span:
    """The frames that one memory walks: from a keyframe, frame by frame, in one direction.

    `step` is +1 or -1, `stop` is the last frame, inclusive. `far` is another keyframe that is also
    in memory: that at the other end of the span, or, towards an end of the shot, the outermost one
    on the other side; None without one, or where it must not be used. `elements` are the ids of the
    tracked elements, in the shot's order. Iterating gives all numbers after the keyframe in walking
    order, including frames that the plate lacks.
    """

    keyframe: Keyframe
    far: Keyframe | None
    step: int
    stop: int
    elements: tuple[str, ...]

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.keyframe.frame + self.step, self.stop + self.step, self.step))

    def distance(self, frame: int) -> int:
        """Return the distance of a frame from the keyframe; 1 for the first frame of the walk."""
        return (frame - self.keyframe.frame) * self.step


@dataclass(frozen=True)
class Stretch:
    """The frames between two keyframes, or between one and an end of the range.

    `spans` are the walks over these frames: with two keyframes there are two, forwards first.
    """

    spans: tuple[Span, ...]

    def __contains__(self, frame: int) -> bool:
        span = self.spans[0]
        return 0 < span.distance(frame) <= span.distance(span.stop)

    def share(self, frame: int) -> float:
        """Return the position of a frame between the first span's keyframe (0) and the second's
        (1).
        """
        ahead, back = (span.distance(frame) for span in self.spans)
        return ahead / (ahead + back)
