"""The connection of a host that has sent its hello. A thread answers one request after the
other.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Any

from rde_roto.doors.console import print_line, print_traceback
from rde_roto.doors.hosts.errors import error_object
from rde_roto.doors.server.request_types import MOST_PIXEL_BYTES
from rde_roto.doors.server.requests import Requests
from rde_roto.doors.server.tickets import Host
from rde_roto.values.errors import UnexpectedError, shown_error
from rde_roto_client.wire import MEMORY, STREAM, Message, Wire, WireError, is_open

_MESSAGE_WITHIN_S = 60.0


class HostConnection:
    """One host's connection.

    Args:
        connection: a blocking socket.
        hello: the host's first message, which was accepted.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        connection: socket.socket,
        hello: dict[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._until_s = math.inf
        self._sending = Lock()
        self._waiting_id: Hashable = None
        self._takes_heartbeats = hello.get("signs") is True
        is_local = connection.family != socket.AF_INET
        pixels = MEMORY if is_local and hello.get("pixels") == MEMORY else STREAM
        self._wire = Wire(connection, pixels, waits=self._check_time)
        process = hello.get("process")
        known = process if isinstance(process, int) else connection
        self._host = Host(known, lambda: is_open(connection))
        self.idle_since_s: float | None = clock()
        """When the last request ended; None during one."""

    def serve(self, first: dict[str, Any], requests: Requests) -> None:
        """Send the reply to the hello, and answer requests until the host or the engine closes."""
        try:
            self._send(first)
            while self._wire.wait():
                self.idle_since_s = None
                self._until_s = self._clock() + _MESSAGE_WITHIN_S
                message = self._wire.receive(MOST_PIXEL_BYTES)
                if message is None:
                    return
                self._answer(requests, message)
                self.idle_since_s = self._clock()
        except WireError as error:
            print_line(f"a connection ends: {error}")
        finally:
            with self._sending:
                self._connection.close()

    def send_heartbeat(self, steps: int) -> None:
        """Send a heartbeat to a host that waits, at once or not at all.

        `steps` is the number of steps that the device has done.
        """
        if not self._takes_heartbeats or not self._sending.acquire(blocking=False):
            return
        try:
            number = self._waiting_id
            if number is not None and not self._wire.send_at_once({"id": number, "sign": steps}):
                self.close()
        finally:
            self._sending.release()

    def close(self) -> None:
        """Shut the connection down. `serve` returns, and what the host waits for is cancelled."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, requests: Requests, message: Message) -> None:
        fields = dict(message.object)
        number, do = fields.pop("id", None), fields.pop("do", None)
        pixels = None if message.pixels is None else bytes(message.pixels)
        self._waiting_id = number
        try:
            answer = requests.answer(self._host, do, fields, pixels)
        except Exception as error:  # a bug of ours must not end the engine for everybody
            if isinstance(shown_error(error), UnexpectedError):
                print_traceback()
            self._send({"id": number, "error": error_object(error)})
        else:
            self._send({"id": number, "ok": True, **answer.object}, answer.pixels)

    def _send(self, message: dict[str, Any], pixels: Any = None) -> None:
        with self._sending:
            self._waiting_id = None
            self._until_s = self._clock() + _MESSAGE_WITHIN_S
            self._wire.send(message, pixels)

    def _check_time(self, _silent_s: float) -> None:
        if self._clock() > self._until_s:
            raise WireError(f"a message took longer than {_MESSAGE_WITHIN_S:g} s")
