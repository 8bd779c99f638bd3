"""A hundred connections that mean no good, as a program: `hostile.py SECONDS COUNT ENDPOINT`.

Each says a byte now and then, garbage, half a hello or a wrong token, sends files along, or does
not read, and comes back when it is sent away. It paces itself: it is the engine that is tested, not
the machine's speed. At its end it says how often it came.
"""

from __future__ import annotations

import array
import json
import os
import random
import socket
import struct
import sys
import time
from contextlib import suppress
from typing import Any

ROUNDS_A_SECOND = 10
HELLO = json.dumps({"do": "hello", "protocol": 1, "id": 0, "token": "guessed"}).encode()


def connected(endpoint: dict[str, Any]) -> socket.socket | None:
    unix = endpoint.get("unix")
    family = socket.AF_UNIX if unix else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(0.02)
    try:
        connection.connect(unix or ("127.0.0.1", endpoint["tcp"]))
    except OSError:
        connection.close()
        return None
    connection.setblocking(False)
    return connection


def misbehave(connection: socket.socket, chance: random.Random, nothing: int) -> bool:
    """False when it was sent away."""
    kind = chance.randrange(6)
    head = struct.pack(">4sI", b"RDE\x01", len(HELLO))
    try:
        if kind == 0:
            connection.send(chance.randbytes(chance.randrange(1, 200)))
        elif kind == 1:
            connection.send(head + HELLO)
        elif kind == 2 and connection.family == socket.AF_UNIX:
            rights = array.array("i", [nothing] * chance.randrange(1, 60)).tobytes()
            connection.sendmsg([b"R"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        else:
            connection.send(b"R")
    except BlockingIOError:
        return True
    except OSError:
        return False
    with suppress(BlockingIOError):
        try:
            return bool(connection.recv(4096))
        except ConnectionError:
            return False
    return True


def main() -> None:
    seconds, count, endpoint = float(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    chance, nothing = random.Random(count), os.open(os.devnull, os.O_RDONLY)
    there: list[socket.socket | None] = [None] * count
    came, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for place, connection in enumerate(there):
            if connection is None:
                there[place] = connected(endpoint)
                came += there[place] is not None
            elif not misbehave(connection, chance, nothing):
                connection.close()
                there[place] = None
        time.sleep(1 / ROUNDS_A_SECOND)
    print(came)


if __name__ == "__main__":
    main()
