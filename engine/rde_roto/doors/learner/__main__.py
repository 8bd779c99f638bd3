"""The process of a lesson. It reads a request from its input and writes its progress as JSON lines.

    python -m rde_roto.doors.learner

Later input: a line `enough` ends the lesson early and keeps what was learned, if it is better. The
end of the input ends it at once, so it never outlives the process that started it.
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

from rde_roto.doors.hosts.errors import error_values
from rde_roto.doors.hosts.pushed import PushedFrameStore
from rde_roto.doors.hosts.shots import Shots
from rde_roto.doors.learner.lesson_process import ENOUGH
from rde_roto.doors.options import plate_memo
from rde_roto.images.pictures.panels import tinted, to_image
from rde_roto.images.pictures.picture_files import write_picture
from rde_roto.model.devices import choose_device
from rde_roto.training.learning.budget import Budget, Progress
from rde_roto.training.learning.lesson_store import LessonStore, StoredLesson
from rde_roto.training.learning.prepared_lesson import PreparedLesson
from rde_roto.training.learning.preview import Preview
from rde_roto.values.errors import FramesNotPushedError, UnexpectedError, shown_error
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray

_NICENESS = 5
"""Added to the process's niceness, so that interactive work comes first."""

_GUTTER_PX = 4


class EventWriter:
    """Write events, one JSON object a line. Nothing else may be written to this output."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, event: str, **fields: object) -> None:
        """Write an event."""
        print(json.dumps({"event": event, **fields}), file=self._out, flush=True)

    def step(self, progress: Progress) -> None:
        """Report a step."""
        left = round(progress.seconds_left, 1)
        self.write("step", steps=progress.steps, share=round(progress.share, 4), seconds_left=left)

    def done(self, stored: StoredLesson) -> None:
        """Report the result."""
        card = stored.card
        learned = None if stored.path is None else str(stored.path)
        figures = {"before": dict(card.before), "after": dict(card.after)}
        self.write("done", learned=learned, why=card.why, edges=card.edges_sentence, **figures)


def main() -> None:
    """Run a lesson."""
    events = EventWriter(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # keep what libraries print out of our lines
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    finish_early = Event()
    # unbuffered, because a thread must not hold a buffer of Python's at exit
    commands = os.fdopen(0, "rb", buffering=0, closefd=False)
    request = json.loads(commands.readline())
    Thread(target=_listen, args=(commands, finish_early), daemon=True).start()
    try:
        events.done(_run_lesson(request, events, finish_early))
    except Exception as error:
        if isinstance(shown_error(error), UnexpectedError):
            raise
        events.write("failed", error=error_values(error))
    os._exit(0)  # at once: libraries complain about the thread that still listens


def _listen(commands: RawIOBase, finish_early: Event) -> None:
    for line in commands:
        if line == ENOUGH:
            finish_early.set()
    os._exit(130)


def _run_lesson(
    request: Mapping[str, Any], events: EventWriter, finish_early: Event
) -> StoredLesson:
    device, view = choose_device(request["device"]), request["view"]
    with plate_memo() as memo:
        found = Shots(device, memo).get(request["shot"])
        opened = found.opened
        lesson = PreparedLesson(opened.shot, opened.preset, found.model, device)
        if pushed := found.pushed:
            _check_pushed(lesson, pushed)

        def show(preview: Preview) -> None:
            write_picture(to_image(_side_by_side(preview)), Path(view))
            events.write("view")

        budget = Budget(
            listen=events.step,
            show=None if view is None else show,
            finish_early=finish_early.is_set,
        )
        store = LessonStore(
            Path(request["into"]), on_wait=lambda: events.write("waits", waits=True)
        )
        return store.run_once(lesson, found.model, budget)


def _check_pushed(lesson: PreparedLesson, pushed: PushedFrameStore) -> None:
    """Raise FramesNotPushedError with all the frames that the host has yet to push."""
    lacking = tuple(frame for frame in lesson.frames if not pushed.has(frame))
    if lacking:
        raise FramesNotPushedError(
            f"the engine lacks {FrameRange.of(lacking)} to learn from", lacking
        )


def _side_by_side(view: Preview) -> FloatArray:
    """Return before | after: the plate with its mattes, float32 [h, w, 3]."""
    halves = [tinted(view.picture, alpha) for alpha in (view.before, view.after)]
    gutter = np.zeros((len(view.picture), _GUTTER_PX, 3), np.float32)
    return np.concatenate([halves[0], gutter, halves[1]], axis=1)


if __name__ == "__main__":
    main()
