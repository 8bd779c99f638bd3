"""Progress and cancelling of background work. No Nuke here but the progress bar it is given."""

from __future__ import annotations

import threading
import time
from typing import Any

from rde_roto_client import Client, Watcher

_POLL_S = 0.2


class CancelledError(Exception):
    """The artist has cancelled the work; what is written stays."""


class Task(Watcher):
    """Passed to background work: takes its progress, and says whether to go on."""

    def __init__(self, progress: Any, stopped: threading.Event) -> None:
        self._progress = progress
        self._stopped = stopped

    def on_status(self, status: dict[str, Any]) -> None:
        """Show the progress; without a GUI, print it in a form that farms parse."""
        done, total = status["done"], status["total"]
        percent = int(100 * done / max(total, 1))
        if self._progress is None:
            print(f"Progress: {percent}%", flush=True)
            return
        self._progress.setMessage(status.get("sentence") or f"Frames: {done} of {total}")
        self._progress.setProgress(percent)

    def should_continue(self) -> bool:
        """Whether to go on."""
        is_stopped = self._progress is not None and self._progress.isCancelled()
        return not (is_stopped or self._stopped.is_set())

    def pause(self) -> None:
        """Wait between two looks at the progress."""
        time.sleep(_POLL_S)

    def client(self) -> Client:
        """A client whose waits end when the artist cancels."""
        return Client("Nuke", waiting=self._check)

    def _check(self) -> None:
        if not self.should_continue():
            raise CancelledError
