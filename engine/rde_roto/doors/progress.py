"""What a run says: the licence of weights it has not met before, then how far it is.

That is a bar on a terminal, plain lines otherwise, JSON on request.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import platformdirs
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rde_roto.delivery import OnFrame
from rde_roto.images.mattes import MatteWriter
from rde_roto.models import Model, licence_line


def say_licence_once(model: Model) -> None:
    """The model's licence on standard error, the first time that this user runs these weights.

    An empty file in the user's state folder, named by the weights' sha256, remembers it. Where that
    cannot be written nothing is lost: it is said the next time too.
    """
    said = platformdirs.user_state_path("rde-roto", appauthor=False) / "licences" / model.sha256
    with suppress(OSError):
        said.parent.mkdir(parents=True, exist_ok=True)
    try:
        said.touch(exist_ok=False)
    except FileExistsError:
        return
    except OSError:
        pass
    print(f"rde-roto: weights {licence_line(model)}", file=sys.stderr, flush=True)


@contextmanager
def report(title: str, total: int, writer: MatteWriter, as_json: bool) -> Iterator[OnFrame]:
    """The way of reporting that fits where standard output goes."""
    if sys.stdout.isatty() and not as_json:
        with _bar(title, total) as bar:
            yield bar
    else:
        yield _Lines(total, writer, as_json)


class _Lines:
    """A line per frame and the share that is done, as render farms read them, or JSON objects.

    Every line is flushed.
    """

    def __init__(self, total: int, writer: MatteWriter, as_json: bool) -> None:
        self._total = total
        self._writer = writer
        self._as_json = as_json
        self._done = 0

    def __call__(self, frame: int, kept: bool) -> None:
        self._done += 1
        path = self._writer.path(frame)
        if self._as_json:
            event = {"event": "frame", "frame": frame, "path": str(path), "kept": kept}
            print(json.dumps({**event, "done": self._done, "total": self._total}), flush=True)
        else:
            print(f"frame {frame}: {'kept' if kept else 'wrote'} {path}")
            print(f"Progress: {100 * self._done // self._total}%", flush=True)


class _Speed(ProgressColumn):
    """Frames made a second since the first; kept frames do not count."""

    def render(self, task: Task) -> Text:
        made = task.fields["made"]
        seconds = time.monotonic() - task.fields["since"]
        return Text(f"{made / seconds:.2f} frames/s" if made and seconds > 0 else "")


@contextmanager
def _bar(title: str, total: int) -> Iterator[OnFrame]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console()) as progress:
        task = progress.add_task(title, total=total, made=0, since=time.monotonic())

        def on_frame(_frame: int, kept: bool) -> None:
            made = progress.tasks[0].fields["made"] + (not kept)
            progress.update(task, advance=1, made=made)

        yield on_frame
