"""Scan a hot folder: find jobs, recover those of dead workers, and take one after the other."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from rde_roto.doors.console import print_message
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.owners import DeadWorkers
from rde_roto.doors.watchfolder.retention import Retention
from rde_roto.values.errors import UsageError


@dataclass
class _Strangers:
    """Names in a folder of which people are told once each, when a second scan finds them: during a
    single one a file may be on its way out.
    """

    _there: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def found_again(self, there: set[str]) -> list[str]:
        """Return the names to tell of now, sorted. `there` are those of this scan."""
        found = sorted(there & self._there - self._told)
        self._told = there & (self._told | self._there)
        self._there = set(there)
        return found


@dataclass
class Scanner:
    """Scan a hot folder on behalf of a worker or dispatcher.

    Each scan gives back the jobs of dead workers, clears old jobs if a retention is set, and reads
    the inbox.
    """

    folder: HotFolder
    inbox: Inbox
    dead_workers: DeadWorkers
    log: Callable[[str], None]
    retention: Retention | None = None
    _in_running: _Strangers = field(default_factory=_Strangers)
    _in_inbox: _Strangers = field(default_factory=_Strangers)

    def scan(self) -> list[str]:
        """Return the complete jobs, the next one first. Raises OSError if the folder cannot be
        listed.
        """
        ours, others = self.folder.list_running()
        for dead in list(self.dead_workers.find(ours)):
            name = self.folder.give_back(dead)
            if name is not None:
                self.log(f"{name}: its worker died; the job goes back to the inbox")
        if self.retention is not None:
            self.retention.clear()
        self.inbox.scan()
        self._report_foreign(others)
        return self.inbox.jobs()

    def _report_foreign(self, in_running: Iterable[Path]) -> None:
        """Log what is no job, in `running/` and in the inbox."""
        for name in self._in_running.found_again({path.name for path in in_running}):
            self.log(
                f"running/{name} was not put there by a worker and is left alone: "
                "drop jobs into inbox"
            )
        ignored = self._in_inbox.found_again(self.inbox.ignored)
        if ignored:
            more = f" and {len(ignored) - 1} more" if len(ignored) > 1 else ""
            verb = "are no jobs and are" if more else "is no job and is"
            self.log(
                f"inbox/{ignored[0]}{more} {verb} left alone: drop a folder, or a document whose "
                "name ends in .yaml or .json"
            )


_IDLE_SHARE = 50
"""While there is nothing to do, scanning takes at most a 50th of the time."""


class Taker(Protocol):
    """What takes jobs: a worker, or a dispatcher that hands them to others."""

    def scan(self) -> Iterable[str]:
        """Return the jobs to take, the next one first."""

    def take(self, entry: str, stop: Event) -> None:
        """Take one job."""

    @property
    def has_waiting(self) -> bool:
        """Whether anything lies in the inbox."""


def run_until_stopped(
    taker: Taker,
    stop: Event,
    pause: Callable[[float], bool],
    clock: Callable[[], float],
    poll_s: float,
    once: bool = False,
) -> None:
    """Scan and take jobs until `stop` is set; with `once` until the inbox is empty.

    `pause` waits for some seconds, or less when something arrives, and returns whether it did. An
    entry that cannot be taken, or a folder that cannot be listed, is logged and tried again at the
    next scan, and does not hold up other entries. With `once`, UsageError is raised when only such
    entries are left.
    """
    current = _Pass(deque())
    scan_at = clock()
    while not stop.is_set():
        if clock() >= scan_at:
            began = clock()
            current = _scan(taker, current.messages)
            took = clock() - began
            scan_at = began + took + max(poll_s, 0.0 if current.found else _IDLE_SHARE * took)
        if current.found:
            _take_next(taker, current, stop)
        elif once and (current.is_stuck or (current.is_fresh and not taker.has_waiting)):
            break
        elif pause(max(0.0, scan_at - clock())):
            scan_at = clock()
    if once and current.is_stuck:
        raise UsageError(f"the hot folder cannot be used: {current.error}")


@dataclass
class _Pass:
    """The entries of one scan that are still to be taken, and how the others went.

    `reported` holds the error messages of the scan before, `messages` those of this one.
    """

    found: deque[str]
    reported: frozenset[str] = frozenset()
    is_fresh: bool = True
    took: bool = False
    error: OSError | None = None
    messages: set[str] = field(default_factory=set)

    @property
    def is_stuck(self) -> bool:
        """Whether all entries were tried and none could be taken."""
        return not self.found and not self.took and self.error is not None

    def failed(self, error: OSError) -> None:
        """Log an error, unless it was logged at the last scan."""
        self.error = error
        sentence = f"the hot folder cannot be used: {error}"
        if sentence not in self.reported | self.messages:
            print_message(f"{sentence}; still trying")
        self.messages.add(sentence)


def _scan(taker: Taker, reported: set[str]) -> _Pass:
    current = _Pass(deque(), frozenset(reported))
    try:
        current.found.extend(taker.scan())
    except OSError as error:
        current.failed(error)
    return current


def _take_next(taker: Taker, current: _Pass, stop: Event) -> None:
    current.is_fresh = False
    try:
        taker.take(current.found.popleft(), stop)
        current.took = True
    except OSError as error:
        current.failed(error)


class _Notifier(FileSystemEventHandler):
    def __init__(self, folder: Path, arrived: Callable[[str], None], wake: Callable[[], None]):
        self._folder = folder
        self._arrived = arrived
        self._wake = wake

    def on_created(self, event: FileSystemEvent) -> None:
        self._wake()

    def on_moved(self, event: FileSystemEvent) -> None:
        path = Path(os.fsdecode(event.dest_path or b""))
        if path.parent == self._folder:
            self._arrived(path.name)
            self._wake()


@contextmanager
def notifying(
    folder: Path, arrived: Callable[[str], None], wake: Callable[[], None]
) -> Iterator[None]:
    """Pass the names of entries that arrive by a rename to `arrived`, and call `wake` for any
    arrival.

    Both are called from another thread. Where the system has no notifications, nothing is called.
    Changes by other machines on a network share are not noticed: this only saves waiting for the
    next scan.
    """
    # watchdog logs its own shutdown as an error
    logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)
    observer = _observer()
    try:
        observer.schedule(_Notifier(folder, arrived, wake), str(folder))
        observer.start()
    except OSError:  # no inotify watches are left, for example
        yield
        return
    try:
        yield
    finally:
        observer.stop()
        observer.join()


def _observer() -> BaseObserver:
    if sys.platform == "linux":
        from watchdog.observers.inotify import InotifyObserver

        # otherwise a rename from another folder looks like the start of a copy
        return InotifyObserver(generate_full_events=True)
    return Observer()
