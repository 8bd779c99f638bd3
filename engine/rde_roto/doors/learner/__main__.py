"""The process of a lesson: reads a request from its input, and tells in lines of JSON how it goes.

    python -m rde_roto.doors.learner

Later input: a line `enough` ends it early and keeps what was learned, if it is better; the end of
the input ends it at once, so it never outlives who has started it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from io import RawIOBase
from pathlib import Path
from threading import Event, Thread
from typing import Any, TextIO

import numpy as np

from rde_roto.devices import choose_device
from rde_roto.doors.learner.learning import ENOUGH
from rde_roto.doors.options import plate_memo
from rde_roto.doors.server.errors import error_object
from rde_roto.doors.server.pushed import FramesOf
from rde_roto.doors.server.shots import Shots
from rde_roto.images.files import write_picture
from rde_roto.images.panels import tinted, to_image
from rde_roto.training.learning.lessons import Held, Lessons
from rde_roto.training.learning.studying import Budget, Progress, Study
from rde_roto.training.learning.view import View
from rde_roto.values.errors import LacksError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray

_POLITE = 5
"""What is added to its niceness: whoever works beside it comes first."""

_GUTTER_PX = 4


class Talk:
    """What the process says, a line at a time; nothing else may get into them."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, event: str, **said: object) -> None:
        """Tells of something."""
        print(json.dumps({"event": event, **said}), file=self._out, flush=True)

    def step(self, progress: Progress) -> None:
        """A step was taken."""
        left = round(progress.seconds_left, 1)
        self.say("step", steps=progress.steps, share=round(progress.share, 4), seconds_left=left)

    def done(self, held: Held) -> None:
        """It has come to its end."""
        card = held.card
        learned = None if held.path is None else str(held.path)
        figures = {"before": dict(card.before), "after": dict(card.after)}
        self.say("done", learned=learned, why=card.why, **figures)


def main() -> None:
    """The program."""
    talk = Talk(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print is no line of ours
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever has started it
    if hasattr(os, "nice"):
        os.nice(_POLITE)
    enough = Event()
    # without a buffer of Python's, which a thread must not hold at the end
    heard = os.fdopen(0, "rb", buffering=0, closefd=False)
    said = json.loads(heard.readline())
    Thread(target=_listen, args=(heard, enough), daemon=True).start()
    try:
        talk.done(_held(said, talk, enough))
    except RotoError as error:
        talk.say("failed", error=error_object(error))
    os._exit(0)  # at once: libraries complain of a thread that still listens


def _listen(heard: RawIOBase, enough: Event) -> None:
    for line in heard:
        if line == ENOUGH:
            enough.set()
    os._exit(130)


def _held(said: Mapping[str, Any], talk: Talk, enough: Event) -> Held:
    device, view = choose_device(said["device"]), said["view"]
    with plate_memo() as memo:
        found = Shots(device, memo).get(said["shot"])
        opened = found.opened
        study = Study(opened.shot, opened.preset, found.model, device)
        if pushed := found.pushed:
            _check_pushed(study, pushed)

        def show(seen: View) -> None:
            write_picture(to_image(_side_by_side(seen)), Path(view))
            talk.say("view")

        budget = Budget(listen=talk.step, show=None if view is None else show, enough=enough.is_set)
        lessons = Lessons(Path(said["into"]), waits=lambda: talk.say("waits", waits=True))
        return lessons.hold(study, found.model, budget)


def _check_pushed(study: Study, pushed: FramesOf) -> None:
    """Raises LacksError with all frames at once that a host has yet to push."""
    lacking = tuple(frame for frame in study.frames if not pushed.has(frame))
    if lacking:
        raise LacksError(f"the engine lacks {FrameRange.of(lacking)} to learn from", lacking)


def _side_by_side(view: View) -> FloatArray:
    """Before | after: the plate with its mattes, float32 [h, w, 3]."""
    halves = [tinted(view.picture, alpha) for alpha in (view.before, view.after)]
    gutter = np.zeros((len(view.picture), _GUTTER_PX, 3), np.float32)
    return np.concatenate([halves[0], gutter, halves[1]], axis=1)


if __name__ == "__main__":
    main()
