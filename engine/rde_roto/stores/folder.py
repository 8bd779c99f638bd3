"""The cache folder: entries written once, under their final name only when whole.

Any number of processes, on several machines, may use one folder: nothing is locked, a file may
vanish at any moment, and one that is there never changes. No trouble here fails a render.
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
from rde_roto.stores.entries import is_whole, sealed
from rde_roto.stores.eviction import surplus
from rde_roto.stores.layout import (
    CacheScan,
    Entry,
    SnapshotKey,
    bytes_of,
    held_bytes,
    places_of,
    take_census,
)
from rde_roto.values.cache_settings import make_cache_folder
from rde_roto.values.errors import OutputError

_log = logging.getLogger("rde_roto.stores")

_KEPT_SHARE = 0.9
"""How much of the budget eviction leaves, so that it is seldom needed."""

_LOOK_AFTER_SHARE = 1 - _KEPT_SHARE
"""How much of the budget is written before looking again at what other processes wrote."""

_TRIES = 3
_GONE = (errno.ENOENT, errno.ESTALE)  # the latter on a network folder


@dataclass(frozen=True)
class Pruned:
    """What was removed, and how many files could not be."""

    removed: list[Entry]
    refused: int


class CacheFolder:
    """A folder of entries with a budget. Safe to use from several threads.

    The budget holds for the folder, whoever uses it, but roughly: each process looks at the folder
    before its first entry and after every tenth of the budget that it has written, so that n
    processes exceed it by no more than n tenths.
    """

    def __init__(self, path: Path, budget_bytes: int) -> None:
        self.path = path
        self.budget_bytes = budget_bytes
        self._room_bytes = 0  # what may be written before the next look
        self._warned = False
        self._lock = Lock()

    def read(self, name: str) -> bytes | None:
        """A safetensors file, now the one used last. None where there is none; a damaged one is
        removed first.
        """
        data = self._bytes(name)
        if data is None:
            return None
        if not is_whole(data, name):
            _log.warning("%s is damaged: it is removed and made again", self.path / name)
            self.discard(name)
            return None
        self.mark_used(name)
        return data

    def holds(self, name: str) -> bool:
        """Whether there is an entry of that name, whole or not; it is not read."""
        return os.path.isfile(self._file(name))

    def write(self, name: str, make: Callable[[], bytes]) -> None:
        """Keeps the safetensors file that ``make`` gives, which is asked only when it is needed.

        An entry that is there is marked as used. One that is larger than what eviction leaves of
        the budget is not kept.
        """
        if self.mark_used(name):
            return
        data = sealed(make(), name)
        if self._has_room(len(data)):
            self._save(name, data)

    def mark_used(self, name: str) -> bool:
        """Sets an entry's mtime, as reading it does; whether it is there."""
        try:
            os.utime(self._file(name))
        except PermissionError:
            return True  # another user's
        except OSError:
            return False
        return True

    def discard(self, name: str) -> bool:
        """Removes an entry. Whether it is gone."""
        try:
            os.unlink(self._file(name))
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def places(self, span: str) -> frozenset[SnapshotKey]:
        """The states of a span that are here."""
        try:
            return places_of(self.path, span)
        except OSError as error:
            self._warn_once(error)
            return frozenset()

    def census(self) -> CacheScan:
        """What is here."""
        return take_census(self.path)

    def prune(self, target_bytes: int) -> Pruned:
        """Removes what exceeds ``target_bytes``, and what killed processes have left behind."""
        return self._pruned(self.census(), target_bytes)

    def verify(self) -> tuple[int, list[str]]:
        """Reads everything and removes what is damaged: how many entries, and the names of those.

        Nothing counts as used by it.
        """
        checked, damaged = 0, []
        census = self.census()
        for entry in census.entries:
            data = self._bytes(entry.name)
            if data is not None:
                checked += 1
                if not is_whole(data, entry.name):
                    damaged.append(entry.name)
                    self.discard(entry.name)
        return checked, damaged

    def _file(self, name: str) -> str:
        """Where an entry lies. A text: pathlib interns every part of a path, some Pythons for ever,
        and a long shot has tens of thousands of entries.
        """
        return f"{self.path}/{name}"

    def _bytes(self, name: str) -> bytes | None:
        # read whole, never mapped: a mapped file that vanishes on a network folder ends the process
        try:
            with open(self._file(name), "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            if error.errno not in _GONE:
                self._warn_once(error)
            return None

    def _has_room(self, nbytes: int) -> bool:
        if nbytes > self.budget_bytes * _KEPT_SHARE:
            return False
        with self._lock:
            if nbytes > self._room_bytes:
                self._room_bytes = self._look(nbytes)
            if nbytes > self._room_bytes:
                return False
            self._room_bytes -= nbytes
            return True

    def _look(self, nbytes: int) -> int:
        """Makes room for so many bytes at least; how many may be written before the next look."""
        held = held_bytes(self.path)
        if held + nbytes > self.budget_bytes:
            target_bytes = int(self.budget_bytes * _KEPT_SHARE) - nbytes
            census = take_census(self.path, oldest_bytes=held - target_bytes)
            held = census.bytes - bytes_of(self._pruned(census, target_bytes).removed)
        free_bytes = self.budget_bytes - held
        return min(free_bytes, max(nbytes, int(self.budget_bytes * _LOOK_AFTER_SHARE)))

    def _pruned(self, census: CacheScan, target_bytes: int) -> Pruned:
        going = surplus(census, target_bytes)
        removed = [entry for entry in going if self.discard(entry.name)]
        for folder in {os.path.dirname(self._file(entry.name)) for entry in going}:
            with suppress(OSError):  # not empty
                os.rmdir(folder)
        return Pruned(removed, len(going) - len(removed))

    def _save(self, name: str, data: bytes) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                make_cache_folder(self.path)
                # no disk is waited for: what a power cut leaves of an entry is found out and made
                # again
                write_bytes(self._file(name), data, synced=False)
            except (OSError, OutputError) as error:
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
        _log.warning("the cache in %s cannot be used, memory is: %s", self.path, error)
