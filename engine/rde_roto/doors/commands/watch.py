"""``rde-roto watch``: process the jobs of a hot folder."""

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

from rde_roto.doors.console import print_line, print_message
from rde_roto.doors.options import DeviceOption, plate_memo
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.job_folder import is_junk
from rde_roto.doors.watchfolder.owners import DeadWorkers
from rde_roto.doors.watchfolder.retention import Retention
from rde_roto.doors.watchfolder.scanner import Scanner, Taker, run_until_stopped
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import UsageError

if TYPE_CHECKING:
    from rde_roto.doors.watchfolder.job_run import PrepareNode
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
    hot = HotFolder.create(folder)
    options = WatchOptions(poll, once, model, job, tied, keep_days)
    if scheduler is None:

        def load() -> PrepareNode:
            from rde_roto.doors.watchfolder.worker import NodePreparer

            return NodePreparer(device)

        code = run_worker(hot, load, options)
    else:
        code = run_dispatcher(hot, scheduler, device, options)
    if code:
        raise typer.Exit(code)


@dataclass(frozen=True)
class WatchOptions:
    """How to watch a folder.

    `poll_s` is the time between scans. `once` stops when the inbox is empty. `model` is used for
    jobs that name none. `job` is the one entry to process. `tied` stops when standard input ends.
    After `keep_days` finished jobs are removed, None for never.
    """

    poll_s: float
    once: bool = False
    model: str | None = None
    job: str | None = None
    tied: bool = False
    keep_days: float | None = None


def run_worker(folder: HotFolder, load: Callable[[], PrepareNode], options: WatchOptions) -> int:
    """Run a worker in this process until a signal stops it, and return the exit code.

    `load` is called once torch is needed, and returns what prepares the nodes of shots.
    """
    signals = _StopSignals(options.tied)
    with plate_memo() as memo:
        from rde_roto.doors.watchfolder.job_reader import JobReader
        from rde_roto.doors.watchfolder.owners import Owner
        from rde_roto.doors.watchfolder.worker import Worker

        scanner, reader = _scanner(folder, options), JobReader(folder, memo, options.model)
        worker = Worker(scanner, reader, load(), Owner.of_this_process(), time.monotonic)
        if options.job is None:
            _run(worker, scanner, signals, options)
        else:
            _take(worker, options.job, signals)
    return _exit_code(signals, worker.failed, folder)


def _take(worker: Worker, entry: str, signals: _StopSignals) -> None:
    """Process one job. Raises UsageError when it cannot be taken."""
    try:
        worker.take(entry, signals.stop)
    except OSError as error:
        raise UsageError(f"{entry} cannot be taken: {error}") from error


def run_dispatcher(folder: HotFolder, scheduler: str, device: str, options: WatchOptions) -> int:
    """Hand jobs to a scheduler until a signal stops it, and return the exit code."""
    try:
        from rde_roto.doors.watchfolder.dask_dispatcher import Dispatcher
    except ImportError as error:
        raise UsageError(
            "--scheduler needs Dask: run install.py farm where rde-roto was unpacked, or "
            "pip install 'rde-roto[farm]'"
        ) from error
    signals, scanner = _StopSignals(options.tied), _scanner(folder, options)
    model = [] if options.model is None else ["--model", options.model]
    with closing(Dispatcher(scanner, scheduler, ["--device", device, *model])) as dispatcher:
        _run(dispatcher, scanner, signals, options)
    return _exit_code(signals, dispatcher.failed, folder)


def _exit_code(signals: _StopSignals, failed: int, folder: HotFolder) -> int:
    """Return the exit code: that of the signal, else 7 if a job failed, which is printed."""
    if signals.number:
        return 128 + signals.number
    if failed:
        print_message(f"{failed} failed: see {folder.root / 'failed'}")
        return PartialError.exit_code
    return 0


def _run(taker: Taker, scanner: Scanner, signals: _StopSignals, options: WatchOptions) -> None:
    from rde_roto.doors.watchfolder.scanner import notifying

    print_line(f"rde-roto: watching {scanner.folder.inbox}")
    with notifying(scanner.folder.inbox, scanner.inbox.arrived, signals.wake.set):
        run_until_stopped(
            taker, signals.stop, signals.pause, time.monotonic, options.poll_s, options.once
        )


def _scanner(folder: HotFolder, options: WatchOptions) -> Scanner:
    days = options.keep_days
    retention = None if days is None else Retention(folder, days, time.monotonic, print_line)
    return Scanner(folder, Inbox(folder.inbox), DeadWorkers(time.monotonic), print_line, retention)


class _StopSignals:
    """Handle SIGINT and SIGTERM: the first gives the job back after its frame, a second exits at
    once.
    """

    def __init__(self, tied: bool) -> None:
        self.stop, self.wake = Event(), Event()
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_stop)
        if tied:
            Thread(target=self._stop_with_input, daemon=True).start()

    def pause(self, seconds: float) -> bool:
        """Wait until woken or until the time is over; whether it was woken."""
        woken = self.wake.wait(seconds)
        self.wake.clear()
        return woken

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.number:
            sys.exit(128 + number)
        self._stop_for(number)
        print_message("stopping after this frame")

    def _stop_for(self, number: int) -> None:
        self.number = number
        self.stop.set()
        self.wake.set()

    def _stop_with_input(self) -> None:
        while os.read(0, 1 << 16):  # no buffer of Python's, which a thread must not hold at the end
            pass
        self._stop_for(signal.SIGTERM)
