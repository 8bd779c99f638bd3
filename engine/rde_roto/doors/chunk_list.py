"""A list of frame ranges, one a line: the chunks of a farm that knows its tasks by number alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rde_roto.values.errors import UsageError
from rde_roto.values.regular_files import read_regular_text

_MOST_BYTES: Final = 16 << 20


def line_of(text: str) -> str:
    """The range in a line of a list, which ``FILE:N`` names; lines are counted from 1.

    Raises UsageError when there is no such file or line.
    """
    name, _, number = text.rpartition(":")
    try:
        lines = read_regular_text(Path(name), _MOST_BYTES).splitlines()
        place = int(number) - 1
    except (OSError, ValueError):
        lines, place = [], 0
    if not 0 <= place < len(lines):
        raise UsageError(f"--chunk {text}: expected FILE:N, N a line of that file, from 1 on")
    return lines[place]
