"""Test a lesson on a frame whose matte is known but held out of the first part of the lesson.

Clips and cycles are made from the truths that are studied. Their scores show what was learned, but
hardly show what got worse. If two or more frames are known, one of them is held out at first. It is
tracked from the nearest known frame across the frames between, as an artist would do it.
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
"""Memory frames between the two truths: this bounds the cost of an exam at any distance."""

_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Exam:
    """A held-out truth and the frames from which it is tracked.

    start: the truth to track from. frames_between: the memory frames between, in tracking order.
    """

    start: Truth
    held_out: Truth
    frames_between: tuple[int, ...]

    @classmethod
    def of(cls, truths: Sequence[Truth], frames: FrameRange, memory_every: int) -> Exam | None:
        """Return the hardest exam: its held-out truth is the farthest from its nearest neighbour.

        None if there is only one truth, or if no two neighbours show the same element.
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
        """Frames between the two truths."""
        return abs(self.start.frame - self.held_out.frame)

    @property
    def elements(self) -> tuple[int, ...]:
        """Indices of the elements visible in both truths; no other can be tracked."""
        visible = zip(self.start.visible, self.held_out.visible, strict=True)
        return tuple(index for index, both in enumerate(visible) if all(both))

    def run(
        self, tracker: Tracker[Any, Any], plate: Plate, check_cancelled: Callable[[], None]
    ) -> float:
        """Track the held-out truth and return its J, 0..1, the mean over its elements.

        Raises InputError for plates that cannot be read, and whatever ``check_cancelled`` raises.
        """
        frames = (*self.frames_between, self.held_out.frame)
        raw = track_from(tracker, plate, self.start, frames, check_cancelled)
        found = raw.at_plate() > _THRESHOLD
        truth = self.held_out.alpha >= _THRESHOLD
        scores = []
        for index in self.elements:
            both = (found[index] & truth[index]).sum()
            scores.append(float(both / (found[index] | truth[index]).sum()))
        return sum(scores) / len(scores)


def track_from(
    tracker: Tracker[Any, Any],
    plate: Plate,
    start: Truth,
    frames: Sequence[int],
    check_cancelled: Callable[[], None],
) -> RawMatte:
    """Track from a truth across some frames, and return the network's raw matte of the last one.

    Args:
        check_cancelled: called before each frame; raises to stop.

    Raises InputError for plates that cannot be read.
    """
    geometry = tracker.geometry(start.alpha.shape[1:])
    known = tracker.encode([plate.read(start.frame)], start.box)
    state = tracker.begin([(known, start.alpha)])
    for frame in frames[:-1]:
        check_cancelled()
        encoded = tracker.encode([plate.read(frame)], state.box)
        state = tracker.absorb(state, encoded, tracker.read(state, encoded))
    check_cancelled()
    encoded = tracker.encode([plate.read(frames[-1])], state.box)
    planes = tracker.read(state, encoded)[0, 1:].float().cpu().numpy()
    return RawMatte(planes, geometry.within(state.box))
