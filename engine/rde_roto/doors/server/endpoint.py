"""The place where an engine is found: one a user and device."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rde_roto.alone import TakenError, alone
from rde_roto.atomic import write_text
from rde_roto_client.places import endpoint_file, read_endpoint
from rde_roto_client.wire import PROTOCOL

_LONGEST_SOCKET_PATH = 100  # of 104 or 108 bytes, as the system has it
_WAITING = 128

__all__ = ["TakenError", "listening"]


@contextmanager
def listening(device: str, tcp: bool = False) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket, and the token that a client over TCP must say; "" on a Unix socket.

    Its place is written down for clients, and forgotten at the end. A Unix socket where there are
    any, loopback TCP else, or with `tcp`. Raises TakenError where another engine of this user and
    device is there already; OSError when nobody can listen.
    """
    place = Path(endpoint_file(device))
    with alone(place.with_suffix(".lock")):
        path = place.with_suffix(".sock")
        by_path = hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH
        said: dict[str, object] = {"protocol": PROTOCOL, "pid": os.getpid()}
        token = ""
        if by_path and not tcp:
            with suppress(FileNotFoundError):  # of an engine that was killed
                path.unlink()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            path.chmod(0o600)
            said["unix"] = str(path)
        else:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind(("127.0.0.1", 0))
            token = secrets.token_hex(32)
            said |= {"tcp": listener.getsockname()[1], "token": token}
        with listener:
            listener.listen(_WAITING)
            write_text(place, json.dumps(said), mode=0o600)
            try:
                yield listener, token
            finally:
                for left in (place, path):
                    with suppress(OSError):
                        left.unlink()


def kill(device: str) -> None:
    """Ends the engine of this user and device at once, without asking it. What it was making is
    lost, what it has finished is not.
    """
    try:
        with alone(endpoint_file(device).with_suffix(".lock")):
            return  # there is none: the process of that number is somebody else
    except TakenError:
        endpoint = read_endpoint(device)
    if endpoint is not None and isinstance(endpoint.get("pid"), int):
        with suppress(ProcessLookupError):
            os.kill(endpoint["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
