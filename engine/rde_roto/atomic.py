"""The one way in which files are written: under their final name only when they are whole.

A file is written under a hidden name in its folder, flushed to the disk, checked, and renamed. A
full disk, a quota and a network share tell of their trouble at any of these steps, the closing of
the file among them. Whichever it is, the final name keeps what it had before.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rde_roto.values.errors import InputError, OutputError

_LITTLE_SPACE_BYTES = 64 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NAME_LENGTH: Final = 48
_TEMPORARY: Final = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `replacing` has not finished."""
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def replacing(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """A hidden name beside `path` to write a file under, for a writer that wants a name.

    When the block ends well the file is flushed to the disk, checked and renamed. The folder is
    made when it is missing.

    Args:
        check: reads the file back. A writer that hides an error, or does not see that of closing
            the file, needs one. It raises InputError when the file is not whole.

    Raises OutputError when any of this fails; nothing half-done stays.
    """
    with _renamed(path) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if check is not None:
            try:
                check(temporary)
            except InputError as error:
                raise OSError(f"what was written is not what is there: {error}") from error
    _sync_folder(path)


def write_bytes(path: Path, data: bytes, *, mode: int | None = None, synced: bool = True) -> None:
    """Writes a file whole or not at all. The folder is made when it is missing.

    Args:
        mode: its permissions, from the first byte on; those of any new file of this user when left
            out.
        synced: whether to wait until the disk has it. False is for what can be made again and
            tells by itself whether it is whole, as an entry of the cache does.

    Raises OutputError.
    """
    with _renamed(path) as temporary:
        _write(temporary, data, mode, synced)
    if synced:
        _sync_folder(path)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Writes a text in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode(), mode=mode)


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    # no longer than the final name may be, which is 255 bytes
    temporary = path.with_name(f".{path.name[:_NAME_LENGTH]}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_trouble(error, path.parent)}") from error
    finally:
        with suppress(OSError):  # there is nothing left to remove, the good case
            temporary.unlink()


def _write(path: Path, data: bytes, mode: int | None, synced: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    made = os.open(path, flags, 0o666 if mode is None else mode)
    with open(made, "wb", buffering=0) as file:  # noqa: PTH123
        if mode is not None:
            path.chmod(mode)  # whatever the umask has left of it
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        if synced:
            os.fsync(made)
        size = os.fstat(made).st_size
    if size != len(data):
        raise OSError(errno.EIO, f"{size} of {len(data)} bytes have arrived")


def _sync_folder(path: Path) -> None:
    """Asks the disk to keep the new name too; not every system can be asked."""
    if os.name != "posix":
        return
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _trouble(error: OSError, folder: Path) -> str:
    reason = error.strerror or str(error)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return reason
    if error.errno in _FULL or free < _LITTLE_SPACE_BYTES:
        return f"{reason} (the disk has {free / 1e6:.1f} MB left)"
    return reason
