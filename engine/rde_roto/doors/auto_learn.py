"""Learning before tracking, where a preset or a job asks for it: one way for every command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rde_roto.doors.console import say_aside
from rde_roto.shot_files import OpenedShot
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import UsageError

if TYPE_CHECKING:
    from rde_roto.training.learning.studying import Progress

LEARNED: Final = "learned"
"""The folder, in the cache, of what models learn of shots that have no document."""

_EVERY: Final = 10
"""Steps between two lines of progress."""


def studied(opened: OpenedShot, device: str, cancel: Cancel = never) -> OpenedShot:
    """The shot with what its model has learned of it, where its preset asks for that.

    Each lesson is held once: of several processes that ask at the same time one learns, and the
    others wait for its result. Progress goes to standard error. Where there is nothing to learn
    from, or nothing is gained, the shot comes back as it is.

    Raises as `load_model` and `Lessons.hold` do, but for that; CancelledError.
    """
    if not opened.learns:
        return opened
    from rde_roto.model.devices import choose_device
    from rde_roto.model.weights import load_model
    from rde_roto.training.learning.lessons import Lessons
    from rde_roto.training.learning.studying import Budget, Study

    told = _Told(opened.shot.plate.name)
    model, chosen = load_model(opened.model), choose_device(device)
    try:
        study = Study(opened.shot, opened.preset, model, chosen)
        budget = Budget(listen=told.step, cancel=cancel)
        held = Lessons(_folder(opened), waits=told.waits).hold(study, model, budget)
    except UsageError as error:
        told.say(f"tracking without learning: {error}")
        return opened
    if held.path is None:
        told.say("learning brought no gain: tracking with the base model")
        return opened
    learned = replace(opened.model, learned=held.path)
    return replace(opened, model=learned, inputs=(*opened.inputs, held.path))


def _folder(opened: OpenedShot) -> Path:
    return opened.learn_into or CacheSettings.from_environment().folder / LEARNED


@dataclass(frozen=True)
class _Told:
    """Says how far a lesson is on standard error: standard output may be read by programs."""

    name: str

    def say(self, text: str) -> None:
        say_aside(f"{self.name}: {text}")

    def waits(self) -> None:
        self.say("another process is learning this shot: waiting")

    def step(self, progress: Progress) -> None:
        if progress.steps % _EVERY == 1:
            self.say(f"learning, step {progress.steps}, {progress.seconds_left:.0f} s left")
