"""Identify machines and processes, and find out whether a process still runs."""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import psutil

_CLOCK_STEP_S: Final = 5.0
"""By so much a start time may change when the system's clock is set; ids come back much later."""


@cache
def this_machine() -> str:
    """This machine's name; on Linux also what distinguishes two boots and two containers of one
    name.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def started_at(pid: int) -> float | None:
    """When a process of this machine was started, in seconds since 1970; None if that cannot be
    found out.

    With the process id it names a process for good: ids are used again.
    """
    try:
        return float(psutil.Process(pid).create_time())
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None


def is_alive(pid: int) -> bool:
    """Return whether a process of this machine still runs; true if that cannot be found out."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError, ValueError, OverflowError):
        return True


def kill(pid: int, started: float) -> bool:
    """Kill a process of this machine; return whether it was still there.

    Args:
        started: when it was started, as `started_at` said. A process that was started at another
            time is another one, and left alone.
    """
    there = started_at(pid)
    if there is None or abs(there - started) > _CLOCK_STEP_S:
        return False
    try:
        psutil.Process(pid).kill()
    except (psutil.Error, OSError):  # it has ended just now, or is another user's
        return False
    return True
