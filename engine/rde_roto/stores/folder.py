"""The cache folder: write-once entries that get their final name only when they are complete.

Any number of processes on several machines may share one folder. Nothing is locked: a file may
vanish at any moment, and a file that exists never changes. No error here fails a render.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from rde_roto.atomic import write_bytes
from rde_roto.stores.entries import is_whole, seal
from rde_roto.stores.eviction import surplus
from rde_roto.stores.layout import (
    CacheScan,
    Entry,
    SnapshotKey,
    bytes_of,
    held_bytes,
    scan_cache,
    snapshot_keys_of,
)
from rde_roto.values.cache_settings import make_cache_folder
from rde_roto.values.errors import OutOfMemoryError, OutputError

_log = logging.getLogger("rde_roto.stores")

_LEFT_SHARE = 0.9
"""The share of the budget that eviction leaves in use, so that it runs seldom."""

_SCAN_AFTER_SHARE = 1 - _LEFT_SHARE
"""The share of the budget that is written before the folder is scanned again for the writes of
other processes."""

_ATTEMPTS = 3
_MISSING_ERRNOS = (errno.ENOENT, errno.ESTALE)  # the latter on a network folder


@dataclass(frozen=True)
class Pruned:
    """What was removed, and how many files could not be removed."""

    removed: list[Entry]
    refused: int


class CacheFolder:
    """A folder of entries with a budget. Thread-safe.

    The budget applies to the folder, whoever writes, but only roughly: each process scans the
    folder before its first write and after each tenth of the budget that it has written, so n
    processes exceed the budget by at most n tenths.
    """

    def __init__(self, path: Path, budget_bytes: int) -> None:
        self.path = path
        self.budget_bytes = budget_bytes
        self._room_bytes = 0  # what may be written before the next scan
        self._warned = False
        self._lock = Lock()

    def read(self, name: str) -> bytes | None:
        """Read an entry and mark it as used. None if it is missing or damaged; a damaged entry is
        removed.
        """
        data = self._read_bytes(name)
        if data is None:
            return None
        if not is_whole(data, name):
            _log.warning("%s is damaged: removing it, it is computed again", self.path / name)
            self.discard(name)
            return None
        self.mark_used(name)
        return data

    def holds(self, name: str) -> bool:
        """Return whether an entry of that name exists, damaged or not; it is not read."""
        return os.path.isfile(self._file(name))

    def lister(self) -> Callable[[str], bool]:
        """Return ``holds`` for many entries: each folder is listed once, when first asked about."""
        listed: dict[str, frozenset[str]] = {}

        def holds(name: str) -> bool:
            group, _, file = name.rpartition("/")
            if group not in listed:
                listed[group] = frozenset()
                with suppress(OSError):  # nothing is there, or nothing can be read there
                    listed[group] = frozenset(os.listdir(self._file(group)))
            return file in listed[group]

        return holds

    def write(self, name: str, make: Callable[[], bytes]) -> None:
        """Store the safetensors file that ``make`` returns; ``make`` is called only if needed.

        An entry that exists is marked as used instead. An entry larger than what eviction leaves
        of the budget is not stored.
        """
        if self.mark_used(name):
            return
        data = seal(make(), name)
        if self._reserve(len(data)):
            self._save(name, data)

    def mark_used(self, name: str) -> bool:
        """Set an entry's mtime to now; returns whether the entry exists."""
        try:
            os.utime(self._file(name))
        except PermissionError:
            return True  # another user's
        except OSError:
            return False
        return True

    def discard(self, name: str) -> bool:
        """Remove an entry; returns whether it is gone."""
        try:
            os.unlink(self._file(name))
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def snapshot_keys(self, span: str) -> frozenset[SnapshotKey]:
        """Return the states of a span that are on disk."""
        try:
            return snapshot_keys_of(self.path, span)
        except OSError as error:
            self._warn_once(error)
            return frozenset()

    def scan(self) -> CacheScan:
        """List everything in the folder."""
        return scan_cache(self.path)

    def prune(self, target_bytes: int) -> Pruned:
        """Remove what exceeds ``target_bytes``, and what killed processes have left behind."""
        return self._prune(self.scan(), target_bytes)

    def verify(self) -> tuple[int, list[str]]:
        """Read all entries and remove the damaged ones; returns the number read and their names.

        This marks nothing as used.
        """
        checked, damaged = 0, []
        scan = self.scan()
        for entry in scan.entries:
            data = self._read_bytes(entry.name)
            if data is not None:
                checked += 1
                if not is_whole(data, entry.name):
                    damaged.append(entry.name)
                    self.discard(entry.name)
        return checked, damaged

    def _file(self, name: str) -> str:
        """An entry's path, as a str: pathlib interns every path component, in some Pythons for
        ever, and a long shot has tens of thousands of entries.
        """
        return f"{self.path}/{name}"

    def _read_bytes(self, name: str) -> bytes | None:
        # read, never mapped: a mapped file that vanishes on a network folder kills the process
        try:
            with open(self._file(name), "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            if error.errno not in _MISSING_ERRNOS:
                self._warn_once(error)
            return None

    def _reserve(self, nbytes: int) -> bool:
        """Reserve room for an entry; false if there is none."""
        if nbytes > self.budget_bytes * _LEFT_SHARE:
            return False
        with self._lock:
            if nbytes > self._room_bytes:
                self._room_bytes = self._make_room(nbytes)
            if nbytes > self._room_bytes:
                return False
            self._room_bytes -= nbytes
            return True

    def _make_room(self, nbytes: int) -> int:
        """Make room for ``nbytes``; returns how much may be written before the next scan."""
        held = held_bytes(self.path)
        if held + nbytes > self.budget_bytes:
            target_bytes = int(self.budget_bytes * _LEFT_SHARE) - nbytes
            scan = scan_cache(self.path, oldest_bytes=held - target_bytes)
            held = scan.bytes - bytes_of(self._prune(scan, target_bytes).removed)
        free_bytes = self.budget_bytes - held
        return min(free_bytes, max(nbytes, int(self.budget_bytes * _SCAN_AFTER_SHARE)))

    def _prune(self, scan: CacheScan, target_bytes: int) -> Pruned:
        going = surplus(scan, target_bytes)
        removed = [entry for entry in going if self.discard(entry.name)]
        for folder in {os.path.dirname(self._file(entry.name)) for entry in going}:
            with suppress(OSError):  # not empty
                os.rmdir(folder)
        return Pruned(removed, len(going) - len(removed))

    def _save(self, name: str, data: bytes) -> None:
        for tries_left in reversed(range(_ATTEMPTS)):
            try:
                make_cache_folder(self.path)
                # no fsync: an entry that a power cut has damaged is detected and computed again
                write_bytes(self._file(name), data, synced=False)
            except (OSError, OutputError, OutOfMemoryError) as error:
                if tries_left and isinstance(error.__cause__, (FileNotFoundError, FileExistsError)):
                    continue  # another process has just removed the folder, which was empty
                if not self.mark_used(name):  # else another process has just written it
                    self._warn_once(error)
            return

    def _warn_once(self, error: Exception) -> None:
        with self._lock:
            if self._warned:
                return
            self._warned = True
        _log.warning("cannot use the cache in %s, keeping data in memory: %s", self.path, error)
