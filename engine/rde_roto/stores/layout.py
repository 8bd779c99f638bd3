"""How the cache folder is laid out, and what is in it.

    states/SPAN/anchors.safetensors         what all states of a span have in common
    states/SPAN/000024.DIGEST.safetensors   the rest of the state after 24 memory frames
    raws/4f/DIGEST.safetensors              a raw matte
    plates/4f/DIGEST.safetensors            a frame of a plate that a host has pushed

An entry's name is its path below the folder. Files with other names are not ours: they stay.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from pathlib import Path

from rde_roto.atomic import is_temporary, time_in

SUFFIX = ".safetensors"
LEFT_OVER_AFTER_S = 3600
"""A temporary file older than this was left by a process that was killed."""

_ANCHORS = "anchors" + SUFFIX


@dataclass(frozen=True)
class SnapshotKey:
    """The key of a stored state.

    span: the digest of the span's first state. index: memory frames absorbed, 0 at the keyframe.
    digest: the state's own digest.
    """

    span: str
    index: int
    digest: str

    @property
    def name(self) -> str:
        """The name of the entry that holds the state's moving half."""
        return f"states/{self.span}/{self.index:06}.{self.digest}{SUFFIX}"


def anchors_name(span: str) -> str:
    """Return the name of the entry with what all states of a span have in common."""
    return f"states/{span}/{_ANCHORS}"


def raw_name(digest: str) -> str:
    """Return the name of a raw matte's entry; the entries are spread over 256 folders."""
    return f"raws/{digest[:2]}/{digest}{SUFFIX}"


def pushed_name(digest: str) -> str:
    """Return the name of a pushed frame's entry; the entries are spread over 256 folders."""
    return f"plates/{digest[:2]}/{digest}{SUFFIX}"


def snapshot_keys_of(folder: Path, span: str) -> frozenset[SnapshotKey]:
    """List the states of a span that are on disk, none for a missing span. Raises OSError."""
    try:
        names = os.listdir(f"{folder}/states/{span}")
    except FileNotFoundError:
        return frozenset()
    return frozenset(key for name in names if (key := _snapshot_key(span, name)) is not None)


@dataclass(frozen=True, slots=True)
class Entry:
    """A cache file: name, size, and when it was last written or read (its mtime)."""

    name: str
    bytes: int
    used_ns: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The moving half of a state after ``index`` memory frames."""

    index: int
    entry: Entry


@dataclass
class SpanEntries:
    """A span's files."""

    anchors: Entry | None = None
    snapshots: list[Snapshot] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        """All files of the span."""
        anchors = [] if self.anchors is None else [self.anchors]
        return anchors + [snapshot.entry for snapshot in self.snapshots]

    @property
    def used_ns(self) -> int:
        """When any of the files was last used."""
        return max(entry.used_ns for entry in self.entries)


@dataclass
class CacheScan:
    """The contents of a cache folder at the time of a scan.

    ``leftovers`` are unfinished files of killed processes. ``newer_bytes`` is the size of the
    recently used pictures that are not listed.
    """

    spans: dict[str, SpanEntries] = field(default_factory=dict)
    raws: list[Entry] = field(default_factory=list)
    pushed: list[Entry] = field(default_factory=list)
    leftovers: list[Entry] = field(default_factory=list)
    newer_bytes: int = 0

    @property
    def states(self) -> list[Entry]:
        """The files of all spans."""
        return [entry for span in self.spans.values() for entry in span.entries]

    @property
    def pictures(self) -> list[Entry]:
        """Raw mattes and pushed frames: large, and quick to get again."""
        return self.raws + self.pushed

    @property
    def entries(self) -> list[Entry]:
        """All listed files but the leftovers."""
        return self.states + self.pictures

    @property
    def pictures_bytes(self) -> int:
        """The size of all pictures, including those that are not listed."""
        return bytes_of(self.pictures) + self.newer_bytes

    @property
    def bytes(self) -> int:
        """The size of everything but the leftovers."""
        return bytes_of(self.states) + self.pictures_bytes


