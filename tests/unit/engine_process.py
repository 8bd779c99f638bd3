"""A real engine in a process of its own, for the tests of those who ask it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rde_roto_client import Client, Matte
from rde_roto_client.places import AUTO, read_endpoint
from rde_roto_client.wire import MEMORY, PROTOCOL, Wire

SERVE = [str(Path(sys.executable).parent / "rde-roto"), "serve"]
PATIENCE_S = 60


def kill(device: str = AUTO) -> None:
    """Ends the engine at once, as a machine that runs out of memory does."""
    endpoint = read_endpoint(device)
    if endpoint is not None:
        with suppress(ProcessLookupError):
            os.kill(endpoint["pid"], signal.SIGKILL)


def connected() -> socket.socket:
    """A connection to the engine's Unix socket that has said nothing yet."""
    endpoint = read_endpoint()
    assert endpoint is not None
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    connection.connect(endpoint["unix"])
    return connection


def greeted() -> Wire:
    """A connection that has greeted, as a client of before does."""
    wire = Wire(connected(), MEMORY)
    wire.send({"do": "hello", "id": 0, "protocol": PROTOCOL, "client": "tests"})
    assert wire.receive() is not None
    return wire


def alpha_of(matte: Matte) -> NDArray[np.float32]:
    """[elements, height, width]."""
    flat = np.frombuffer(matte.pixels, np.float32)
    return flat.reshape(len(matte.elements), matte.height, matte.width)


def ended(client: Client, job: str) -> dict[str, Any]:
    """What is said of a job when it has ended."""
    end = time.monotonic() + PATIENCE_S
    while (said := client.progress(job))["state"] == "running":
        assert time.monotonic() < end
    return said
