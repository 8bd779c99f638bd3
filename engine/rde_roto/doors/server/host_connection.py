"""A connection whose host has greeted: a thread answers one request after the other."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Any

from rde_roto.doors.console import say, say_bug
from rde_roto.doors.server.errors import error_object
from rde_roto.doors.server.requests import MOST_PIXEL_BYTES, Host, Requests
from rde_roto.values.errors import RotoError
from rde_roto_client.wire import MEMORY, STREAM, Message, Wire, WireError

_MESSAGE_WITHIN_S = 60.0


class Conversation:
    """One host's connection.

    Args:
        connection: a blocking socket.
        hello: what the host has said, and was found right.
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
        self._signed: Hashable = None
        self._takes_signs = hello.get("signs") is True
        is_local = connection.family != socket.AF_INET
        pixels = MEMORY if is_local and hello.get("pixels") == MEMORY else STREAM
        self._wire = Wire(connection, pixels, waits=self._check_time)
        process = hello.get("process")
        known = process if isinstance(process, int) else connection
        self._host = Host(known, lambda: _is_open(connection))
        self.idle_since_s: float | None = clock()
        """Since when nothing is asked; None while something is."""

    def hold(self, first: dict[str, Any], requests: Requests) -> None:
        """Sends a first message, and answers requests until the host or the engine ends it."""
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
            say(f"a connection ends: {error}")
        finally:
            with self._sending:
                self._connection.close()

    def sign(self, steps: int) -> None:
        """Tells a host that waits how many steps the device has done; at once or not at all."""
        if not self._takes_signs or not self._sending.acquire(blocking=False):
            return
        try:
            number = self._signed
            if number is not None and not self._wire.send_at_once({"id": number, "sign": steps}):
                self.end()  # it has not read hundreds of them
        finally:
            self._sending.release()

    def end(self) -> None:
        """Has `hold` return; what the host waits for is cancelled."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, requests: Requests, message: Message) -> None:
        said = dict(message.object)
        number, do = said.pop("id", None), said.pop("do", None)
        given = None if message.pixels is None else bytes(message.pixels)
        self._signed = number
        try:
            answer = requests.answer(self._host, do, said, given)
        except RotoError as error:
            self._send({"id": number, "error": error_object(error)})
        except Exception as error:  # a bug of ours shall not end the engine for everybody
            say_bug()
            self._send({"id": number, "error": error_object(error)})
        else:
            self._send({"id": number, "ok": True, **answer.object}, answer.pixels)

    def _send(self, message: dict[str, Any], pixels: Any = None) -> None:
        with self._sending:
            self._signed = None
            self._until_s = self._clock() + _MESSAGE_WITHIN_S
            self._wire.send(message, pixels)

    def _check_time(self, _silent_s: float) -> None:
        if self._clock() > self._until_s:
            raise WireError(f"a message took longer than {_MESSAGE_WITHIN_S:g} s")


def _is_open(connection: socket.socket) -> bool:
    """Whether the other end is there; a request that waits already counts as being there."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False
