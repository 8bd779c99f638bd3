"""A real engine in a process of its own, for the tests of those who ask it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rde_roto_client.places import read_endpoint

SERVE = [str(Path(sys.executable).parent / "rde-roto"), "serve"]


def kill() -> None:
    """Ends the engine at once, as a machine that runs out of memory does."""
    endpoint = read_endpoint()
    if endpoint is not None:
        with suppress(ProcessLookupError):
            os.kill(endpoint["pid"], signal.SIGKILL)
