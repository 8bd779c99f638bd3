"""Opens files that others have named only if they are regular files of a sane size.

A named pipe blocks whoever opens it, a device may react to it or never end, and a file may have
terabytes. `stat` detects all of these, and they are refused before they are opened.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

PICTURE_BYTES: Final = 16 << 30
"""The largest picture: some 200 layers of 4K in float, uncompressed."""

MOVIE_BYTES: Final = 16 << 40
"""The largest movie."""

_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_LEAST_BYTES: Final = 1 << 16  # to read at once
_NEVER_WAITS: Final = getattr(os, "O_NONBLOCK", 0)  # /proc has regular files that block readers
_BINARY: Final = getattr(os, "O_BINARY", 0)


def check_regular(path: Path, most_bytes: int) -> int:
    """Check that a path is a regular file of at most `most_bytes`; returns its size.

    Links are followed. Raises OSError for anything else; its `strerror` is a reason for people.
    """
    try:
        found = path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name holds a null character") from error
    _check(found, most_bytes)
    return found.st_size


def open_regular(path: Path, most_bytes: int) -> io.FileIO:
    """Open a file for reading, unbuffered, unless `check_regular` refuses it. Raises OSError."""
    check_regular(path, most_bytes)
    return io.FileIO(str(path), "rb", opener=_opener(most_bytes))


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read the bytes of a file, unless `check_regular` refuses it. Raises OSError."""
    with open_regular(path, most_bytes) as file:
        found = b""
        # memory is taken for all that is asked for; some files, as of /proc, claim to be empty
        at_once = max(os.fstat(file.fileno()).st_size + 1, _LEAST_BYTES)
        while piece := file.read(min(at_once, most_bytes + 1 - len(found))):
            found += piece
    if len(found) > most_bytes:
        raise _too_large(most_bytes)
    return found


def read_head(path: Path, count: int, most_bytes: int) -> bytes:
    """Read up to `count` first bytes of a file, unless `check_regular` refuses it.

    Raises OSError.
    """
    with open_regular(path, most_bytes) as file:
        return file.read(count) or b""  # None if the read would block


def read_regular_text(path: Path, most_bytes: int, encoding: str = "utf-8") -> str:
    """Read the text of a file, with lines ending in `\\n`, unless `check_regular` refuses it.

    Raises OSError, UnicodeDecodeError.
    """
    return io.TextIOWrapper(io.BytesIO(read_regular(path, most_bytes)), encoding).read()


def _opener(most_bytes: int) -> Callable[[str, int], int]:
    def opened(path: str, flags: int) -> int:
        descriptor = os.open(path, flags | _NEVER_WAITS | _BINARY)
        try:
            _check(os.fstat(descriptor), most_bytes)  # the file may have been replaced
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    return opened


def _check(found: os.stat_result, most_bytes: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    for is_kind, name in _KINDS:
        if is_kind(found.st_mode):
            raise OSError(errno.EINVAL, f"it is {name}, not a file")
    if found.st_size > most_bytes:
        raise _too_large(most_bytes)


def _too_large(most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {_in_units(most_bytes)}")


def _in_units(count: int) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count} TB"
