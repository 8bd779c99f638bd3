"""Learn a shot before tracking it, if a preset or a job asks for that. Every command does it
here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rde_roto.doors.console import print_message
from rde_roto.shot_files import OpenedShot
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import UsageError

if TYPE_CHECKING:
    from rde_roto.training.learning.budget import Progress

LEARNED: Final = "learned"
"""The subfolder of the cache for what models learn from shots without a document."""

_EVERY: Final = 10
"""Steps between two lines of progress."""


def learn_if_asked(opened: OpenedShot, device: str, cancel: Cancel = never) -> OpenedShot:
    """Return the shot with what its model has learned from it, if its preset asks for learning.

    Each lesson runs once: if several processes ask at the same time, one learns and the others wait
    for its result. Progress goes to standard error. If there is nothing to learn from, or nothing
    is gained, the shot is returned unchanged.

    Raises as `load_model` and `LessonStore.run_once` do, and CancelledError. A UsageError of the
    lesson is only printed.
    """
    if not opened.learns:
        return opened
    from rde_roto.model.devices import choose_device
    from rde_roto.model.weights import load_model
    from rde_roto.training.learning.budget import Budget
    from rde_roto.training.learning.lesson_store import LessonStore
    from rde_roto.training.learning.prepared_lesson import PreparedLesson

    progress = _LearningProgress(opened.shot.plate.name)
    model, chosen = load_model(opened.model), choose_device(device)
    try:
        lesson = PreparedLesson(opened.shot, opened.preset, model, chosen)
        budget = Budget(listen=progress.step, cancel=cancel)
        stored = LessonStore(_folder(opened), on_wait=progress.waits).run_once(
            lesson, model, budget
        )
    except UsageError as error:
        progress.message(f"tracking without learning: {error}")
        return opened
    if stored.path is None:
        progress.message(f"tracking with the base model: {stored.card.why}")
        return opened
    learned = replace(opened.model, learned=stored.path)
    return replace(opened, model=learned, inputs=(*opened.inputs, stored.path))


def _folder(opened: OpenedShot) -> Path:
    return opened.learn_into or CacheSettings.from_environment().folder / LEARNED


@dataclass(frozen=True)
class _LearningProgress:
    """Print the progress of a lesson on standard error, since programs may read standard output."""

    name: str

    def message(self, text: str) -> None:
        print_message(f"{self.name}: {text}")

    def waits(self) -> None:
        self.message("another process is learning this shot: waiting")

    def step(self, progress: Progress) -> None:
        if progress.steps % _EVERY == 1:
            self.message(f"learning, step {progress.steps}, {progress.seconds_left:.0f} s left")
