"""The one way in which files are written: they get their final name only when they are complete.

A file is written under a hidden name in its folder, flushed to disk, checked and renamed. A full
disk, a quota or a network share may fail at any of these steps, including closing the file. In
every case the final name keeps its previous content.

Paths are plain str here: pathlib interns every path component, in some Pythons for ever, and each
file of a long shot has its own hidden name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rde_roto.values.errors import (
    InputError,
    OutputError,
    UsageError,
    is_out_of_memory,
    out_of_memory,
)
from rde_roto.values.processes import is_alive, this_machine

_LITTLE_SPACE_BYTES = 64 << 20
_PAGE_BYTES = 4096
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NAME_LENGTH: Final = 48
_TEMPORARY: Final = re.compile(
    r"\.(?P<name>.+)\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)\.[0-9a-f]{8}\.tmp"
)
LEFTOVER_AFTER_S: Final = 86400.0
"""After this time a temporary file of another machine counts as left over: whether its process
still runs cannot be checked from here."""


def is_temporary(name: str) -> bool:
    """Return whether a file of this name is one that an atomic write has not finished."""
    return _TEMPORARY.fullmatch(name) is not None


def try_folder(folder: Path) -> None:
    """Create a folder if it is missing, and write a file of a page into it, which is then removed.

    That tells more than permission bits: of a full disk or quota too. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(_PAGE_BYTES))
        os.fsync(file.fileno())


def prepare_folder(folder: Path) -> None:
    """Create an output folder if it is missing, and see that files can be written there.

    Raises UsageError when that is not so, OutputError when its disk is full.
    """
    try:
        try_folder(folder)
    except FileExistsError as error:
        what = "file" if folder.exists() else "broken link"
        raise UsageError(f"the output folder {folder} is a {what}") from error
    except OSError as error:
        kind = OutputError if _is_full(error) else UsageError
        raise kind(f"cannot write into the output folder {folder}: {error.strerror}") from error


def clear_leftovers(targets: Iterable[Path]) -> None:
    """Remove what killed processes left half-written of these files, and nothing else.

    Files of processes that still run, or may still run on another machine, stay.
    """
    leftovers: dict[Path, dict[str, list[Path]]] = {}
    for target in targets:
        folder = target.parent
        if folder not in leftovers:
            leftovers[folder] = _leftovers_in(folder)
        for path in leftovers[folder].pop(target.name[:_NAME_LENGTH], ()):
            with suppress(OSError):
                path.unlink()


def _leftovers_in(folder: Path) -> dict[str, list[Path]]:
    """What killed processes left half-written in a folder, by the start of the final name."""
    found: dict[str, list[Path]] = {}
    with suppress(OSError):
        matches = [match for name in os.listdir(folder) if (match := _TEMPORARY.fullmatch(name))]
        before = time_in(folder) - LEFTOVER_AFTER_S if matches else 0.0
        for match in matches:
            path = folder / match.string
            if _is_leftover(path, match, before):
                found.setdefault(match["name"], []).append(path)
    return found


def time_in(folder: Path) -> float:
    """Return the current time on the clock that stamps a folder's files, on whatever machine that
    is.

    Raises OSError when the folder is not writable.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"now")
        file.flush()
        return os.fstat(file.fileno()).st_mtime


def _is_leftover(path: Path, match: re.Match[str], before: float) -> bool:
    is_ours = match["machine"] == _machine()
    with suppress(OSError):  # just renamed
        return (is_ours and not is_alive(int(match["pid"]))) or path.lstat().st_mtime < before
    return False


def _machine() -> str:
    return hashlib.sha256(this_machine().encode()).hexdigest()[:8]


@contextmanager
def replacing(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a hidden path beside `path` to a writer that needs a path; then rename the file.

    When the block ends without an error the file is flushed to disk, checked and renamed. The
    folder is created if missing.

    Args:
        check: reads the file back and raises InputError if it is damaged. Needed for a writer that
            hides errors or does not report those of closing the file.

    Raises OutputError when any step fails; nothing half-written stays.
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
                raise OSError(f"the file differs from what was written: {error}") from error
    _sync_folder(path)


def write_bytes(
    path: Path | str, data: bytes, *, mode: int | None = None, synced: bool = True
) -> None:
    """Write a file completely or not at all. The folder is created if missing.

    Args:
        mode: the file's permissions from the first byte on; default: those of any new file.
        synced: whether to wait until the data is on disk. False is for files that can be made again
            and carry a checksum, such as cache entries.

    Raises OutputError.
    """
    with _renamed(path) as temporary:
        _write(temporary, data, mode, synced)
    if synced:
        _sync_folder(path)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a text in UTF-8, as `write_bytes` does."""
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
        path_shown = os.path.join(folder, _final_name(name))
        if is_out_of_memory(error):
            raise out_of_memory(error, f"writing {path_shown}") from error
        raise OutputError(f"cannot write {path_shown}: {_reason(error, folder)}") from error
    finally:
        with suppress(OSError):  # usually there is nothing left to remove
            os.unlink(temporary)


def _write(path: str, data: bytes, mode: int | None, synced: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666 if mode is None else mode)
    with open(descriptor, "wb", buffering=0) as file:
        if mode is not None:
            os.chmod(path, mode)  # the umask may have taken bits away
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        if synced:
            os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
    if size != len(data):
        raise OSError(errno.EIO, f"only {size} of {len(data)} bytes were written")


def _sync_folder(path: Path | str) -> None:
    """Sync the folder, so that the new name is on disk too; not every system can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        folder = os.open(os.path.dirname(path) or os.curdir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _final_name(name: str) -> str:
    """The final name of a file, also when `name` is itself a temporary name."""
    match = _TEMPORARY.fullmatch(name)
    return name if match is None else match["name"]


def _is_full(error: OSError) -> bool:
    """Whether an error says that a disk or a quota is full."""
    return error.errno in _FULL


def _reason(error: OSError, folder: str) -> str:
    reason = error.strerror or str(error)
    try:
        free = shutil.disk_usage(folder or os.curdir).free
    except OSError:
        return reason
    if _is_full(error) or free < _LITTLE_SPACE_BYTES:
        return f"{reason} (the disk has {free / 1e6:.1f} MB left)"
    return reason
