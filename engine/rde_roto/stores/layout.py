"""How the cache folder is laid out, and what is in it.

    states/SPAN/anchors.safetensors         what all states of a span have in common
    states/SPAN/000024.DIGEST.safetensors   the rest of the state after 24 memory frames
    raws/4f/DIGEST.safetensors              a raw matte
    plates/4f/DIGEST.safetensors            a frame of a plate that a host has pushed

An entry's name is its path below the folder. Files of any other name are nobody's and stay.
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

from rde_roto.atomic import is_temporary

SUFFIX = ".safetensors"
LEFT_OVER_AFTER_S = 3600
"""A file that was not finished for so long never will be: its process was killed."""

_ANCHORS = "anchors" + SUFFIX


@dataclass(frozen=True)
class SnapshotKey:
    """Where a state belongs in its span.

    span: the digest of the span's beginning. index: memory frames absorbed, 0 at the keyframe.
    digest: the state's own.
    """

    span: str
    index: int
    digest: str

    @property
    def name(self) -> str:
        """The name of the state's moving half."""
        return f"states/{self.span}/{self.index:06}.{self.digest}{SUFFIX}"


def anchors_name(span: str) -> str:
    """The name of what a span's states have in common."""
    return f"states/{span}/{_ANCHORS}"


def raw_name(digest: str) -> str:
    """The name of a raw matte; a folder holds one of 256 of them."""
    return f"raws/{digest[:2]}/{digest}{SUFFIX}"


def pushed_name(digest: str) -> str:
    """The name of a pushed frame, likewise."""
    return f"plates/{digest[:2]}/{digest}{SUFFIX}"


def places_of(folder: Path, span: str) -> frozenset[SnapshotKey]:
    """The states of a span that are on disk. Raises OSError; a missing span has none."""
    try:
        names = os.listdir(f"{folder}/states/{span}")
    except FileNotFoundError:
        return frozenset()
    return frozenset(place for name in names if (place := _place(span, name)) is not None)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its name, its size, and when it was last written or read (its mtime)."""

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
        """All of them."""
        anchors = [] if self.anchors is None else [self.anchors]
        return anchors + [snapshot.entry for snapshot in self.snapshots]

    @property
    def used_ns(self) -> int:
        """When any of it was used last."""
        return max(entry.used_ns for entry in self.entries)


@dataclass
class CacheScan:
    """All that a cache folder held while it was looked through. Left-overs belong to nobody.

    ``newer_bytes`` are those of pictures that were left out, which were used later than the others.
    """

    spans: dict[str, SpanEntries] = field(default_factory=dict)
    raws: list[Entry] = field(default_factory=list)
    pushed: list[Entry] = field(default_factory=list)
    left_overs: list[Entry] = field(default_factory=list)
    newer_bytes: int = 0

    @property
    def states(self) -> list[Entry]:
        """The files of all spans."""
        return [entry for span in self.spans.values() for entry in span.entries]

    @property
    def pictures(self) -> list[Entry]:
        """Raw mattes and pushed frames: what is large, and quick to come by again."""
        return self.raws + self.pushed

    @property
    def entries(self) -> list[Entry]:
        """All but the left-overs."""
        return self.states + self.pictures

    @property
    def pictures_bytes(self) -> int:
        """Of all pictures, those that were left out among them."""
        return bytes_of(self.pictures) + self.newer_bytes

    @property
    def bytes(self) -> int:
        """Of all but the left-overs."""
        return bytes_of(self.states) + self.pictures_bytes


def bytes_of(entries: list[Entry]) -> int:
    """Of these files together."""
    return sum(entry.bytes for entry in entries)


def held_bytes(folder: Path) -> int:
    """Of all that is there, about; nothing is remembered of any file."""
    return sum(entry.bytes for entry in _entries(folder))


def take_census(folder: Path, oldest_bytes: float = inf) -> CacheScan:
    """What is there. Files may come and go meanwhile; what cannot be read is not there.

    Args: oldest_bytes, how much of the pictures to tell of, those that were used longest ago: a
        folder holds too many to remember them all for the sake of a few that are to go.
    """
    census, pictures = CacheScan(), _Oldest(oldest_bytes)
    old_ns = time.time_ns() - LEFT_OVER_AFTER_S * 10**9
    for entry in _entries(folder):
        _count(census, pictures, entry, old_ns)
    for entry in pictures:
        (census.raws if entry.name.startswith("raws/") else census.pushed).append(entry)
    census.newer_bytes = pictures.newer_bytes
    for name, span in list(census.spans.items()):
        if not span.snapshots and span.used_ns < old_ns:
            census.left_overs += census.spans.pop(name).entries
    return census


class _Oldest:
    """Of entries those that were used longest ago, at least so many bytes of them."""

    def __init__(self, oldest_bytes: float) -> None:
        self.newer_bytes = 0
        self._most_bytes = oldest_bytes
        self._bytes = 0
        self._latest_first: list[tuple[int, str, Entry]] = []

    def add(self, entry: Entry) -> None:
        heappush(self._latest_first, (-entry.used_ns, entry.name, entry))
        self._bytes += entry.bytes
        while self._bytes > self._most_bytes:
            newer = self._latest_first[0][2]
            if self._bytes - newer.bytes < self._most_bytes:
                return
            heappop(self._latest_first)
            self._bytes -= newer.bytes
            self.newer_bytes += newer.bytes

    def __iter__(self) -> Iterator[Entry]:
        return (entry for _, _, entry in self._latest_first)


def _entries(folder: Path) -> Iterator[Entry]:
    """The files of a cache as they are found, whatever they are."""
    for kind in ("states", "raws", "plates"):
        for group in _scanned(f"{folder}/{kind}"):
            for file in _scanned(group.path):
                with suppress(OSError):  # another process has removed it
                    status = file.stat()
                    name = f"{kind}/{group.name}/{file.name}"
                    yield Entry(name, status.st_size, status.st_mtime_ns)


def _count(census: CacheScan, pictures: _Oldest, entry: Entry, old_ns: int) -> None:
    kind, group, name = entry.name.split("/")
    if is_temporary(name):
        if entry.used_ns < old_ns:
            census.left_overs.append(entry)
    elif kind in ("raws", "plates"):
        if name.endswith(SUFFIX):
            pictures.add(entry)
    elif name == _ANCHORS:
        census.spans.setdefault(group, SpanEntries()).anchors = entry
    elif (place := _place(group, name)) is not None:
        snapshots = census.spans.setdefault(group, SpanEntries()).snapshots
        snapshots.append(Snapshot(place.index, entry))


def _scanned(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _place(span: str, name: str) -> SnapshotKey | None:
    index, _, digest = name.removesuffix(SUFFIX).partition(".")
    if not (name.endswith(SUFFIX) and index.isdigit() and digest):
        return None
    place = SnapshotKey(span, int(index), digest)
    return place if place.name.endswith(f"/{name}") else None
