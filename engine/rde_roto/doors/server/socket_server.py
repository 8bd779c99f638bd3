"""The engine's door: who may come in, how many at once, and how long each may take."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import Any, Final

from rde_roto import __version__
from rde_roto.doors.console import say_bug
from rde_roto.doors.server.descriptors import most_connections
from rde_roto.doors.server.errors import ProtocolError, error_object
from rde_roto.doors.server.host_connection import Conversation
from rde_roto.doors.server.log import Log
from rde_roto.doors.server.pending_connections import Strangers
from rde_roto.doors.server.requests import Requests
from rde_roto.values.errors import RotoError, UsageError
from rde_roto_client.wire import PROTOCOL, Wire, WireError

_LOOKS_AGAIN_S = 0.25
_SIGNS_EVERY_S = 1.0
_BREATHES_S = 0.1

_TOO_MANY_FILES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Server:
    """Answers whoever connects, until it is stopped or nobody has asked for a while.

    Args:
        token: what a client must say; "" for none.
        device: the name of the network's, for `hello`.
        idle_s: seconds without a connection or a job after which it ends.
        log: what becomes of what it prints.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        token: str,
        device: str,
        idle_s: float,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._device = device
        self._idle_s = idle_s
        self._log = log
        self._clock = clock
        self._stopped = Event()
        self._last_signed_s = clock()
        self._most = most_connections()
        self._lock = Lock()
        self._conversations: set[Conversation] = set()

    def stop(self) -> None:
        """Has `serve` end."""
        self._stopped.set()

    def serve(self, listener: socket.socket, requests: Requests) -> None:
        """Returns when it was stopped or is idle; open connections are closed then."""
        listener.setblocking(False)
        last_busy_s = self._clock()
        with DefaultSelector() as selector:
            strangers = Strangers(selector, self._clock)
            selector.register(listener, EVENT_READ)
            try:
                while not self._stopped.is_set():
                    ready = selector.select(_LOOKS_AGAIN_S)
                    for connection in (key.fileobj for key, _ in ready):
                        assert isinstance(connection, socket.socket)
                        if connection is listener:
                            self._accept(listener, strangers)
                        elif (hello := strangers.hear(connection)) is not None:
                            self._let_in(connection, hello, requests)
                    strangers.send_late_ones_away()
                    self._sign(requests)
                    if self._conversations or requests.jobs.running:
                        last_busy_s = self._clock()
                    elif self._clock() - last_busy_s > self._idle_s:
                        return
            finally:
                strangers.close()
                for conversation in self._there():
                    conversation.end()

    def _accept(self, listener: socket.socket, strangers: Strangers) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in _TOO_MANY_FILES:  # whoever waits goes on waiting until some are free
                self._stopped.wait(_BREATHES_S)
            return  # else the other end has gone already
        if _is_own(connection):
            strangers.admit(connection)
        else:
            connection.close()

    def _let_in(self, connection: socket.socket, hello: dict[str, Any], requests: Requests) -> None:
        try:
            self._welcome(connection, hello, requests)
        except Exception:  # a bug of ours shall not end the engine for everybody
            say_bug()
            connection.close()

    def _welcome(
        self, connection: socket.socket, hello: dict[str, Any], requests: Requests
    ) -> None:
        number = hello.get("id")
        trouble = self._trouble_with(hello) or self._crowd()
        if trouble is not None:
            with suppress(WireError):  # a stranger's buffer is empty yet: this never waits
                Wire(connection).send({"id": number, "error": error_object(trouble)})
            connection.close()
            return
        first = {"protocol": PROTOCOL, "engine": __version__, "device": self._device}
        first |= {"id": number, "ok": True, "pid": os.getpid(), "signs": _SIGNS_EVERY_S}
        conversation = Conversation(connection, hello, self._clock)
        with self._lock:
            self._conversations.add(conversation)

        def hold() -> None:
            try:
                conversation.hold(first, requests)
            finally:
                with self._lock:
                    self._conversations.discard(conversation)

        try:
            Thread(target=hold, daemon=True).start()
        except RuntimeError:  # the system has no more threads: the client tries again
            with self._lock:
                self._conversations.discard(conversation)
            connection.close()

    def _trouble_with(self, said: dict[str, Any]) -> RotoError | None:
        if said.get("do") != "hello":
            return ProtocolError("the first request must be hello")
        # not every string of JSON is one of UTF-8
        token = str(said.get("token", "")).encode("utf-8", "surrogatepass")
        if not secrets.compare_digest(token, self._token.encode()):
            return ProtocolError(
                "the token is wrong: read it from the engine's file in the run folder"
            )
        if said.get("protocol") != PROTOCOL:
            return ProtocolError(
                f"this engine ({__version__}) speaks protocol {PROTOCOL}, the host's plug-in "
                f"{said.get('protocol')}: install the plug-in of the same rde-roto, or stop this "
                "engine with rde-roto serve --stop"
            )
        return None

    def _crowd(self) -> RotoError | None:
        """Makes room for one more: the connection that has been idle longest ends, which its client
        opens anew when it has something to ask.
        """
        there = self._there()
        if len(there) < self._most:
            return None
        idle = [(since_s, c) for c in there if (since_s := c.idle_since_s) is not None]
        if not idle:
            return UsageError(
                f"the engine is answering {len(there)} connections already: try again in a moment"
            )
        _, longest = min(idle, key=lambda one: one[0])
        with self._lock:
            self._conversations.discard(longest)
        longest.end()
        return None

    def _there(self) -> list[Conversation]:
        with self._lock:
            return list(self._conversations)

    def _sign(self, requests: Requests) -> None:
        """Once a second, tells those who wait that the engine lives, and how far it is."""
        now_s = self._clock()
        if now_s - self._last_signed_s < _SIGNS_EVERY_S:
            return
        self._last_signed_s = now_s
        self._log.keep_small()
        for conversation in self._there():
            conversation.sign(requests.engine.steps)


def _is_own(connection: socket.socket) -> bool:
    """Whether a process of the same user connects, where the system says so."""
    if connection.family == socket.AF_INET or not hasattr(socket, "SO_PEERCRED"):
        return True
    kind = struct.Struct("3i")
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, kind.size)
    _, user, _ = kind.unpack(peer)
    return bool(user == os.getuid())
