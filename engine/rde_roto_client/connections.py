"""A client's connections to the user's engine, which is started when none runs."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .handshake import Greeted, checked, greet
from .places import NoEngineError, start
from .watchdog import silent_s
from .wire import Message, Object, Pixels, Wire, WireError, is_open

_START_TIMEOUT_S = 60.0
_RETRY_S = 0.1
_CANCEL_TIMEOUT_S = 2.0
_NOT_RUNNING = "no engine is running: start it with rde-roto serve"


def nothing() -> None:
    """Do nothing while a request waits."""


class Connections:
    """One connection for each thread, and how an engine is found or started.

    Args: those of `Client`.
    """

    def __init__(
        self,
        name: str,
        device: str,
        starts: bool,
        command: list[str] | None,
        waiting: Callable[[], None],
    ) -> None:
        self._name, self._device = name, device
        self._starts, self._command = starts, command
        self._waiting = waiting
        self._ids = itertools.count(1)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._wires: list[Wire] = []

    def close(self) -> None:
        """Close every connection; requests that wait are cancelled. Others can be opened."""
        with self._lock:
            wires, self._wires = self._wires, []
        for wire in wires:
            wire.connection.close()

    def connected(self) -> Greeted:
        """Return this thread's connection; starts an engine if none answers.

        Raises NoEngineError.
        """
        known = self._known()
        if known is None:
            known = self._remember(
                greet(self._name, self._device, self._waiting) or self._start_engine()
            )
        return known

    @contextmanager
    def connected_soon(self) -> Iterator[Greeted]:
        """Give this thread's connection for a request that must not take long, and that does not
        call `waiting`; starts nothing. Raises NoEngineError.
        """
        met = self._known() or greet(self._name, self._device, nothing, _CANCEL_TIMEOUT_S)
        if met is None:
            raise NoEngineError(_NOT_RUNNING)
        met = self._remember(met)
        met.watchdog.silent_s, met.watchdog.waiting = _CANCEL_TIMEOUT_S, nothing
        try:
            yield met
        finally:
            self._set_watchdog(met)

    def running(self) -> Greeted:
        """Return this thread's connection; starts nothing. Raises NoEngineError if none runs."""
        met = self._known() or greet(self._name, self._device, self._waiting)
        if met is None:
            raise NoEngineError(_NOT_RUNNING)
        return self._remember(met)

    def exchange(self, met: Greeted, message: Object, pixels: Pixels | None = None) -> Message:
        """Send a request over a connection, and return its answer.

        Raises EngineError for an error of the engine, WireError if it ends before it answers.
        """
        message = dict(message, id=next(self._ids))
        try:
            met.watchdog.begin()
            met.wire.send(message, pixels)
            while True:
                answer = met.wire.receive()
                if answer is None or answer.object.get("id") != message["id"]:
                    raise WireError("the engine has ended")
                if "sign" not in answer.object:
                    break
                met.watchdog.feed(answer.object)
        except BaseException:  # also an abort by the host: the next request would get this answer
            self._forget(met.wire)
            raise
        return checked(answer)

    def _known(self) -> Greeted | None:
        """This thread's connection, unless it was closed; the engine closes idle ones too."""
        met: Greeted | None = getattr(self._own, "met", None)
        if met is None or met.wire not in self._wires:
            return None
        if is_open(met.wire.connection):
            return met
        self._forget(met.wire)
        return None

    def _remember(self, met: Greeted) -> Greeted:
        self._own.met = met
        self._set_watchdog(met)
        with self._lock:
            if met.wire not in self._wires:
                self._wires.append(met.wire)
        return met

    def _set_watchdog(self, met: Greeted) -> None:
        """An older engine sends no heartbeats, and is waited for without a limit."""
        met.watchdog.silent_s = silent_s() if "signs" in met.hello else float("inf")
        met.watchdog.waiting = self._waiting

    def _forget(self, wire: Wire) -> None:
        wire.connection.close()
        with self._lock:
            if wire in self._wires:
                self._wires.remove(wire)

    def _start_engine(self) -> Greeted:
        if not self._starts:
            raise NoEngineError(_NOT_RUNNING)
        process = start(self._device, self._command)
        # or it would remain as a zombie while the host runs
        threading.Thread(target=process.wait, daemon=True).start()
        end = time.monotonic() + _START_TIMEOUT_S
        while True:
            found = greet(self._name, self._device, self._waiting)
            if found is not None:
                return found
            if process.poll() not in (None, 0):  # 0: another engine came first
                raise NoEngineError("the engine ended at once: see engine-*.log in the run folder")
            if time.monotonic() > end:
                raise NoEngineError("the engine did not answer within a minute")
            self._waiting()
            time.sleep(_RETRY_S)
