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
from pathlib import Path

from rde_roto.atomic import is_temporary

SUFFIX = ".safetensors"
LEFT_OVER_AFTER_S = 3600
"""A file that was not finished for so long never will be: its process was killed."""

_ANCHORS = "anchors" + SUFFIX


@dataclass(frozen=True)
class Place:
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


def places_of(folder: Path, span: str) -> frozenset[Place]:
    """The states of a span that are on disk. Raises OSError; a missing span has none."""
    try:
        names = [path.name for path in (folder / "states" / span).iterdir()]
    except FileNotFoundError:
        return frozenset()
    return frozenset(place for name in names if (place := _place(span, name)) is not None)


@dataclass(frozen=True)
class Entry:
    """A file: its name, its size, and when it was last written or read (its mtime)."""

    name: str
    bytes: int
    used_ns: int


@dataclass(frozen=True)
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
class Census:
    """All that a cache folder held while it was looked through. Left-overs belong to nobody."""

    spans: dict[str, SpanEntries] = field(default_factory=dict)
    raws: list[Entry] = field(default_factory=list)
    pushed: list[Entry] = field(default_factory=list)
    left_overs: list[Entry] = field(default_factory=list)

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
    def bytes(self) -> int:
        """Of all but the left-overs."""
        return bytes_of(self.entries)


def bytes_of(entries: list[Entry]) -> int:
    """Of these files together."""
    return sum(entry.bytes for entry in entries)


def take_census(folder: Path) -> Census:
    """What is there. Files may come and go meanwhile; what cannot be read is not there."""
    census = Census()
    old_ns = time.time_ns() - LEFT_OVER_AFTER_S * 10**9
    for kind in ("states", "raws", "plates"):
        for group in _scanned(folder / kind):
            for file in _scanned(Path(group.path)):
                with suppress(OSError):  # another process has removed it
                    status = file.stat()
                    name = f"{kind}/{group.name}/{file.name}"
                    _count(census, Entry(name, status.st_size, status.st_mtime_ns), old_ns)
    for name, span in list(census.spans.items()):
        if not span.snapshots and span.used_ns < old_ns:
            census.left_overs += census.spans.pop(name).entries
    return census


def _count(census: Census, entry: Entry, old_ns: int) -> None:
    kind, group, name = entry.name.split("/")
    if is_temporary(name):
        if entry.used_ns < old_ns:
            census.left_overs.append(entry)
    elif kind in ("raws", "plates"):
        if name.endswith(SUFFIX):
            (census.raws if kind == "raws" else census.pushed).append(entry)
    elif name == _ANCHORS:
        census.spans.setdefault(group, SpanEntries()).anchors = entry
    elif (place := _place(group, name)) is not None:
        snapshots = census.spans.setdefault(group, SpanEntries()).snapshots
        snapshots.append(Snapshot(place.index, entry))


def _scanned(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _place(span: str, name: str) -> Place | None:
    index, _, digest = name.removesuffix(SUFFIX).partition(".")
    if not (name.endswith(SUFFIX) and index.isdigit() and digest):
        return None
    place = Place(span, int(index), digest)
    return place if place.name.endswith(f"/{name}") else None
