"""What is asked of the engine, in a thread of its own: the window never waits for an answer.

The thread touches nothing of Blender, which is for its main thread alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rde_roto_client import Client, EngineError, NoEngineError, Watcher, WireError

_ASKS_AGAIN_S = 0.1


class RefusedError(Exception):
    """What was asked cannot be done: str() is a sentence for the artist."""


class StoppedError(Exception):
    """The artist has stopped it."""


# What ends as a sentence in Blender's status bar and not as a traceback.
SENTENCES = (RefusedError, EngineError, NoEngineError, WireError, OSError)


class Errand(Watcher):
    """One piece of work; `done` of `total` is how far it is.

    Args:
        work: what to do, given this errand; it asks `client`, and may have `follow` watched by it.
    """

    def __init__(self, work: Callable[[Errand], Any]) -> None:
        self.done, self.total = 0, 0
        self.client = Client("blender", waiting=self.check)
        self._work = work
        self._stopped = threading.Event()
        self._outcome: Any = None
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
        """Asks it to end; it does so at once, whatever it waits for."""
        self._stopped.set()

    def wait(self) -> None:
        """Returns when it has ended; interrupted, it stops it first."""
        try:
            while not self.has_ended:
                self._thread.join(_ASKS_AGAIN_S)
        except KeyboardInterrupt:
            self.stop()
            self._thread.join()

    def outcome(self) -> Any:
        """What the work returned, once it has ended; raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._outcome

    # For the work.

    def check(self) -> None:
        """Raises StoppedError once it shall end."""
        if self._stopped.is_set():
            raise StoppedError("stopped")

    def heard(self, said: dict[str, Any]) -> None:
        """How far the engine is."""
        self.done, self.total = said["done"], said["total"]

    def wants(self) -> bool:
        """Whether it shall go on."""
        return not self.is_stopped

    def pause(self) -> None:
        """Waits a little, less when it is stopped meanwhile."""
        if self.is_stopped:  # and what it has begun is yet to end
            time.sleep(_ASKS_AGAIN_S)
        else:
            self._stopped.wait(_ASKS_AGAIN_S)

    def _run(self) -> None:
        try:
            with self.client:
                self._outcome = self._work(self)
        except BaseException as error:  # it is raised where the outcome is asked for
            self._error = error
