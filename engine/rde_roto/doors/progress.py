"""Report how far a run is: a bar on a terminal, lines otherwise, JSON on request.

Farms read the lines. Progress comes in two forms, ``Progress: 42%`` and, for Open Job Description,
``openjd_progress: 42.0``. Every line is flushed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rde_roto.doors.console import print_line
from rde_roto.images.mattes import MatteWriter
from rde_roto.values.errors import RotoError

if TYPE_CHECKING:
    from rde_roto.delivery import Reporter


@contextmanager
def progress_reporter(
    title: str, total: int, writer: MatteWriter, as_json: bool
) -> Iterator[Reporter]:
    """Report progress in the way that fits where standard output goes."""
    if sys.stdout.isatty() and not as_json:
        with _bar(title, total) as bar:
            yield bar
    else:
        print_status(f"{title}: {total} frames", as_json)
        yield _Lines(total, writer, as_json)


def print_status(text: str, as_json: bool = False) -> None:
    """Print what is being done in a few words, for the task list of a farm."""
    if _for_farms(as_json):
        print_line(f"openjd_status: {_in_one_line(text)}")


@contextmanager
def reporting_failures(as_json: bool = False) -> Iterator[None]:
    """Print why a run fails on standard output too, where farms look for it. The error goes on."""
    try:
        yield
    except Exception as error:
        if _for_farms(as_json):
            expected = isinstance(error, RotoError)
            sentence = str(error) if expected else f"a bug: {type(error).__name__}: {error}"
            print_line(f"openjd_fail: {_in_one_line(sentence)}")
        raise


def print_summary(made: int, kept: int, seconds: float, out: str, as_json: bool) -> None:
    """Print how many mattes a run has made, and how fast."""
    if as_json:
        done = {"event": "done", "made": made, "kept": kept, "seconds": round(seconds, 3)}
        print_line(json.dumps(done))
        return
    speed = f", {made / seconds:.2f} frames/s" if made and seconds > 0 else ""
    print_line(f"{made} mattes made, {kept} kept{speed}: {out}")
    print_status(f"{made} mattes made, {kept} kept")


class _Lines:
    """Print a line and the progress for each frame, or a JSON object. Thread-safe."""

    def __init__(self, total: int, writer: MatteWriter, as_json: bool) -> None:
        self._total = total
        self._writer = writer
        self._as_json = as_json
        self._done = 0
        self._lock = Lock()

    def __call__(self, frame: int, kept: bool) -> None:
        path = self._writer.path(frame)
        with self._lock:
            self._done += 1
            if self._as_json:
                event = {"event": "frame", "frame": frame, "path": str(path), "kept": kept}
                print_line(json.dumps({**event, "done": self._done, "total": self._total}))
            else:
                print_line(f"frame {frame}: {'kept' if kept else 'wrote'} {path}")

    def advance(self, share: float) -> None:
        if not self._as_json:
            print_line(f"Progress: {int(100 * share)}%")
            print_line(f"openjd_progress: {100 * share:.1f}")


def _for_farms(as_json: bool) -> bool:
    return not as_json and not sys.stdout.isatty()


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


class _Speed(ProgressColumn):
    """Show frames per second since the first one; frames that were kept do not count."""

    def render(self, task: Task) -> Text:
        made = task.fields["made"]
        seconds = time.monotonic() - task.fields["since"]
        return Text(f"{made / seconds:.2f} frames/s" if made and seconds > 0 else "")


class _Bar:
    """Move a bar. Thread-safe, as rich is."""

    def __init__(self, progress: Progress, title: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(
            title, total=1.0, made=0, done=0, frames=total, since=time.monotonic()
        )

    def __call__(self, _frame: int, kept: bool) -> None:
        fields = self._progress.tasks[0].fields
        made, done = fields["made"] + (not kept), fields["done"] + 1
        self._progress.update(self._task, made=made, done=done)

    def advance(self, share: float) -> None:
        self._progress.update(self._task, completed=share)


@contextmanager
def _bar(title: str, total: int) -> Iterator[_Bar]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[frames]}"),
        _Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console()) as progress:
        yield _Bar(progress, title, total)
