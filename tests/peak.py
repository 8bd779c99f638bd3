"""How much memory this process has held at most, since it was started as what it is.

`getrusage` would also count what the process held that started it: a large test run, say.
"""

from __future__ import annotations

from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """The peak of the resident memory; Linux only."""
    (line,) = (text for text in STATUS.read_text().splitlines() if text.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
