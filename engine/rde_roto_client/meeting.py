"""How a client meets the engine that runs: a connection, and a greeting that was answered."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rde_roto_client.patience import GREETED_WITHIN_S, Patience
from rde_roto_client.places import read_endpoint
from rde_roto_client.wire import MEMORY, PROTOCOL, STREAM, Message, Object, Wire, WireError

_GREETINGS = 3  # an engine that is stormed may hang up on one
_KNOCKS_AGAIN_S = 0.1


class EngineError(Exception):
    """The engine answered with an error: str() is its sentence.

    `kind` is `usage`, `document`, `input`, `lacks`, `weights`, `memory`, `output`, `cancelled`,
    `protocol` or `internal`, `code` what the command line would have ended with. With `lacks`
    `frames` are those of the plate that have to be pushed.
    """

    def __init__(self, sentence: str, kind: str, code: int, frames: Sequence[int] = ()) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.code = code
        self.frames = tuple(frames)


class Met(NamedTuple):
    """An engine that has answered `hello`."""

    wire: Wire
    hello: Object
    patience: Patience


def meet(
    name: str, device: str, waiting: Callable[[], None], within_s: float = GREETED_WITHIN_S
) -> Met | None:
    """The engine of a device that runs; None where none does.

    Raises EngineError when it lets nobody in, StuckEngineError when it says nothing for `within_s`,
    and what `waiting` raises, which is called some times a second.
    """
    endpoint = read_endpoint(device)
    if endpoint is None:
        return None
    for _ in range(_GREETINGS):
        patience = Patience(endpoint.get("pid"), waiting, within_s)
        connection = _socket_to(endpoint, patience)
        if connection is None:
            return None
        met = _greeted(connection, name, str(endpoint.get("token", "")), patience)
        if met is not None:
            return met
    return None


def unless_error(answer: Message) -> Message:
    """The answer; raises EngineError for one that says an error."""
    if answer.object.get("ok") is True:
        return answer
    error = answer.object.get("error")
    if not isinstance(error, dict):
        raise WireError("the engine's answer is none")
    kind, code = str(error.get("kind")), error.get("code")
    sentence, frames = str(error.get("sentence")), error.get("frames", ())
    raise EngineError(sentence, kind, code if isinstance(code, int) else 1, frames)


def _greeted(connection: socket.socket, name: str, token: str, patience: Patience) -> Met | None:
    by_memory = connection.family == getattr(socket, "AF_UNIX", None)
    wire = Wire(connection, MEMORY if by_memory else STREAM, maps=True, waits=patience)
    hello = {"do": "hello", "id": 0, "protocol": PROTOCOL, "client": name, "token": token}
    hello.update(process=os.getpid(), pixels=wire.pixels, signs=True)
    try:
        wire.send(hello)
        answer = wire.receive()
        if answer is not None:
            return Met(wire, unless_error(answer).object, patience)
    except WireError:
        pass
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _socket_to(endpoint: Object, patience: Patience) -> socket.socket | None:
    """None where nobody listens."""
    path, port = endpoint.get("unix"), endpoint.get("tcp")
    if isinstance(path, str) and hasattr(socket, "AF_UNIX"):
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
            connection.settimeout(_KNOCKS_AGAIN_S)
            connection.connect(address)
            connection.settimeout(None)
            return connection
        except (BlockingIOError, socket.timeout):  # others wait to be let in
            connection.close()
        except OSError:
            connection.close()
            return None
        patience(time.monotonic() - began_s)
        time.sleep(_KNOCKS_AGAIN_S)
