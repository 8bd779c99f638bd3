"""How long a client waits for the engine: as long as its heartbeats report progress."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Callable

from .places import NoEngineError
from .wire import Object

GREETING_TIMEOUT_S = 60.0
"""The first start on a machine reads half a gigabyte of libraries."""

SILENT_S = 30.0
"""Without a heartbeat, unless RDE_ROTO_SILENT_S is set; the engine sends one a second."""

STALLED_S = 1800.0
"""With heartbeats but no progress: long, since a movie is read once from start to end."""


def silent_s() -> float:
    """How long to wait for a heartbeat of a running engine."""
    with suppress(ValueError):
        return max(0.0, float(os.environ.get("RDE_ROTO_SILENT_S", "")))
    return SILENT_S


class StuckEngineError(NoEngineError):
    """An engine runs but does not answer; the sentence says how to stop it."""


class Watchdog:
    """Called by a wire while it waits; raises to end the wait.

    Args:
        engine: process id of the engine, for messages.
        waiting: of the client, called several times a second; raises if the host aborts.
        silent_s: the longest time without a byte.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        engine: object,
        waiting: Callable[[], None],
        silent_s: float = GREETING_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent_s = silent_s
        self.waiting = waiting
        self._engine = engine
        self._clock = clock
        self._steps: object = None
        self._moved_s = clock()

    def __call__(self, silent_s: float) -> None:
        """Raise StuckEngineError after `silent_s` without a byte, or what `waiting` raises."""
        self.waiting()
        if silent_s > self.silent_s:
            raise self._stuck(f"has said nothing for {silent_s:.0f} s")

    def begin(self) -> None:
        """Start to watch a request."""
        self._steps, self._moved_s = None, self._clock()

    def feed(self, sign: Object) -> None:
        """Take a heartbeat. Raises StuckEngineError if they report no progress for too long."""
        now_s = self._clock()
        if sign.get("sign") != self._steps:
            self._steps, self._moved_s = sign.get("sign"), now_s
        elif now_s - self._moved_s > STALLED_S:
            raise self._stuck(f"has not got on for {now_s - self._moved_s:.0f} s")

    def _stuck(self, how: str) -> StuckEngineError:
        return StuckEngineError(
            f"the engine (process {self._engine}) {how}: end it with rde-roto serve --stop, and "
            "run it again; what it has finished is kept"
        )
