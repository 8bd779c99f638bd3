"""``rde-roto watch``: a worker of a hot folder."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto.doors.options import DeviceOption, plate_memo
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.running import run
from rde_roto.values.errors import PartialError

if TYPE_CHECKING:
    from rde_roto.doors.watchfolder.worker import Make

HotFolderArgument = Annotated[Path, typer.Argument(help="The hot folder; made where it is not.")]


def watch(
    folder: HotFolderArgument,
    poll: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="How often to look into the inbox.")
    ] = 2.0,
    device: DeviceOption = "auto",
    once: Annotated[bool, typer.Option("--once", help="Ends when the inbox is empty.")] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of jobs that name none; else defaults.yaml says it."),
    ] = None,
) -> None:
    """Makes the mattes of jobs that are dropped into FOLDER/inbox, one after the other."""

    def make() -> Make:
        from rde_roto.doors.watchfolder.making import Maker

        return Maker(device)

    code = work(HotFolder.made(folder), make, Watching(poll, once, model))
    if code:
        raise typer.Exit(code)


@dataclass(frozen=True)
class Watching:
    """How a worker looks: every so many seconds, only until the inbox is empty, and the model of
    jobs that name none.
    """

    poll_s: float
    once: bool = False
    model: str | None = None


def work(folder: HotFolder, making: Callable[[], Make], how: Watching) -> int:
    """Runs a worker in this process until a signal stops it; the exit code.

    `making` gives what makes the nodes of shots.
    """
    stopping = _Stopping()
    with plate_memo() as memo:
        from rde_roto.doors.watchfolder.arrivals import heard
        from rde_roto.doors.watchfolder.jobs import Opener
        from rde_roto.doors.watchfolder.owners import Owner, Pulses
        from rde_roto.doors.watchfolder.worker import Worker

        inbox, clock = Inbox(folder.inbox), time.monotonic
        opener = Opener(folder, memo, how.model)
        pulses, owner = Pulses(clock), Owner.of_this_process()
        worker = Worker(folder, opener, making(), inbox, pulses, owner, clock, _say)
        _say(f"rde-roto: watching {folder.inbox}")
        with heard(folder.inbox, inbox.arrived, stopping.wake.set):
            run(worker, stopping.stop, stopping.pause, clock, how.poll_s, how.once)
    if stopping.number:
        return 128 + stopping.number
    if worker.failed:
        print(f"rde-roto: {worker.failed} failed: see {folder.root / 'failed'}", file=sys.stderr)
        return PartialError.exit_code
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


class _Stopping:
    """SIGINT and SIGTERM: the first gives the job back after its frame, a second ends at once."""

    def __init__(self) -> None:
        self.stop, self.wake = Event(), Event()
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_stop)

    def pause(self, seconds: float) -> bool:
        """Waits, unless it is woken; whether it was."""
        woken = self.wake.wait(seconds)
        self.wake.clear()
        return woken

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.number:
            sys.exit(128 + number)
        self.number = number
        self.stop.set()
        self.wake.set()
        print("rde-roto: stopping after this frame", file=sys.stderr, flush=True)
