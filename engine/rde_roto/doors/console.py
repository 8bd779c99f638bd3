"""Print lines for people and farms. What cannot be written never stops a run."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from rde_roto.values.errors import RotoError
from rde_roto.values.plain_text import one_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_OPTIONS: Final = {
    "elements": "--keyframe FRAME:NAMES=MASK",
    "mask_as": "--mask-as",
    "model": "--model",
    "overrides": "--set KEY=VALUE",
    "plate.color_space": "--color-space",
    "plate.layer": "--layer",
    "plate.missing": "--missing",
    "plate.view": "--view",
    "range": "--frames",
}
"""The options that set, of `propagate` and others, what a shot document sets by its keys."""
_PLACES: Final = {
    "learned": "rde-roto shot learn SHOT --forget",
    **{key: f"{option}, or {key} in a shot document" for key, option in _OPTIONS.items()},
}


def print_line(line: str, to: TextIO | None = None) -> None:
    """Print one line at once, to standard output or `to`. Line breaks in names are escaped."""
    print(one_line(line), file=to or sys.stdout, flush=True)


def print_lines(text: str) -> None:
    """Print each line of a text as `print_line` does."""
    for line in text.splitlines():
        print_line(line)


def print_message(line: str) -> None:
    """Print a line on standard error, after the program's name."""
    print_line(f"rde-roto: {line}", sys.stderr)


def print_error(error: RotoError) -> None:
    """Print an error on standard error, with the options that set what it advises."""
    print_message(with_options(error))


def with_options(error: RotoError) -> str:
    """Return an error's sentence with the options that set what it advises."""
    return error.worded(_PLACES)


def print_traceback() -> None:
    """Print the traceback of the error that is being handled on standard error."""
    print(traceback.format_exc(), file=sys.stderr, flush=True)


@contextmanager
def robust_output() -> Iterator[None]:
    """Have nothing that is printed meanwhile raise an error, whoever prints it.

    Errors of a file or pipe, such as a full disk or a reader that is gone, are ignored, and so is
    one that was closed before the program began: the exit code carries what matters. What a disk
    that is full for a while has no room for is lost. Characters that the encoding lacks are
    escaped.
    """
    with redirect_stdout(_robust(sys.stdout)), redirect_stderr(_robust(sys.stderr)):
        yield


class _RobustFile(io.FileIO):
    """A file to which nothing fails to be written: all of it is, or what cannot be is lost.

    No buffer lies before it: the handler of a signal may print in the middle of a line that is
    being written, which a buffer refuses.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        with suppress(OSError):
            while left:
                written = super().write(left)
                if written is None:  # a pipe that is full and does not wait
                    break
                left = left[written:]
        return memoryview(data).nbytes


def _robust(stream: TextIO | None) -> TextIO:
    """Return a stream to the same file. A terminal, or what a test reads, is returned as it is."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")  # no matte gets the number of an output
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")
    try:
        file = stream.fileno()
    except OSError:  # it has none
        return stream
    if stream.isatty():
        return stream
    stream.flush()
    robust = _RobustFile(file, "w", closefd=False)
    return io.TextIOWrapper(robust, stream.encoding, "backslashreplace", write_through=True)
