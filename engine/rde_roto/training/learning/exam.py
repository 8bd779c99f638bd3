"""The exam of a lesson: a frame whose matte is known, and which is not studied at first.

Clips and cycles are made of what is studied, so they show what was learned, but hardly what was
spoilt. Where two frames or more are known, one of them is left out of the first part of the lesson,
and is tracked from the nearest other one, over the frames between, as an artist would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rde_roto.matte.raw import RawMatte
from rde_roto.model.tracker import Tracker
from rde_roto.training.learning.material import Truth, spread
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import Plate

MOST_ON_THE_WAY = 16
"""Memory frames between the two: an exam has a bounded price, however far they are apart."""

_SEEN = 0.5


@dataclass(frozen=True, eq=False)
class Exam:
    """A truth that is held out, and how it is reached.

    start: the truth that is remembered. way: the memory frames between, in walking order.
    """

    start: Truth
    held_out: Truth
    way: tuple[int, ...]

    @classmethod
    def of(cls, truths: Sequence[Truth], frames: FrameRange, memory_every: int) -> Exam | None:
        """The hardest exam there is: of the truth that is farthest from its nearest other one.

        None where there is one truth, or where no two show the same element.
        """
        exams = []
        for held_out in truths:
            others = [truth for truth in truths if truth is not held_out]
            if not others:
                return None
            start = min(others, key=lambda truth: abs(truth.frame - held_out.frame))
            first, last = sorted((start.frame, held_out.frame))
            between = [frame for frame in frames if first < frame < last]
            ordered = between if start.frame == first else between[::-1]
            way = spread(ordered[memory_every - 1 :: memory_every], MOST_ON_THE_WAY)
            exams.append(cls(start, held_out, way))
        fair = [exam for exam in exams if exam.elements]
        return max(fair, key=lambda exam: exam.distance, default=None)

    @property
    def distance(self) -> int:
        """Frames between the two truths."""
        return abs(self.start.frame - self.held_out.frame)

    @property
    def elements(self) -> tuple[int, ...]:
        """The places of the elements that both truths show: no other can be tracked."""
        shown = zip(self.start.shown, self.held_out.shown, strict=True)
        return tuple(place for place, both in enumerate(shown) if all(both))

    def taken(self, tracker: Tracker[Any, Any], plate: Plate, go_on: Callable[[], None]) -> float:
        """J of the held-out truth, 0..1, the mean over its elements.

        Raises InputError for plates that cannot be read, and what ``go_on`` raises.
        """
        frames = (*self.way, self.held_out.frame)
        found = tracked(tracker, plate, self.start, frames, go_on).at_plate() > _SEEN
        truth = self.held_out.alpha >= _SEEN
        scores = []
        for place in self.elements:
            both = (found[place] & truth[place]).sum()
            scores.append(float(both / (found[place] | truth[place]).sum()))
        return sum(scores) / len(scores)


def tracked(
    tracker: Tracker[Any, Any],
    plate: Plate,
    start: Truth,
    frames: Sequence[int],
    go_on: Callable[[], None],
) -> RawMatte:
    """The network's own matte of the last of some frames, tracked from a truth over the others.

    Args: go_on, called between two frames. Raises InputError for plates that cannot be read.
    """
    geometry = tracker.geometry(start.alpha.shape[1:])
    known = tracker.encode([plate.read(start.frame)], start.box)
    state = tracker.begin([(known, start.alpha)])
    for frame in frames[:-1]:
        go_on()
        encoded = tracker.encode([plate.read(frame)], state.box)
        state = tracker.absorb(state, encoded, tracker.read(state, encoded))
    go_on()
    asked = tracker.encode([plate.read(frames[-1])], state.box)
    planes = tracker.read(state, asked)[0, 1:].float().cpu().numpy()
    return RawMatte(planes, geometry.within(state.box))
