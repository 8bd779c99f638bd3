"""Preview a lesson: track a held-out frame with the weights before and after learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, with_learned
from rde_roto.training.learning.exam import track_from
from rde_roto.training.learning.lesson import Lesson
from rde_roto.training.learning.lesson_data import LessonData
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Tracking

_SHARE = 0.1
"""Previews take no more than this share of the time."""


@dataclass(frozen=True, eq=False)
class Preview:
    """A held-out frame, tracked from the nearest truth by the base model and by the learned one.

    steps: taken so far. picture: float32 [h, w, 3] RGB in 0..1 as the network sees it. before,
    after: mattes, float32 [K, h, w] in 0..1.
    """

    frame: int
    steps: int
    picture: FloatArray
    before: FloatArray
    after: FloatArray


class PreviewTracker:
    """Track one frame from a shot's nearest truth, in one step, with any weights.

    Args: data and plate, the shot; frame, the one to track; tracking, the settings.
    """

    def __init__(self, data: LessonData, plate: Plate, frame: int, tracking: Tracking) -> None:
        self.frame = frame
        self._plate, self._tracking = plate, tracking
        self._truth = min(data.truths, key=lambda truth: abs(truth.frame - frame))
        self._geometry = data.tracking_geometry(self._truth)
        seen = data.picture(frame, self._geometry)
        self.picture: FloatArray = seen.permute(1, 2, 0).numpy()

    def mattes(self, model: Model, lesson: Lesson) -> FloatArray:
        """Return the frame's mattes [K, h, w], computed on the lesson's device."""
        plate = self._plate
        tracker = tracker_of(model, lesson.device)(self._tracking)
        tracker = tracker.for_plate(plate.format.pixel_aspect, plate.input_transform)
        found = track_from(tracker, plate, self._truth, (self.frame,), lambda: None)
        planes: FloatArray = self._geometry.unpadded(torch.from_numpy(found.planes)).numpy()
        return planes


class PreviewUpdater:
    """Show previews of a lesson now and then. They do not change its result.

    Args: tracker, tracks the frame; model, the start of the lesson; show, called with each preview;
    clock, seconds.
    """

    def __init__(
        self,
        tracker: PreviewTracker,
        lesson: Lesson,
        model: Model,
        show: Callable[[Preview], None],
        clock: Callable[[], float],
    ) -> None:
        self._tracker, self._lesson, self._model = tracker, lesson, model
        self._show, self._clock = show, clock
        self._began, self._spent = clock(), 0.0
        self._before: FloatArray | None = None

    def update(self) -> None:
        """Show a new preview, unless previews have used their share of the time."""
        now = self._clock()
        if self._spent > _SHARE * (now - self._began):
            return
        tracker, lesson, model = self._tracker, self._lesson, self._model
        if self._before is None:
            self._before = tracker.mattes(model, lesson)
        after = tracker.mattes(with_learned(model, lesson.learned_weights(model)), lesson)
        self._show(Preview(tracker.frame, lesson.steps, tracker.picture, self._before, after))
        self._spent += self._clock() - now
