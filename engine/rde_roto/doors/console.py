"""Print lines for people and farms. A line that cannot be written never stops a run."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from typing import TextIO

from rde_roto.values.plain_text import one_line


def print_line(line: str, to: TextIO | None = None) -> None:
    """Print one line at once, to standard output or `to`. Line breaks in names are escaped.

    Errors of the stream, such as a full disk or a closed pipe, are ignored: the exit code carries
    what matters. Characters that the stream's encoding lacks are escaped.
    """
    _write(one_line(line), to or sys.stdout)


def print_message(line: str) -> None:
    """Print a line on standard error, after the program's name."""
    print_line(f"rde-roto: {line}", sys.stderr)


def print_traceback() -> None:
    """Print the traceback of the error that is being handled on standard error."""
    _write(traceback.format_exc(), sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "ascii"
    with suppress(OSError):
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
