"""Connects to the running engine and greets it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .places import read_endpoint
from .watchdog import GREETING_TIMEOUT_S, Watchdog
from .wire import MEMORY, PROTOCOL, STREAM, Message, Object, Wire, WireError

_GREETINGS = 3  # an overloaded engine may hang up on one
_RETRY_S = 0.1


class EngineError(Exception):
    """The engine answered with an error: str() is its sentence.

    `kind` is `usage`, `document`, `input`, `lacks`, `weights`, `memory`, `output`, `cancelled`,
    `protocol` or `internal`; `code` is the exit code of the command line. With `lacks`, `frames`
    are the frames of the plate to push.
    """

    def __init__(self, sentence: str, kind: str, code: int, frames: Sequence[int] = ()) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.code = code
        self.frames = tuple(frames)


class Greeted(NamedTuple):
    """A connection whose `hello` was answered."""

    wire: Wire
    hello: Object
    watchdog: Watchdog


def greet(
    name: str, device: str, waiting: Callable[[], None], within_s: float = GREETING_TIMEOUT_S
) -> Greeted | None:
    """Connect to the running engine of a device; None if none runs.

    Raises EngineError if it refuses the greeting, StuckEngineError if it does not answer for
    `within_s`, and whatever `waiting` raises, which is called several times a second.
    """
    endpoint = read_endpoint(device)
    if endpoint is None:
        return None
    for _ in range(_GREETINGS):
        watchdog = Watchdog(endpoint.get("pid"), waiting, within_s)
        connection = _socket_to(endpoint, watchdog)
        if connection is None:
            return None
        met = _greeted(connection, name, str(endpoint.get("token", "")), watchdog)
        if met is not None:
            return met
    return None


def checked(answer: Message) -> Message:
    """The answer; raises EngineError if it is an error."""
    if answer.object.get("ok") is True:
        return answer
    error = answer.object.get("error")
    if not isinstance(error, dict):
        raise WireError("the engine's answer is none")
    kind, code = str(error.get("kind")), error.get("code")
    sentence, frames = str(error.get("sentence")), error.get("frames", ())
    raise EngineError(sentence, kind, code if isinstance(code, int) else 1, frames)


def _greeted(
    connection: socket.socket, name: str, token: str, watchdog: Watchdog
) -> Greeted | None:
    by_memory = connection.family == getattr(socket, "AF_UNIX", None)
    wire = Wire(connection, MEMORY if by_memory else STREAM, maps=True, waits=watchdog)
    hello = {"do": "hello", "id": 0, "protocol": PROTOCOL, "client": name, "token": token}
    hello.update(process=os.getpid(), pixels=wire.pixels, signs=True)
    try:
        wire.send(hello)
        answer = wire.receive()
        if answer is not None:
            return Greeted(wire, checked(answer).object, watchdog)
    except WireError:
        pass
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _socket_to(endpoint: Object, watchdog: Watchdog) -> socket.socket | None:
    """A connected socket; None if nobody listens."""
    path, port = endpoint.get("unix"), endpoint.get("tcp")
    if sys.platform != "win32" and isinstance(path, str):
        family: Any = socket.AF_UNIX
        address: Any = path
    elif isinstance(port, int):
        family, address = socket.AF_INET, ("127.0.0.1", port)
    else:
        return None
    began_s = time.monotonic()
    while True:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_RETRY_S)
            connection.connect(address)
            connection.settimeout(None)
            return connection
        except (BlockingIOError, socket.timeout):  # its queue of connections is full
            connection.close()
        except (OSError, ValueError, OverflowError):  # the latter: no address at all
            connection.close()
            return None
        watchdog(time.monotonic() - began_s)
        time.sleep(_RETRY_S)
