"""A real engine in a process of its own, for the tests of those who ask it."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rde_roto_client import Client, Matte
from rde_roto_client.places import AUTO, read_endpoint

SERVE = [str(Path(sys.executable).parent / "rde-roto"), "serve"]
PATIENCE_S = 60


def kill(device: str = AUTO) -> None:
    """Ends the engine at once, as a machine that runs out of memory does."""
    endpoint = read_endpoint(device)
    if endpoint is not None:
        with suppress(ProcessLookupError):
            os.kill(endpoint["pid"], signal.SIGKILL)


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
