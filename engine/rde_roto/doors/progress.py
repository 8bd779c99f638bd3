"""Report how a run goes, in the form that its reader understands.

A form is a bar for people, lines for logs and farms, or JSON for programs. Whatever the form, each
message is printed once: progress and results on standard output, errors on standard error. Every
line is flushed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, cast, get_args

import typer

from rde_roto.doors.console import print_line, print_traceback, with_options
from rde_roto.values.errors import UnexpectedError, UsageError, shown_error
from rde_roto.values.plain_text import counted

if TYPE_CHECKING:
    from rde_roto.delivery import Reporter
    from rde_roto.images.mattes import MatteWriter

Form: TypeAlias = Literal["bar", "plain", "openjd", "deadline", "json", "none"]
ProgressChoice: TypeAlias = Literal["auto", "bar", "plain", "openjd", "deadline", "json", "none"]

_VARIABLE: Final = "RDE_ROTO_PROGRESS"

_OPENJD_SESSION: Final = "OPENJD_SESSION_WORKING_DIR"
"""The variable that Open Job Description sets for every process of a session."""


@dataclass(frozen=True)
class Step:
    """How far a run is: `share` of the whole, 0 to 1.

    `line` says in a line what was done last, `note` the same in a few words beside a bar, and
    `event` has it for programs, if there is anything new for them.
    """

    share: float
    line: str
    note: str
    event: dict[str, Any] | None


OnStep: TypeAlias = Callable[[Step], None]


@dataclass(frozen=True)
class RunReport:
    """Report one run in one form. Nothing here may be called from two threads at a time."""

    form: Form = "plain"

    def done(self, text: str, event: dict[str, Any]) -> None:
        """Say in a sentence what the run has made; `event` has it for programs."""
        if self.form == "json":
            print_line(json.dumps({"event": "done", **event}))
        elif self.form == "openjd":
            print_line(_for_openjd("status", text))
        else:
            print_line(text)

    @contextmanager
    def steps(self, title: str, size: str = "") -> Iterator[OnStep]:
        """Return what reports the steps of a run. `size` says how much there is to do."""
        if self.form == "bar":
            with _bar(title) as on_step:
                yield on_step
            return
        text = f"{title}: {size}" if size else title
        if self.form == "openjd":
            print_line(_for_openjd("status", text))
        elif self.form in ("plain", "deadline"):
            print_line(text)
        yield _Lines(self.form)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Have an error of a run reach Open Job Description: its session shows this line."""
        try:
            yield
        except Exception as error:
            if self.form != "openjd":
                raise
            shown = shown_error(error)
            is_bug = isinstance(shown, UnexpectedError)
            if is_bug:
                print_traceback()
            sentence = f"a bug: {shown}" if is_bug else with_options(shown)
            print_line(_for_openjd("fail", sentence), sys.stderr)
            raise SystemExit(shown.exit_code) from error


@dataclass(frozen=True)
class ProgressOptions:
    """The options that choose the form of a run's report."""

    progress: Annotated[
        ProgressChoice,
        typer.Option(
            envvar=_VARIABLE,
            help="Form of the progress. auto: bar on a terminal, openjd in an OpenJD session, "
            "plain elsewhere.",
        ),
    ] = "auto"
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per frame: --progress json.")
    ] = False

    @classmethod
    def usual(cls) -> ProgressOptions:
        """Return those of a command without these options: the variable alone chooses the form.
        Raises UsageError for a wrong variable.
        """
        choice = os.environ.get(_VARIABLE) or "auto"
        known = get_args(ProgressChoice)
        if choice not in known:
            raise UsageError(f"{_VARIABLE}={choice}: expected {', '.join(known)}")
        return cls(cast("ProgressChoice", choice))

    def report(self) -> RunReport:
        """Return the report in the chosen form. Raises UsageError for two different forms.

        The variable is for where nothing is given: --json comes before it.
        """
        usual = os.environ.get(_VARIABLE)
        if self.as_json and self.progress not in ("auto", "json", usual):
            raise UsageError(f"--json and --progress {self.progress} are two forms: give one")
        if self.as_json:
            return RunReport("json")
        return RunReport(_usual_form() if self.progress == "auto" else self.progress)


@contextmanager
def frame_steps(
    report: RunReport, title: str, total: int, writer: MatteWriter
) -> Iterator[Reporter]:
    """Return what reports each frame of a render. It may be called from several threads."""
    with report.steps(title, counted(total, "frame")) as on_step:
        yield _Frames(total, writer, on_step)


def print_summary(report: RunReport, made: int, kept: int, seconds: float, out: str) -> None:
    """Print how many mattes a run has made, and how fast."""
    speed = f", {made / seconds:.2f} frames/s" if made and seconds > 0 else ""
    event = {"made": made, "kept": kept, "seconds": round(seconds, 3)}
    report.done(f"{counted(made, 'matte')} made, {kept} kept{speed}: {out}", event)


def _usual_form() -> Form:
    if sys.stdout.isatty():
        return "bar"
    return "openjd" if _OPENJD_SESSION in os.environ else "plain"


def _for_openjd(kind: str, text: str) -> str:
    return f"openjd_{kind}: {' '.join(text.split())}"


@dataclass
class _Lines:
    """Print a line whenever the percentage changes; as JSON, an object for each step."""

    form: Form
    _percent: int = 0

    def __call__(self, step: Step) -> None:
        percent = int(100 * step.share + 1e-6)  # 116 of 400 are 29 %
        changed, self._percent = percent != self._percent, percent
        if self.form == "json":
            if step.event is not None:
                print_line(json.dumps(step.event))
        elif not changed:
            return
        elif self.form == "plain":
            print_line(f"{step.line} ({percent}%)")
        elif self.form == "deadline":
            print_line(f"Progress: {percent}%")
        elif self.form == "openjd":
            print_line(f"openjd_progress: {100 * step.share:.1f}")


@dataclass
class _Frames:
    """Report frames; the speed is that of the frames that were made."""

    total: int
    writer: MatteWriter
    on_step: OnStep
    _done: int = 0
    _made: int = 0
    _share: float = 0.0
    _line: str = ""
    _since: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, frame: int, kept: bool) -> None:
        path = self.writer.path(frame)
        with self._lock:
            self._done += 1
            self._made += not kept
            self._line = f"frame {frame}: {'kept' if kept else 'wrote'} {path}"
            event = {"event": "frame", "frame": frame, "path": str(path), "kept": kept}
            self._report({**event, "done": self._done, "total": self.total})

    def advance(self, share: float) -> None:
        with self._lock:
            self._share = share
            self._report(None)
            self._line = ""  # each frame is told of once

    def _report(self, event: dict[str, Any] | None) -> None:
        note = f"{self._done}/{self.total} {self._speed()}"
        line = self._line or f"tracking, {self._done} of {self.total} finished"
        self.on_step(Step(self._share, line, note, event))

    def _speed(self) -> str:
        seconds = time.monotonic() - self._since
        return f"{self._made / seconds:.2f} frames/s" if self._made and seconds > 0 else ""


@contextmanager
def _bar(title: str) -> Iterator[OnStep]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console()) as bar:
        task = bar.add_task(title, total=1.0, note="")
        yield lambda step: bar.update(task, completed=step.share, note=step.note)
