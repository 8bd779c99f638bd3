"""The one way in which files are written: under their final name only when they are whole.

A file is written under a hidden name in its folder, flushed to the disk, checked, and renamed. A
full disk, a quota and a network share tell of their trouble at any of these steps, the closing of
the file among them. Whichever it is, the final name keeps what it had before.

Names are texts here, since pathlib interns every part of a path, some Pythons for ever, and each
file of a long shot has a hidden name of its own.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rde_roto.values.errors import InputError, OutputError
from rde_roto.values.processes import is_alive, this_machine

_LITTLE_SPACE_BYTES = 64 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NAME_LENGTH: Final = 48
_TEMPORARY: Final = re.compile(
    r"\.(?P<name>.+)\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)\.[0-9a-f]{8}\.tmp"
)
_LEFT_OVER_AFTER_S: Final = 86400.0
"""Of another machine's processes nobody here can tell whether they live."""


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `replacing` has not finished."""
    return _TEMPORARY.fullmatch(name) is not None


def clear_left_over(targets: Iterable[Path]) -> None:
    """Removes what killed processes left half-written of these files, and nothing else.

    What a process writes that lives, or may live on another machine, stays.
    """
    left: dict[Path, dict[str, list[Path]]] = {}
    for target in targets:
        folder = target.parent
        if folder not in left:
            left[folder] = _left_in(folder)
        for path in left[folder].pop(target.name[:_NAME_LENGTH], ()):
            with suppress(OSError):
                path.unlink()


def _left_in(folder: Path) -> dict[str, list[Path]]:
    """What killed processes left half-written in a folder, by the beginning of the final name."""
    found: dict[str, list[Path]] = {}
    with suppress(OSError):
        matches = [match for name in os.listdir(folder) if (match := _TEMPORARY.fullmatch(name))]
        before = time_in(folder) - _LEFT_OVER_AFTER_S if matches else 0.0
        for match in matches:
            path = folder / match.string
            if _is_left(path, match, before):
                found.setdefault(match["name"], []).append(path)
    return found


def time_in(folder: Path) -> float:
    """The time by the clock that dates a folder's files, of whichever machine that is.

    Raises OSError when nothing can be written there.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"now")
        file.flush()
        return os.fstat(file.fileno()).st_mtime


def _is_left(path: Path, match: re.Match[str], before: float) -> bool:
    is_near = match["machine"] == _machine()
    with suppress(OSError):  # it has just been renamed
        return (is_near and not is_alive(int(match["pid"]))) or path.lstat().st_mtime < before
    return False


def _machine() -> str:
    return hashlib.sha256(this_machine().encode()).hexdigest()[:8]


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
    with _renamed(path) as name:
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if check is not None:
            try:
                check(temporary)
            except InputError as error:
                raise OSError(f"what was written is not what is there: {error}") from error
    _sync_folder(path)


def write_bytes(
    path: Path | str, data: bytes, *, mode: int | None = None, synced: bool = True
) -> None:
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
def _renamed(path: Path | str) -> Iterator[str]:
    folder, name = os.path.split(path)
    # no longer than the final name may be, which is 255 bytes
    hidden = f".{name[:_NAME_LENGTH]}.{_machine()}-{os.getpid()}.{secrets.token_hex(4)}.tmp"
    temporary = os.path.join(folder, hidden)
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        told = os.path.join(folder, _final_name(name))
        raise OutputError(f"cannot write {told}: {_trouble(error, folder)}") from error
    finally:
        with suppress(OSError):  # there is nothing left to remove, the good case
            os.unlink(temporary)


def _write(path: str, data: bytes, mode: int | None, synced: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    made = os.open(path, flags, 0o666 if mode is None else mode)
    with open(made, "wb", buffering=0) as file:
        if mode is not None:
            os.chmod(path, mode)  # whatever the umask has left of it
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        if synced:
            os.fsync(made)
        size = os.fstat(made).st_size
    if size != len(data):
        raise OSError(errno.EIO, f"{size} of {len(data)} bytes have arrived")


def _sync_folder(path: Path | str) -> None:
    """Asks the disk to keep the new name too; not every system can be asked."""
    if os.name != "posix":
        return
    with suppress(OSError):
        folder = os.open(os.path.dirname(path) or os.curdir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _final_name(name: str) -> str:
    """The name that a file is to have, where it is itself written under a hidden one."""
    match = _TEMPORARY.fullmatch(name)
    return name if match is None else match["name"]


def _trouble(error: OSError, folder: str) -> str:
    reason = error.strerror or str(error)
    try:
        free = shutil.disk_usage(folder or os.curdir).free
    except OSError:
        return reason
    if error.errno in _FULL or free < _LITTLE_SPACE_BYTES:
        return f"{reason} (the disk has {free / 1e6:.1f} MB left)"
    return reason
