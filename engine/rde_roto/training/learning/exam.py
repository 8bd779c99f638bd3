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
from rde_roto.training.learning.lesson_data import Truth, spread
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import Plate

MAX_FRAMES_BETWEEN = 16
"""Memory frames between the two: an exam has a bounded price, however far they are apart."""

_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Exam:
    """A truth that is held out, and how it is reached.

    start: the truth that is remembered. frames_between: the memory frames between, in tracking order.
    """

    start: Truth
    held_out: Truth
    frames_between: tuple[int, ...]

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
            frames_between = spread(ordered[memory_every - 1 :: memory_every], MAX_FRAMES_BETWEEN)
            exams.append(cls(start, held_out, frames_between))
        fair = [exam for exam in exams if exam.elements]
        return max(fair, key=lambda exam: exam.distance, default=None)

    @property
    def distance(self) -> int:
        """LoadedFootage between the two truths."""
        return abs(self.start.frame - self.held_out.frame)

    @property
    def elements(self) -> tuple[int, ...]:
        """The places of the elements that both truths show: no other can be tracked."""
        shown = zip(self.start.visible, self.held_out.visible, strict=True)
        return tuple(place for place, both in enumerate(shown) if all(both))

    def run(
        self, tracker: Tracker[Any, Any], plate: Plate, check_cancelled: Callable[[], None]
    ) -> float:
        """J of the held-out truth, 0..1, the mean over its elements.

        Raises InputError for plates that cannot be read, and what ``check_cancelled`` raises.
        """
        frames = (*self.frames_between, self.held_out.frame)
        found = (
            track_from(tracker, plate, self.start, frames, check_cancelled).at_plate() > _THRESHOLD
        )
        truth = self.held_out.alpha >= _THRESHOLD
        scores = []
        for place in self.elements:
            both = (found[place] & truth[place]).sum()
            scores.append(float(both / (found[place] | truth[place]).sum()))
        return sum(scores) / len(scores)


def track_from(
    tracker: Tracker[Any, Any],
    plate: Plate,
    start: Truth,
    frames: Sequence[int],
    check_cancelled: Callable[[], None],
) -> RawMatte:
    """The network's own matte of the last of some frames, tracked from a truth over the others.

    Args: check_cancelled, called between two frames. Raises InputError for plates that cannot be read.
    """
    geometry = tracker.geometry(start.alpha.shape[1:])
    known = tracker.encode([plate.read(start.frame)], start.box)
    state = tracker.begin([(known, start.alpha)])
    for frame in frames[:-1]:
        check_cancelled()
        encoded = tracker.encode([plate.read(frame)], state.box)
        state = tracker.absorb(state, encoded, tracker.read(state, encoded))
    check_cancelled()
    asked = tracker.encode([plate.read(frames[-1])], state.box)
    planes = tracker.read(state, asked)[0, 1:].float().cpu().numpy()
    return RawMatte(planes, geometry.within(state.box))
