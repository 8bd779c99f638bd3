"""``rde-roto shot learn``: have the model learn a shot before it tracks it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto.doors.console import print_message
from rde_roto.doors.option_groups import expand_groups
from rde_roto.doors.options import DeviceOption, ShotArgument, plate_memo
from rde_roto.doors.progress import OnStep, ProgressOptions, Step
from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import UsageError
from rde_roto.values.plain_text import counted

if TYPE_CHECKING:
    from rde_roto.training.learning.budget import Progress
    from rde_roto.training.learning.lesson_store import StoredLesson


@expand_groups
def learn(
    shot: ShotArgument,
    progress: ProgressOptions,
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
    report = progress.report()
    with report.failures(), plate_memo() as memo:
        file = ShotFile.read(shot)
        if forget:
            if minutes is not None or steps is not None or keep_partial:
                raise UsageError("--forget learns nothing: leave the other options out")
            report.done(_forget(file), {"learned": None})
            return
        from rde_roto.doors.rendering import print_licence
        from rde_roto.model.weights import load_model
        from rde_roto.training.learning.budget import Budget
        from rde_roto.training.learning.learn_shot import learn_opened

        opened = file.open(memo)
        model = load_model(opened.model)
        print_licence(model)
        finish_early = _stopping(keep_partial)
        with report.steps(f"{shot.name}: learning") as on_step:
            listen = _listener(on_step)
            budget = Budget(steps, minutes, listen, finish_early=finish_early.is_set)
            stored = learn_opened(file, opened, model, budget, device)
    card = stored.card
    if stored.path is None:
        result = f"{shot} is unchanged: {card.why}"
    else:
        tracked = "" if card.kept else f"it tracks as before ({card.why}); "
        uses = f"{shot} uses {file.learned_folder}/{stored.path.name}"
        result = f"{tracked}{uses}; undo: shot learn --forget"
    event = {"steps": card.steps, "before": dict(card.before), "after": dict(card.after)}
    edges = {} if card.edges is None else {"edges": card.edges.model_dump(mode="json")}
    learned = None if stored.path is None else str(stored.path)
    report.done(f"{_sentence(stored)}; {result}", {**event, **edges, "learned": learned})


def _forget(file: ShotFile) -> str:
    """Return to the base model; returns what was done, in a sentence."""
    learned = file.content.learned
    if learned is None:
        return f"{file.path} uses no learned weights"
    file.set_learned(None)
    return f"{file.path} uses the base model {file.content.model} again; {learned} is kept"


def _sentence(stored: StoredLesson) -> str:
    """Format the held-out figures before and after, in one line."""
    card = stored.card
    figures = ", ".join(
        f"{kind} {j:.3f} -> {card.after[kind]:.3f}" for kind, j in card.before.items()
    )
    known = "" if stored.is_new else "learned earlier: "
    steps = counted(card.steps, "step")
    edges = f"; {card.edges_sentence}" if card.edges_sentence else ""
    return f"{known}{steps}, {card.seconds:.0f} s; J on held-out frames: {figures}{edges}"


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


def _listener(on_step: OnStep) -> Callable[[Progress], None]:
    """Return what tells of the steps of a lesson."""

    def listen(progress: Progress) -> None:
        left = f"{progress.seconds_left:.0f} s left"
        on_step(
            Step(
                share=progress.share,
                line=f"step {progress.steps}, {left}",
                note=f"step {progress.steps}",
                event={
                    "event": "step",
                    "step": progress.steps,
                    "share": progress.share,
                    "seconds_left": round(progress.seconds_left, 1),
                },
            )
        )

    return listen
