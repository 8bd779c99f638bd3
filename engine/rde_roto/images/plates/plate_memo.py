"""Remembers the digests of plate files, so that a shot opens without reading them, and of frames
that hosts have pushed.

It is only a cache: whatever goes wrong with it, the file is read or the frame is pushed again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import NamedTuple

from rde_roto.values.cache_settings import make_cache_folder
from rde_roto.values.digest import digest_file, digest_of

MEMO_FILE = "plates.sqlite"

_SETTLED_AFTER_NS = 2 * 10**9
"""How coarse a file system's clock may be: within a tick a file can change without a trace."""

_BATCH = 256
_BATCH_NS = 10**9
_WAIT_S = 2.0  # for another process that writes
_MOST_ROWS = 500_000  # some 150 MB
_MOST_IN_MEMORY = 50_000  # some 10 MB

_SCHEMA = """
CREATE TABLE IF NOT EXISTS plates (
    path BLOB PRIMARY KEY,
    size INTEGER, modified_ns INTEGER, changed_ns INTEGER,
    digest TEXT, checksum TEXT
)
"""
_FIND = "SELECT size, modified_ns, changed_ns, digest, checksum FROM plates WHERE path = ?"
_KEEP = "INSERT OR REPLACE INTO plates VALUES (?, ?, ?, ?, ?, ?)"
_FORGET_OLDEST = "DELETE FROM plates WHERE rowid <= (SELECT MAX(rowid) FROM plates) - ?"


class Stamp(NamedTuple):
    """Shows whether a file has changed; ctime detects a copy that keeps the original's mtime."""

    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_settled(self, now_ns: int) -> bool:
        return now_ns - max(self.modified_ns, self.changed_ns) >= _SETTLED_AFTER_NS


_PUSHED = Stamp(0, 0, 0)
"""A pushed frame never changes: another picture has another plate's name."""


class PlateMemo:
    """Digests by a file's absolute path, size and times, in a cache folder.

    Thread-safe; any number of processes may share it. New entries are written in batches, the last
    one by ``close``.

    Args:
        folder: the cache folder, created if missing.
        now_ns: gives the time in nanoseconds since 1970.
    """

    def __init__(self, folder: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = folder / MEMO_FILE
        self._now_ns = now_ns
        self._lock = Lock()
        self._unwritten: dict[bytes, tuple[Stamp, str]] = {}
        self._pushed: dict[bytes, str] = {}
        self._written_ns = now_ns()
        self._database: sqlite3.Connection | None = None
        with suppress(OSError), self._or_none():
            make_cache_folder(folder)
            self._database = sqlite3.connect(self._path, _WAIT_S, check_same_thread=False)
            self._database.execute(_SCHEMA)

    def __enter__(self) -> PlateMemo:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is not yet written. ``digest_file`` still works afterwards, without memo."""
        with self._lock:
            self._write()
            self._close()

    def digest_file(self, path: Path) -> str:
        """As ``values.digest.digest_file``, including its errors."""
        now_ns = self._now_ns()
        key = os.fsencode(path.absolute())
        try:
            stamp = Stamp.of(path)
        except OSError:
            return digest_file(path)  # raises the proper error
        known = self._find(key, stamp)
        if known is not None:
            return known
        digest = digest_file(path)
        if stamp.is_settled(now_ns):
            with suppress(OSError):
                if Stamp.of(path) == stamp:
                    self._keep(key, stamp, digest)
        return digest

    def pushed(self, plate: str, frame: int) -> str | None:
        """Return the digest of a frame that a host has pushed; None if it has not.

        ``plate`` identifies the plate, of whichever host.
        """
        key = _pushed_key(plate, frame)
        return self._pushed.get(key) or self._find(key, _PUSHED)

    def keep_pushed(self, plate: str, frame: int, digest: str) -> str:
        """Store the digest of a pushed frame, at once and on disk. The first one stays and is
        returned.
        """
        key = _pushed_key(plate, frame)
        known = self._find(key, _PUSHED)
        with self._lock:
            # in case the disk fails
            kept = self._pushed.setdefault(key, known or digest)
            while len(self._pushed) > _MOST_IN_MEMORY:
                del self._pushed[next(iter(self._pushed))]
            if known is None:
                self._unwritten[key] = _PUSHED, kept
                self._write()
        return kept

    def _find(self, key: bytes, stamp: Stamp) -> str | None:
        with self._lock:
            row = None
            with self._or_none():
                if self._database is not None:
                    row = self._database.execute(_FIND, (key,)).fetchone()
        if row is None or row[:3] != stamp:
            return None
        digest: str = row[3]
        return digest if row[4] == _checksum(key, stamp, digest) else None

    def _keep(self, key: bytes, stamp: Stamp, digest: str) -> None:
        with self._lock:
            self._unwritten[key] = stamp, digest
            is_late = self._now_ns() - self._written_ns >= _BATCH_NS
            if is_late or len(self._unwritten) >= _BATCH:
                self._write()

    def _write(self) -> None:
        rows = [
            (key, *stamp, digest, _checksum(key, stamp, digest))
            for key, (stamp, digest) in self._unwritten.items()
        ]
        self._unwritten.clear()
        self._written_ns = self._now_ns()
        if rows and self._database is not None:
            with self._or_none(), self._database as transaction:
                transaction.executemany(_KEEP, rows)
                transaction.execute(_FORGET_OLDEST, (_MOST_ROWS,))

    @contextmanager
    def _or_none(self) -> Iterator[None]:
        """Stop using the database after the first error; a damaged one is removed."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter from a damaged message
            self._close()
            if not isinstance(error, sqlite3.OperationalError):  # not just locked, or a full disk
                with suppress(OSError):
                    self._path.unlink()

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()


def _pushed_key(plate: str, frame: int) -> bytes:
    return f"pushed:{plate}/{frame}".encode()  # not an absolute path, unlike the others


def _checksum(key: bytes, stamp: Stamp, digest: str) -> str:
    return digest_of(key, *stamp, digest)
