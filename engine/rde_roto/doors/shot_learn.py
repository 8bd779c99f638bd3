"""``rde-roto shot learn``: have the model learn a shot before it tracks it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto.doors.console import print_line, print_message
from rde_roto.doors.options import DeviceOption, ShotArgument, plate_memo
from rde_roto.doors.progress import print_status, reporting_failures
from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import UsageError

if TYPE_CHECKING:
    from rde_roto.training.learning.lesson_store import StoredLesson
    from rde_roto.training.learning.prepared_lesson import Progress

_EVERY = 5
"""Steps between two lines of progress."""


def learn(
    shot: ShotArgument,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", min=0.05, help="Time budget.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Exact number of steps, for a reproducible result."),
    ] = None,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Go back to the base model, without learning."),
    ] = False,
    keep_partial: Annotated[
        bool,
        typer.Option(
            "--keep-partial",
            help="Keep what was learned so far at the first Ctrl-C, if it is better.",
        ),
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Have the model study a shot's keyframes and locked frames before it tracks."""
    file = ShotFile.read(shot)
    if forget:
        if minutes is not None or steps is not None or keep_partial:
            raise UsageError("--forget learns nothing: leave the other options out")
        _forget(file)
        return
    with reporting_failures(), plate_memo() as memo, _progress(shot.name) as listen:
        from rde_roto.doors.rendering import print_licence_once
        from rde_roto.model.weights import load_model
        from rde_roto.training.learning.learn_shot import learn_opened
        from rde_roto.training.learning.prepared_lesson import Budget

        opened = file.open(memo)
        model = load_model(opened.model)
        print_licence_once(model)
        finish_early = _stopping(keep_partial)
        budget = Budget(steps, minutes, listen, finish_early=finish_early.is_set)
        stored = learn_opened(file, opened, model, budget, device)
    print(_sentence(stored))
    if stored.path is None:
        print(f"{shot} is unchanged: {stored.card.why}")
    else:
        print(f"{shot} uses {file.learned_folder}/{stored.path.name}; undo: shot learn --forget")


def _forget(file: ShotFile) -> None:
    learned = file.content.learned
    if learned is None:
        print(f"{file.path} uses no learned weights")
        return
    file.set_learned(None)
    print(f"{file.path} uses the base model {file.content.model} again; {learned} is kept")


def _sentence(stored: StoredLesson) -> str:
    """Format the held-out figures before and after, in one line."""
    card = stored.card
    figures = ", ".join(
        f"{kind} {j:.3f} -> {card.after[kind]:.3f}" for kind, j in card.before.items()
    )
    known = "" if stored.is_new else "learned earlier: "
    return f"{known}{card.steps} steps, {card.seconds:.0f} s; J on held-out frames: {figures}"


def _stopping(keep_partial: bool) -> Event:
    """Exit on signals; with `keep_partial` the first Ctrl-C only sets the event that is
    returned.
    """
    finish_early = Event()

    def on_stop(number: int, _frame: FrameType | None) -> None:
        if keep_partial and number == signal.SIGINT and not finish_early.is_set():
            finish_early.set()
            print_message("stopping; Ctrl-C again discards it")
            return
        print_message("cancelled; the shot is unchanged")
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_stop)
    return finish_early


@contextmanager
def _progress(name: str) -> Iterator[Callable[[Progress], None]]:
    """Return what reports progress: a bar on a terminal, lines for farms otherwise."""
    if not sys.stdout.isatty():
        print_status(f"{name}: learning")
        yield _print_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Bar(*columns, TextColumn("{task.fields[left]}"), console=Console()) as bar:
        task = bar.add_task(f"{name}: learning", total=1.0, left="")

        def listen(progress: Progress) -> None:
            left = f"{progress.seconds_left:.0f} s left"
            bar.update(task, completed=progress.share, left=left)

        yield listen


def _print_progress(progress: Progress) -> None:
    if progress.steps % _EVERY == 0:
        share = 100 * progress.share
        print_line(f"step {progress.steps}, {progress.seconds_left:.0f} s left")
        print_line(f"Progress: {int(share)}%")
        print_line(f"openjd_progress: {share:.1f}")
