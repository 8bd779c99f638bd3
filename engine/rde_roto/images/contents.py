"""What the files of a plate held when they were first told of.

A digest is told before its pixels are read, in a long run hours before. Should somebody replace the
file meanwhile, pixels would be kept under the name of others: it is an error instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from rde_roto.images.plate_memo import Stamp
from rde_roto.values.digest import DigestTable
from rde_roto.values.errors import InputError

HashFile = Callable[[Path], str]


class FilesContents:
    """Of files with a number each. Safe to ask from several threads.

    `have_changed` once one of them was found to be another.

    Args: hash_file, which gives the digest of a file's bytes, soon where it has not changed.
    """

    def __init__(self, hash_file: HashFile) -> None:
        self.have_changed = False
        self._hash_file = hash_file
        self._told = DigestTable()

    def digest(self, number: int, path: Path) -> str:
        """The digest of a file's bytes. Raises InputError for another one than before."""
        told, now = self._told.get(number), self._hash_file(path)
        if told is not None and told != now:
            self.have_changed = True
            raise _replaced(path)
        self._told.put(number, now)
        return now

    def check(self, number: int, path: Path) -> None:
        """To be asked after a file was read: raises as `digest` does, if that was ever told."""
        if self._told.get(number) is not None:
            self.digest(number, path)


class OpenFileContent:
    """Of one large file that stays open from now on, which is hashed only when it seems to have
    changed. The same otherwise.

    Raises InputError when there is no such file.
    """

    def __init__(self, path: Path, hash_file: HashFile) -> None:
        self.have_changed = False
        self._path = path
        self._hash_file = hash_file
        self._stamp: Final = _stamp(path)
        self._known = self._stamp
        self._told: str | None = None
        self._lock = Lock()

    def digest(self) -> str:
        """The digest of the file's bytes. Raises InputError for another file than was opened."""
        with self._lock:
            stamp = _stamp(self._path)
            if self._told is not None and stamp == self._known:
                return self._told
            now = self._hash_file(self._path)
            is_the_one = stamp == self._stamp if self._told is None else now == self._told
            if not is_the_one:
                self.have_changed = True
                raise _replaced(self._path)
            self._told, self._known = now, stamp
            return now

    def check(self) -> None:
        """To be asked after some of it was read: raises as `digest` does, if that was ever told."""
        if self._told is not None:
            self.digest()


def _stamp(path: Path) -> Stamp:
    try:
        return Stamp.of(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _replaced(path: Path) -> InputError:
    return InputError(
        f"{path} was replaced after the shot was opened: open it again, or run this again, and "
        "mattes are made from what is there now"
    )
