"""The engine's connections: each has a thread, which answers one request after the other."""

from __future__ import annotations

import os
import secrets
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any

from rde_roto import __version__
from rde_roto.doors.server.errors import ProtocolError, error_object
from rde_roto.doors.server.requests import MOST_PIXEL_BYTES, Host, Requests
from rde_roto.values.errors import RotoError
from rde_roto_client.wire import MEMORY, PROTOCOL, STREAM, Message, Wire, WireError

_MOST_CONNECTIONS = 64
_GREETS_WITHIN_S = 10.0
_LOOKS_AGAIN_S = 0.25


class Server:
    """Answers whoever connects, until it is stopped or nobody has asked for a while.

    Args:
        token: what a client must say; "" for none.
        device: the name of the network's, for `hello`.
        idle_s: seconds without a connection or a job after which it ends.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        token: str,
        device: str,
        idle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._device = device
        self._idle_s = idle_s
        self._clock = clock
        self._stopped = Event()
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    def stop(self) -> None:
        """Has `serve` end."""
        self._stopped.set()

    def serve(self, listener: socket.socket, requests: Requests) -> None:
        """Returns when it was stopped or is idle; open connections are closed then."""
        listener.settimeout(_LOOKS_AGAIN_S)
        last_busy = self._clock()
        try:
            while not self._stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    if self._connections or requests.jobs.running:
                        last_busy = self._clock()
                    elif self._clock() - last_busy > self._idle_s:
                        return
                else:
                    last_busy = self._clock()
                    self._welcome(connection, requests)
        finally:
            with self._lock:
                for connection in self._connections:
                    _shut(connection)

    def _welcome(self, connection: socket.socket, requests: Requests) -> None:
        with self._lock:
            if len(self._connections) >= _MOST_CONNECTIONS or not _is_own(connection):
                connection.close()
                return
            self._connections.add(connection)
        Thread(target=self._converse, args=(connection, requests), daemon=True).start()

    def _converse(self, connection: socket.socket, requests: Requests) -> None:
        try:
            wire = Wire(connection)
            host = self._greeted(wire, connection)
            while host is not None:
                message = wire.receive(MOST_PIXEL_BYTES)
                if message is None:
                    return
                self._answer(wire, host, requests, message)
        except (WireError, TimeoutError) as error:
            print(f"a connection ends: {error}", flush=True)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _greeted(self, wire: Wire, connection: socket.socket) -> Host | None:
        """Who it is; None for somebody who has nothing to ask here."""
        connection.settimeout(_GREETS_WITHIN_S)
        message = wire.receive(0)
        if message is None:
            return None
        said = message.object
        trouble = self._trouble_with(said)
        if trouble is not None:
            wire.send({"id": said.get("id"), "error": error_object(ProtocolError(trouble))})
            return None
        connection.settimeout(None)
        is_local = connection.family != socket.AF_INET
        wire.pixels = MEMORY if is_local and said.get("pixels") == MEMORY else STREAM
        hello = {"protocol": PROTOCOL, "engine": __version__, "device": self._device}
        wire.send({"id": said.get("id"), "ok": True, **hello, "pid": os.getpid()})
        process = said.get("process")
        known = process if isinstance(process, int) else connection
        return Host(known, lambda: _is_open(connection))

    def _trouble_with(self, said: dict[str, Any]) -> str | None:
        if said.get("do") != "hello":
            return "the first request must be hello"
        if not secrets.compare_digest(str(said.get("token", "")).encode(), self._token.encode()):
            return "the token is wrong: read it from the engine's file in the run folder"
        if said.get("protocol") != PROTOCOL:
            return (
                f"this engine ({__version__}) speaks protocol {PROTOCOL}, the host's plug-in "
                f"{said.get('protocol')}: install the plug-in of the same rde-roto, or stop this "
                "engine with rde-roto serve --stop"
            )
        return None

    def _answer(self, wire: Wire, host: Host, requests: Requests, message: Message) -> None:
        said = dict(message.object)
        number, do = said.pop("id", None), said.pop("do", None)
        pixels = message.pixels
        try:
            given = None if pixels is None else bytes(pixels)
            answer = requests.answer(host, do, said, given)
        except RotoError as error:
            wire.send({"id": number, "error": error_object(error)})
        except Exception as error:  # a bug of ours shall not end the engine for everybody
            traceback.print_exc(file=sys.stderr)
            wire.send({"id": number, "error": error_object(error)})
        else:
            wire.send({"id": number, "ok": True, **answer.object}, answer.pixels)


def _is_open(connection: socket.socket) -> bool:
    """Whether the other end is there; a request that waits already counts as being there."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _is_own(connection: socket.socket) -> bool:
    """Whether a process of the same user connects, where the system says so."""
    if connection.family == socket.AF_INET or not hasattr(socket, "SO_PEERCRED"):
        return True
    kind = struct.Struct("3i")
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, kind.size)
    _, user, _ = kind.unpack(peer)
    return bool(user == os.getuid())


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
