"""Identify machines and processes, and find out whether a process still runs."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import psutil

_CLOCK_STEP_S: Final = 5.0
"""By so much a start time may change when the system's clock is set; ids come back much later."""
_TICK_S: Final = 0.005
"""Half of the steps in which Linux counts the time since it was booted."""


class Start(NamedTuple):
    """When a process was started. With its id that names it for good: ids are used again.

    `since_boot_s` is known on Linux. Setting the system's clock does not change it, while it moves
    `since_1970_s` there.
    """

    since_1970_s: float
    since_boot_s: float | None = None

    def is_same(self, other: Start) -> bool:
        """Whether both may be of one process."""
        if self.since_boot_s is not None and other.since_boot_s is not None:
            return abs(self.since_boot_s - other.since_boot_s) < _TICK_S
        return abs(self.since_1970_s - other.since_1970_s) <= _CLOCK_STEP_S


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
    """
    start = start_of(pid)
    return None if start is None else start.since_1970_s


def start_of(pid: int) -> Start | None:
    """When a process of this machine was started; None if that cannot be found out."""
    try:
        return Start(float(psutil.Process(pid).create_time()), _since_boot(pid))
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None


def _since_boot(pid: int) -> float | None:
    """The field `starttime` of proc(5), in seconds; None on other systems."""
    if sys.platform != "linux":
        return None
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    behind_name = text.rpartition(")")[2].split()  # begins with the third field
    return int(behind_name[19]) / os.sysconf("SC_CLK_TCK")


def is_alive(pid: int) -> bool:
    """Return whether a process of this machine still runs; true if that cannot be found out."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError, ValueError, OverflowError):
        return True


def kill(pid: int, start: Start) -> bool:
    """Kill a process of this machine; return whether it was still there.

    Args:
        start: when it was started, as `start_of` said. A process that was started at another time
            is another one, and left alone.
    """
    there = start_of(pid)
    if there is None or not there.is_same(start):
        return False
    try:
        psutil.Process(pid).kill()
    except (psutil.Error, OSError):  # it has ended just now, or is another user's
        return False
    return True
