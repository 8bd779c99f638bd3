"""The lines that a run says on its way, which are never a reason to stop it."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from typing import TextIO

from rde_roto.values.plain_text import one_line


def say(line: str, to: TextIO | None = None) -> None:
    """Says a line at once, on standard output or elsewhere, on one line whatever names it holds.

    A disk that is full and a reader that has gone lose it: what matters is told by the exit code
    too. What the stream's encoding lacks comes as escapes.
    """
    _write(one_line(line), to or sys.stdout)


def say_aside(line: str) -> None:
    """As `say`, on standard error, under the program's name."""
    say(f"rde-roto: {line}", sys.stderr)


def say_bug() -> None:
    """Says on standard error where the error came from that is being handled."""
    _write(traceback.format_exc(), sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "ascii"
    with suppress(OSError):
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
