"""A piece of work as it is seen from inside. Knows nothing of Nuke but a bar that it is given."""

from __future__ import annotations

import threading
import time
from typing import Any

from rde_roto_client import Client, Watcher

_LOOKS_AGAIN_S = 0.2


class CancelledError(Exception):
    """Somebody asked for the end of it; what was finished before is kept."""


class Task(Watcher):
    """What a piece of work is given: how to tell how far it is, and whether to go on."""

    def __init__(self, progress: Any, stopped: threading.Event) -> None:
        self._progress = progress
        self._stopped = stopped

    def heard(self, said: dict[str, Any]) -> None:
        """Shows how far it is; without a window in a line that farms understand."""
        done, total = said["done"], said["total"]
        percent = int(100 * done / max(total, 1))
        if self._progress is None:
            print(f"Progress: {percent}%", flush=True)
            return
        self._progress.setMessage(said.get("sentence") or f"{done} of {total} frames")
        self._progress.setProgress(percent)

    def wants(self) -> bool:
        """Whether it shall go on."""
        is_stopped = self._progress is not None and self._progress.isCancelled()
        return not (is_stopped or self._stopped.is_set())

    def pause(self) -> None:
        """Until it is worth while to look again."""
        time.sleep(_LOOKS_AGAIN_S)

    def client(self) -> Client:
        """One whose every wait ends when the artist cancels."""
        return Client("Nuke", waiting=self._go_on)

    def _go_on(self) -> None:
        if not self.wants():
            raise CancelledError
