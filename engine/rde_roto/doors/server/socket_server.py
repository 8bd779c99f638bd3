"""Accept connections to the engine: which ones, how many at once, and how long each may take."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import Any, Final

from rde_roto import __version__
from rde_roto.doors.console import print_traceback
from rde_roto.doors.hosts.errors import ProtocolError, error_object
from rde_roto.doors.server.endpoint import Log
from rde_roto.doors.server.host_connection import HostConnection
from rde_roto.doors.server.pending_connections import MOST_PENDING, PendingConnections
from rde_roto.doors.server.requests import Requests
from rde_roto.values.errors import RotoError, UsageError
from rde_roto.values.processes import started_at
from rde_roto_client.wire import MOST_DESCRIPTORS, PROTOCOL, Wire, WireError

_POLLS_EVERY_S = 0.25
_HEARTBEAT_EVERY_S = 1.0
_RETRIES_AFTER_S = 0.1

_TOO_MANY_FILES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Server:
    """Answer hosts until stopped, or until nobody has asked for a while.

    Args:
        token: what a client must send; "" for none.
        device: name of the network's device, for `hello`.
        idle_s: seconds without a connection or a job after which the server ends.
        log: the engine's log, to be kept small.
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
        self._started = started_at(os.getpid())  # once: it moves when the system's clock is set
        self._stopped = Event()
        self._last_heartbeat_s = clock()
        self._most = _most_connections()
        self._lock = Lock()
        self._connections: set[HostConnection] = set()

    def stop(self) -> None:
        """Have `serve` return."""
        self._stopped.set()

    def serve(self, listener: socket.socket, requests: Requests) -> None:
        """Serve until stopped or idle. Open connections are then closed."""
        listener.setblocking(False)
        last_busy_s = self._clock()
        with DefaultSelector() as selector:
            pending = PendingConnections(selector, self._clock)
            selector.register(listener, EVENT_READ)
            try:
                while not self._stopped.is_set():
                    ready = selector.select(_POLLS_EVERY_S)
                    for connection in (key.fileobj for key, _ in ready):
                        assert isinstance(connection, socket.socket)
                        if connection is listener:
                            self._accept(listener, pending)
                        elif (hello := pending.receive_hello(connection)) is not None:
                            self._accept_hello(connection, hello, requests)
                    pending.drop_late()
                    self._send_heartbeats(requests)
                    if self._connections or requests.jobs.running:
                        last_busy_s = self._clock()
                    elif self._clock() - last_busy_s > self._idle_s:
                        return
            finally:
                pending.close()
                for host in self._open_connections():
                    host.close()

    def _accept(self, listener: socket.socket, pending: PendingConnections) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in _TOO_MANY_FILES:  # the client waits until some are free
                self._stopped.wait(_RETRIES_AFTER_S)
            return  # otherwise the client has gone already
        if _is_own(connection):
            pending.add(connection)
        else:
            connection.close()

    def _accept_hello(
        self, connection: socket.socket, hello: dict[str, Any], requests: Requests
    ) -> None:
        try:
            self._welcome(connection, hello, requests)
        except Exception:  # a bug of ours must not end the engine for everybody
            print_traceback()
            connection.close()

    def _welcome(
        self, connection: socket.socket, hello: dict[str, Any], requests: Requests
    ) -> None:
        number = hello.get("id")
        error = self._error_in(hello) or self._make_room()
        if error is not None:
            with suppress(WireError):  # the send buffer is still empty: this never blocks
                Wire(connection).send({"id": number, "error": error_object(error)})
            connection.close()
            return
        first = {"protocol": PROTOCOL, "engine": __version__, "device": self._device}
        first |= {"id": number, "ok": True, "signs": _HEARTBEAT_EVERY_S}
        first |= {"pid": os.getpid(), "started": self._started}
        host = HostConnection(connection, hello, self._clock)
        with self._lock:
            self._connections.add(host)

        def hold() -> None:
            try:
                host.serve(first, requests)
            finally:
                with self._lock:
                    self._connections.discard(host)

        try:
            Thread(target=hold, daemon=True).start()
        except RuntimeError:  # the system has no more threads: the client tries again
            with self._lock:
                self._connections.discard(host)
            connection.close()

    def _error_in(self, hello: dict[str, Any]) -> RotoError | None:
        if hello.get("do") != "hello":
            return ProtocolError("the first request must be hello")
        # JSON strings may hold surrogates, which UTF-8 does not encode
        token = str(hello.get("token", "")).encode("utf-8", "surrogatepass")
        if not secrets.compare_digest(token, self._token.encode()):
            return ProtocolError(
                "the token is wrong: read it from the engine's file in the run folder"
            )
        if hello.get("protocol") != PROTOCOL:
            return ProtocolError(
                f"this engine ({__version__}) speaks protocol {PROTOCOL}, the host's plug-in "
                f"{hello.get('protocol')}: install the plug-in of the same rde-roto, or stop this "
                "engine with rde-roto serve --stop"
            )
        return None

    def _make_room(self) -> RotoError | None:
        """Make room for one more connection by closing the one that has been idle longest.

        Its client reconnects when it has a request. Returns an error if none is idle.
        """
        there = self._open_connections()
        if len(there) < self._most:
            return None
        idle = [(since_s, c) for c in there if (since_s := c.idle_since_s) is not None]
        if not idle:
            return UsageError(
                f"the engine is answering {len(there)} connections already: try again in a moment"
            )
        _, longest = min(idle, key=lambda one: one[0])
        with self._lock:
            self._connections.discard(longest)
        longest.close()
        return None

    def _open_connections(self) -> list[HostConnection]:
        with self._lock:
            return list(self._connections)

    def _send_heartbeats(self, requests: Requests) -> None:
        """Once a second, send a heartbeat with the device's progress to the hosts that wait."""
        now_s = self._clock()
        if now_s - self._last_heartbeat_s < _HEARTBEAT_EVERY_S:
            return
        self._last_heartbeat_s = now_s
        self._log.truncate()
        for host in self._open_connections():
            host.send_heartbeat(requests.engine.steps)


def _is_own(connection: socket.socket) -> bool:
    """Whether the connecting process belongs to the same user, where the system can tell."""
    if sys.platform != "linux" or connection.family == socket.AF_INET:
        return True
    kind = struct.Struct("3i")
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, kind.size)
    _, user, _ = kind.unpack(peer)
    return bool(user == os.getuid())


_WANTED = 4096
_MOST_CONNECTIONS, _LEAST_CONNECTIONS = 64, 4
_FOR_THE_ENGINE = 128
"""File descriptors of the network's libraries, the cache, and the plates that are read."""
_EACH = 1 + MOST_DESCRIPTORS + 3
"""For one connection: a socket, what comes with a message, an answer's pixels, an open image."""


def _most_connections() -> int:
    """Return how many connections there may be at once without running out of file descriptors.

    The process's limit is raised first, if the system allows it.
    """
    if sys.platform == "win32":
        return _MOST_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _WANTED:
        wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    room = (soft - _FOR_THE_ENGINE - MOST_PENDING) // _EACH
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, room))
