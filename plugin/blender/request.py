"""Requests to the engine in a thread of their own, so that Blender's window never waits.

The thread does not touch Blender's data, which only the main thread may do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .engine_client import rde_roto_client

_POLL_S = 0.1

T = TypeVar("T")


class RefusedError(Exception):
    """The request cannot be carried out: str() is a sentence for the artist."""


class StoppedError(Exception):
    """The artist has stopped the request."""


# Errors that are shown as a sentence in Blender's status bar, not as a traceback.
USER_ERRORS = (
    RefusedError,
    rde_roto_client.EngineError,
    rde_roto_client.NoEngineError,
    rde_roto_client.WireError,
    OSError,
)


class Request(rde_roto_client.Watcher, Generic[T]):
    """A running request; `done` of `total` frames or steps is its progress.

    Args:
        work: runs in the thread and gets this request. It uses `client`, and passes the request as
            the watcher of `follow`.
    """

    def __init__(self, work: Callable[[Request[T]], T]) -> None:
        self.done, self.total = 0, 0
        self.client = rde_roto_client.Client("blender", waiting=self.check)
        self._work = work
        self._stopped = threading.Event()
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Stop the request at once, whatever it waits for."""
        self._stopped.set()

    def wait(self) -> None:
        """Return when the request has ended; an interrupt stops it first."""
        try:
            while not self.has_ended:
                self._thread.join(_POLL_S)
        except KeyboardInterrupt:
            self.stop()
            self._thread.join()

    def result(self) -> T:
        """Wait for the end and return what the work returned, or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    # For the work.

    def check(self) -> None:
        """Raise StoppedError once the request is stopped."""
        if self._stopped.is_set():
            raise StoppedError("stopped")

    def on_status(self, status: dict[str, Any]) -> None:
        """Take the engine's progress."""
        self.done, self.total = status["done"], status["total"]

    def should_continue(self) -> bool:
        """Whether to go on."""
        return not self.is_stopped

    def pause(self) -> None:
        """Wait between two looks at the progress; a stop ends the wait."""
        if self.is_stopped:  # the job it started has still to end
            time.sleep(_POLL_S)
        else:
            self._stopped.wait(_POLL_S)

    def _run(self) -> None:
        try:
            with self.client:
                self._results.append(self._work(self))
        except BaseException as error:  # raised again in the main thread, by result()
            self._error = error
