"""Learning before tracking, where a preset or a job asks for it: one way for every command."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rde_roto.shot_files import OpenedShot
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import UsageError
from rde_roto.values.plain_text import one_line

if TYPE_CHECKING:
    from rde_roto.training.learning.studying import Progress

LEARNED: Final = "learned"
"""The folder, in the cache, of what models learn of shots that have no document."""

_EVERY: Final = 10
"""Steps between two lines of progress."""


def studied(opened: OpenedShot, device: str, cancel: Cancel = never) -> OpenedShot:
    """The shot with what its model has learned of it, where its preset asks for that.

    The lesson is held once, whoever asks, and however many at a time: who comes second waits, and
    takes what the first has learned. What is done is told on standard error. A shot from which
    nothing can be learned stays as it is, and so does one that its model knows well already.

    Raises as `load_model` and `Lessons.hold` do, but for that; CancelledError.
    """
    if not opened.learns:
        return opened
    from rde_roto.devices import choose_device
    from rde_roto.models import load_model
    from rde_roto.training.learning.lessons import Lessons
    from rde_roto.training.learning.studying import Budget, Study

    told = _Told(opened.shot.plate.name)
    model, chosen = load_model(opened.model), choose_device(device)
    try:
        study = Study(opened.shot, opened.preset, model, chosen)
        budget = Budget(listen=told.step, cancel=cancel)
        held = Lessons(_folder(opened), waits=told.waits).hold(study, model, budget)
    except UsageError as error:
        told.say(f"is tracked without learning: {error}")
        return opened
    if held.path is None:
        told.say("was studied, which brought nothing: it is tracked as it is")
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
        print(f"rde-roto: {one_line(self.name)} {one_line(text)}", file=sys.stderr, flush=True)

    def waits(self) -> None:
        self.say("is being studied by another process: waiting for it")

    def step(self, progress: Progress) -> None:
        if progress.steps % _EVERY == 1:
            self.say(f"is studied: step {progress.steps}, {progress.seconds_left:.0f} s left")
