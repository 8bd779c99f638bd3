"""Detects plate files that change while they are in use.

A digest is computed before the pixels are read, in a long run hours before. If somebody replaced
the file in between, results would be stored under the wrong digest: it is an error instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from rde_roto.images.plates.plate_memo import Stamp
from rde_roto.values.digest import DigestTable
from rde_roto.values.errors import InputError, ReplacedError

HashFile = Callable[[Path], str]


class FileContents:
    """The content digests of numbered files. Thread-safe.

    `have_changed` is true once one of them was found to be replaced.

    Args: hash_file, gives the digest of a file's bytes; it may use a cache for unchanged files.
    """

    def __init__(self, hash_file: HashFile) -> None:
        self.have_changed = False
        self._hash_file = hash_file
        self._digests = DigestTable()

    def digest(self, number: int, path: Path) -> str:
        """Return the digest of a file's bytes. Raises ReplacedError if it differs from the
        first.
        """
        known, now = self._digests.get(number), self._hash_file(path)
        if known is not None and known != now:
            raise self.replaced(path)
        self._digests.put(number, now)
        return now

    def replaced(self, path: Path) -> ReplacedError:
        """Note that a file was replaced; returns the error to raise."""
        self.have_changed = True
        return _replaced(path)

    def check(self, number: int, path: Path) -> None:
        """Call this after reading a file. Raises as `digest`, if that was called before."""
        if self._digests.get(number) is not None:
            self.digest(number, path)


class OpenFileContent:
    """The content digest of one large file that stays open; it is hashed again only if its stamp
    changes. Otherwise like `FileContents`.

    Raises InputError when there is no such file.
    """

    def __init__(self, path: Path, hash_file: HashFile) -> None:
        self.have_changed = False
        self._path = path
        self._hash_file = hash_file
        self._stamp: Final = _stamp(path)
        self._known = self._stamp
        self._digests: str | None = None
        self._lock = Lock()

    def digest(self) -> str:
        """Return the digest of the file's bytes. Raises InputError if the file was replaced."""
        with self._lock:
            stamp = _stamp(self._path)
            if self._digests is not None and stamp == self._known:
                return self._digests
            now = self._hash_file(self._path)
            is_the_one = stamp == self._stamp if self._digests is None else now == self._digests
            if not is_the_one:
                self.have_changed = True
                raise _replaced(self._path)
            self._digests, self._known = now, stamp
            return now

    def check(self) -> None:
        """Call this after reading from the file. Raises as `digest`, if that was called before."""
        if self._digests is not None:
            self.digest()


def _stamp(path: Path) -> Stamp:
    try:
        return Stamp.of(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _replaced(path: Path) -> ReplacedError:
    return ReplacedError(
        f"{path} was replaced after the shot was opened: open the shot again, or run this again, "
        "to make mattes from the new file"
    )