def bytes_of(entries: list[Entry]) -> int:
    """Return the total size of some files."""
    return sum(entry.bytes for entry in entries)


def held_bytes(folder: Path) -> int:
    """Return the approximate size of a cache folder; builds no list of its files."""
    return sum(entry.bytes for entry in _entries(folder))


def scan_cache(folder: Path, oldest_bytes: float = inf) -> CacheScan:
    """Scan a cache folder. Files may come and go meanwhile; unreadable ones are skipped.

    Args: oldest_bytes, how much of the pictures to list, the least recently used first: a folder
        holds too many to list them all when only a few must go.
    """
    scan, pictures = CacheScan(), _Oldest(oldest_bytes)
    old_ns = round((_now_in(folder) - LEFT_OVER_AFTER_S) * 10**9)
    for entry in _entries(folder):
        _add_entry(scan, pictures, entry, old_ns)
    for entry in pictures:
        (scan.raws if entry.name.startswith("raws/") else scan.pushed).append(entry)
    scan.newer_bytes = pictures.newer_bytes
    for name, span in list(scan.spans.items()):
        if not span.snapshots and span.used_ns < old_ns:
            scan.leftovers += scan.spans.pop(name).entries
    return scan


def _now_in(folder: Path) -> float:
    """The time on the clock that stamps a folder's files: with this machine's, an hour ahead of it,
    the files that others are just writing would count as left over.
    """
    try:
        return time_in(folder)
    except OSError:  # a full disk
        return time.time()


class _Oldest:
    """The least recently used entries, at least ``oldest_bytes`` of them."""

    def __init__(self, oldest_bytes: float) -> None:
        self.newer_bytes = 0
        self._most_bytes = oldest_bytes
        self._bytes = 0
        self._newest_first: list[tuple[int, str, Entry]] = []

    def add(self, entry: Entry) -> None:
        heappush(self._newest_first, (-entry.used_ns, entry.name, entry))
        self._bytes += entry.bytes
        while self._bytes > self._most_bytes:
            newer = self._newest_first[0][2]
            if self._bytes - newer.bytes < self._most_bytes:
                return
            heappop(self._newest_first)
            self._bytes -= newer.bytes
            self.newer_bytes += newer.bytes

    def __iter__(self) -> Iterator[Entry]:
        return (entry for _, _, entry in self._newest_first)


def _entries(folder: Path) -> Iterator[Entry]:
    """All files of a cache folder, in the order in which the disk lists them."""
    for kind in ("states", "raws", "plates"):
        for group in _scanned(f"{folder}/{kind}"):
            for file in _scanned(group.path):
                with suppress(OSError):  # another process has removed it
                    status = file.stat()
                    name = f"{kind}/{group.name}/{file.name}"
                    yield Entry(name, status.st_size, status.st_mtime_ns)


def _add_entry(scan: CacheScan, pictures: _Oldest, entry: Entry, old_ns: int) -> None:
    kind, group, name = entry.name.split("/")
    if is_temporary(name):
        if entry.used_ns < old_ns:
            scan.leftovers.append(entry)
    elif kind in ("raws", "plates"):
        if name.endswith(SUFFIX):
            pictures.add(entry)
    elif name == _ANCHORS:
        scan.spans.setdefault(group, SpanEntries()).anchors = entry
    elif (key := _snapshot_key(group, name)) is not None:
        snapshots = scan.spans.setdefault(group, SpanEntries()).snapshots
        snapshots.append(Snapshot(key.index, entry))


def _scanned(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _snapshot_key(span: str, name: str) -> SnapshotKey | None:
    index, _, digest = name.removesuffix(SUFFIX).partition(".")
    if not (name.endswith(SUFFIX) and index.isdigit() and digest):
        return None
    key = SnapshotKey(span, int(index), digest)
    return key if key.name.endswith(f"/{name}") else None
