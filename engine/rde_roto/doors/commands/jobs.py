"""``rde-roto jobs``: show what waits, runs and has ended in a hot folder."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rde_roto.documents.job_status import MOST_NAME_BYTES, JobStatus
from rde_roto.doors.console import print_line
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.job_folder import status_of
from rde_roto.values.errors import InputError
from rde_roto.values.plain_text import one_line, plain_name

_REFRESHED_EVERY_S = 1.0
_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "cancelled": "yellow"}


def jobs(
    folder: Annotated[Path, typer.Argument(help="The hot folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per job.")] = False,
    last: Annotated[
        int, typer.Option(metavar="N", min=0, help="Number of finished jobs to list.")
    ] = 20,
) -> None:
    """Show the jobs of a hot folder; on a terminal until you press Ctrl-C."""
    if not (folder / "inbox").is_dir():
        raise InputError(f"{folder} is not a hot folder: it has no folder inbox")
    queue = Queue(HotFolder(folder.resolve()), last)
    if as_json:
        for status in queue.statuses():
            print_line(json.dumps(json.loads(status.to_json())))
    elif sys.stdout.isatty():
        _live(queue)
    else:
        Console(width=160).print(_table(queue.statuses()))


@dataclass
class Queue:
    """The jobs of a hot folder. The last `last` ended ones are listed.

    When an ended job ended is looked up once, so that a folder with the jobs of a year can be
    listed every second.
    """

    folder: HotFolder
    last: int
    _ended: dict[Path, float] = field(default_factory=dict)

    def statuses(self) -> Iterator[JobStatus]:
        """Yield the running jobs, the waiting ones in the order they will be taken, then the last
        ended ones.
        """
        yield from _in(sorted(_entries(self.folder.running)))
        inbox = Inbox(self.folder.inbox)
        inbox.scan()
        inbox.scan()  # an entry counts as complete once two scans have seen it unchanged
        for name in inbox.jobs():
            before = status_of(self.folder.inbox / name)
            shown = plain_name(name, MOST_NAME_BYTES)
            yield before or JobStatus(name=shown, state="waiting", priority=inbox.priority(name))
        found = [path for end in self.folder.ends for path in _entries(end)]
        known = self._ended
        self._ended = {path: known[path] if path in known else _when(path) for path in found}
        last_first = sorted(found, key=self._ended.__getitem__, reverse=True)
        yield from _in(islice(last_first, self.last))


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder: nothing where no worker has made it yet."""
    with suppress(FileNotFoundError):
        yield from folder.iterdir()


def _in(folders: Iterable[Path]) -> Iterator[JobStatus]:
    for folder in folders:
        status = status_of(folder)
        if status is not None:
            yield status


def _when(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _live(queue: Queue) -> None:
    with Live(_table(queue.statuses()), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(_REFRESHED_EVERY_S)
            live.update(_table(queue.statuses()), refresh=True)


def _table(statuses: Iterator[JobStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("job", "state", "frames", "speed", "left", "worker", ""):
        table.add_column(title, overflow="fold")
    for status in statuses:
        progress = f"{status.done}/{status.total}" if status.total else ""
        speed = f"{status.frames_per_second:.2f}/s" if status.frames_per_second else ""
        left = _duration(status.seconds_left) if status.state == "running" else ""
        table.add_row(
            Text(status.name),  # as Text, so that names are not parsed as markup
            Text(status.state, _COLOURS.get(status.state, "")),
            progress,
            speed,
            left,
            Text(one_line(status.worker or "")),
            Text(one_line(_note(status))),
        )
    return table


def _note(status: JobStatus) -> str:
    if status.error is not None:
        return status.error.sentence
    if status.same_as is not None:
        return f"the same as {status.same_as}"
    if status.priority is not None:
        return f"priority {status.priority}"
    return "; ".join(status.look_at)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
