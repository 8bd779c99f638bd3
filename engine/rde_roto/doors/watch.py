"""``rde-roto watch``: a worker of a hot folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto.doors.console import say, say_aside
from rde_roto.doors.options import DeviceOption, plate_memo
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.job_folder import is_junk
from rde_roto.doors.watchfolder.owners import Pulses
from rde_roto.doors.watchfolder.retention import Retention
from rde_roto.doors.watchfolder.running import Taker, run
from rde_roto.doors.watchfolder.scanner import Lookout
from rde_roto.values.errors import PartialError, UsageError

if TYPE_CHECKING:
    from rde_roto.doors.watchfolder.job_run import Make
    from rde_roto.doors.watchfolder.worker import Worker

HotFolderArgument = Annotated[Path, typer.Argument(help="The hot folder; created if missing.")]


def watch(
    folder: HotFolderArgument,
    poll: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.05, help="Interval between two scans of the inbox."),
    ] = 2.0,
    device: DeviceOption = "auto",
    once: Annotated[bool, typer.Option("--once", help="Exit when the inbox is empty.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Model for jobs that name none (default: from defaults.yaml)."
        ),
    ] = None,
    job: Annotated[
        str | None, typer.Option(metavar="ENTRY", help="Process this one inbox entry, then exit.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Hand the jobs to the workers of a Dask scheduler, tcp://host:8786, that have the "
            "resource GPU.",
        ),
    ] = None,
    keep_days: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Remove jobs from done/ N days after they finished: their reports and job "
            "documents, never a dropped folder, never mattes.",
        ),
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Process the jobs that are dropped into FOLDER/inbox, one after the other."""
    if job is not None and (job != Path(job).name or is_junk(job)):
        raise UsageError(f"--job {job}: expected the name of an entry of the inbox")
    hot = HotFolder.made(folder)
    how = Watching(poll, once, model, job, tied, keep_days)
    if scheduler is None:

        def make() -> Make:
            from rde_roto.doors.watchfolder.making import Maker

            return Maker(device)

        code = work(hot, make, how)
    else:
        code = dispatch(hot, scheduler, device, how)
    if code:
        raise typer.Exit(code)


@dataclass(frozen=True)
class Watching:
    """How a folder is watched: every so many seconds, only until the inbox is empty; the model of
    jobs that name none; the one entry to do; whether it ends with standard input; after how many
    days jobs that are done are cleared, None for never.
    """

    poll_s: float
    once: bool = False
    model: str | None = None
    job: str | None = None
    tied: bool = False
    keep_days: float | None = None


def work(folder: HotFolder, making: Callable[[], Make], how: Watching) -> int:
    """Runs a worker in this process until a signal stops it; the exit code.

    `making` gives what makes the nodes of shots.
    """
    stopping = _Stopping(how.tied)
    with plate_memo() as memo:
        from rde_roto.doors.watchfolder.job_reader import Opener
        from rde_roto.doors.watchfolder.owners import Owner
        from rde_roto.doors.watchfolder.worker import Worker

        lookout, opener = _lookout(folder, how), Opener(folder, memo, how.model)
        worker = Worker(lookout, opener, making(), Owner.of_this_process(), time.monotonic)
        if how.job is None:
            _run(worker, lookout, stopping, how)
        else:
            _take(worker, how.job, stopping)
    return _code(stopping, worker.failed, folder)


def _take(worker: Worker, entry: str, stopping: _Stopping) -> None:
    """Does one job. Raises UsageError when it cannot be taken."""
    try:
        worker.take(entry, stopping.stop)
    except OSError as error:
        raise UsageError(f"{entry} cannot be taken: {error}") from error


def dispatch(folder: HotFolder, scheduler: str, device: str, how: Watching) -> int:
    """Hands jobs to a scheduler until a signal stops it; the exit code."""
    try:
        from rde_roto.doors.watchfolder.dask_dispatcher import Dispatcher
    except ImportError as error:
        raise UsageError(
            "--scheduler needs Dask: install the extra 'farm' (pip install 'rde-roto[farm]')"
        ) from error
    stopping, lookout = _Stopping(how.tied), _lookout(folder, how)
    model = [] if how.model is None else ["--model", how.model]
    with closing(Dispatcher(lookout, scheduler, ["--device", device, *model])) as dispatcher:
        _run(dispatcher, lookout, stopping, how)
    return _code(stopping, dispatcher.failed, folder)


def _code(stopping: _Stopping, failed: int, folder: HotFolder) -> int:
    """The exit code: that of the signal, else 7 when a job failed, which is told."""
    if stopping.number:
        return 128 + stopping.number
    if failed:
        say_aside(f"{failed} failed: see {folder.root / 'failed'}")
        return PartialError.exit_code
    return 0


def _run(taker: Taker, lookout: Lookout, stopping: _Stopping, how: Watching) -> None:
    from rde_roto.doors.watchfolder.arrivals import heard

    say(f"rde-roto: watching {lookout.folder.inbox}")
    with heard(lookout.folder.inbox, lookout.inbox.arrived, stopping.wake.set):
        run(taker, stopping.stop, stopping.pause, time.monotonic, how.poll_s, how.once)


def _lookout(folder: HotFolder, how: Watching) -> Lookout:
    kept = how.keep_days
    retention = None if kept is None else Retention(folder, kept, time.monotonic, say)
    return Lookout(folder, Inbox(folder.inbox), Pulses(time.monotonic), say, retention)


class _Stopping:
    """SIGINT and SIGTERM: the first gives the job back after its frame, a second ends at once."""

    def __init__(self, tied: bool) -> None:
        self.stop, self.wake = Event(), Event()
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_stop)
        if tied:
            Thread(target=self._stop_with_input, daemon=True).start()

    def pause(self, seconds: float) -> bool:
        """Waits, unless it is woken; whether it was."""
        woken = self.wake.wait(seconds)
        self.wake.clear()
        return woken

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.number:
            sys.exit(128 + number)
        self._stop_for(number)
        say_aside("stopping after this frame")

    def _stop_for(self, number: int) -> None:
        self.number = number
        self.stop.set()
        self.wake.set()

    def _stop_with_input(self) -> None:
        while os.read(0, 1 << 16):  # no buffer of Python's, which a thread must not hold at the end
            pass
        self._stop_for(signal.SIGTERM)
