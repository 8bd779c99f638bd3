"""Hears of what comes into a folder, so that nobody needs to wait for the next look.

It is a help and no more: what other machines write to a network share is not heard of.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver


class _Heard(FileSystemEventHandler):
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
def heard(folder: Path, arrived: Callable[[str], None], wake: Callable[[], None]) -> Iterator[None]:
    """Tells `arrived` the names of entries that come by a rename, and wakes for any that come.

    Both are called from a thread. Where the system cannot be listened to nothing is told.
    """
    # it takes its own end for an error
    logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)
    observer = _observer()
    try:
        observer.schedule(_Heard(folder, arrived, wake), str(folder))
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

        # else a rename from another folder looks like the beginning of a copy
        return InotifyObserver(generate_full_events=True)
    return Observer()
