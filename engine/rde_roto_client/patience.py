"""How long a client waits for the engine: for as long as it gives signs of life."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Callable

from rde_roto_client.places import NoEngineError
from rde_roto_client.wire import Object

GREETED_WITHIN_S = 60.0
"""A machine that starts the engine for the first time reads half a gigabyte of libraries."""

SILENT_S = 30.0
"""Without any sign, where RDE_ROTO_SILENT_S says no other; the engine gives one a second."""

STILL_S = 1800.0
"""With signs, but none that it gets on: a movie is read once, from its first byte to its last."""


def silent_s() -> float:
    """How long it is borne that a running engine gives no sign."""
    with suppress(ValueError):
        return max(0.0, float(os.environ.get("RDE_ROTO_SILENT_S", "")))
    return SILENT_S


class StuckEngineError(NoEngineError):
    """There is an engine, and it does not answer; the sentence says how to end it."""


class Patience:
    """What a wire asks while it waits; raises what ends the wait.

    Args:
        engine: the engine's process, for messages.
        waiting: the client's, called some times a second; it raises where the host gives up.
        silent_s: how long it is borne that not a byte moves.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        engine: object,
        waiting: Callable[[], None],
        silent_s: float = GREETED_WITHIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent_s = silent_s
        self.waiting = waiting
        self._engine = engine
        self._clock = clock
        self._steps: object = None
        self._moved_s = clock()

    def __call__(self, silent_s: float) -> None:
        """Raises StuckEngineError after `silent_s` without a byte, or what `waiting` raises."""
        self.waiting()
        if silent_s > self.silent_s:
            raise self._stuck(f"has said nothing for {silent_s:.0f} s")

    def begin(self) -> None:
        """A request goes out."""
        self._steps, self._moved_s = None, self._clock()

    def heard(self, sign: Object) -> None:
        """Takes a sign of life; one that says the same as before is none for ever."""
        now_s = self._clock()
        if sign.get("sign") != self._steps:
            self._steps, self._moved_s = sign.get("sign"), now_s
        elif now_s - self._moved_s > STILL_S:
            raise self._stuck(f"has not got on for {now_s - self._moved_s:.0f} s")

    def _stuck(self, how: str) -> StuckEngineError:
        return StuckEngineError(
            f"the engine (process {self._engine}) {how}: end it with rde-roto serve --stop, and "
            "run it again; what it has finished is kept"
        )
