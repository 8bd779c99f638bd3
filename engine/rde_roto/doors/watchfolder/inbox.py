"""Find the jobs in the inbox, see which are complete, and order them.

Scanning is all that this relies on, since no operating system reports what other machines write to
a network share. An entry is complete when it does not change from one scan to the next. An entry
that came by a rename on this machine may be reported to `arrived`, and is complete at once.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from rde_roto.documents.job_document import PRIORITY
from rde_roto.documents.yaml_text import MOST_BYTES
from rde_roto.doors.watchfolder.job_folder import JOB_SUFFIXES, is_job_folder, is_junk, job_inside
from rde_roto.values.digest import digest_of
from rde_roto.values.regular_files import read_head

_HALF_SUFFIXES: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload")

_READS_PER_SCAN: Final = 2000
_MOST_INSIDE: Final = 300_000
_DEEPEST: Final = 8
"""How many facts about a dropped folder are compared to see whether a copy is complete: name, size
and time of up to a hundred thousand files.
"""
_HEAD_BYTES: Final = 1 << 16
_PRIORITY: Final = re.compile(
    rb"""^[ \t{,]*["']?priority["']?[ \t]*:[ \t]*(\d{1,3})\b""", re.MULTILINE
)

Signature: TypeAlias = "tuple[object, ...]"


@dataclass
class _Seen:
    """An entry as it was at the last scan. `order` is None until it is complete."""

    signature: Signature
    order: tuple[int, int, str] | None = None


class Inbox:
    """The jobs that wait in a folder. `ignored` are the visible files that are none.

    Args:
        folder: the inbox.
        listdir: lists the names in a folder.
        stat: stats a path without following links.
    """

    def __init__(
        self,
        folder: Path,
        listdir: Callable[[str], list[str]] = os.listdir,
        stat: Callable[[str], os.stat_result] = os.lstat,
    ) -> None:
        self._folder = folder
        self._listdir = listdir
        self._stat = stat
        self._seen: dict[str, _Seen] = {}
        self._whole: set[str] = set()
        self.ignored: set[str] = set()

    def arrived(self, name: str) -> None:
        """Mark an entry as complete, because it came by a rename. May be called from any thread."""
        self._whole.add(name)

    def scan(self) -> None:
        """Notice what has come, what has gone, and what has not changed since the last scan.

        Entries that cannot be jobs are skipped: hidden names, names of unfinished copies, files
        that are neither YAML nor JSON, and the files that operating systems leave in folders.
        Raises OSError when the folder cannot be listed.
        """
        before, self._seen = self._seen, {}
        self.ignored = set()
        reads = _READS_PER_SCAN
        for name in self._listdir(str(self._folder)):
            if is_junk(name) or name.lower().endswith(_HALF_SUFFIXES):
                continue
            signature = self._signature(name)
            if signature is None:
                self.ignored.add(name)
                continue
            last = before.get(name)
            is_still = last is not None and last.signature == signature
            seen = last if last is not None and is_still else _Seen(signature)
            if seen.order is None and reads and (is_still or name in self._whole):
                seen.order = (-self._priority(name), _age(signature), name)
                reads -= 1
            self._seen[name] = seen
        self._whole &= self._seen.keys()

    @property
    def has_entries(self) -> bool:
        """Whether anything lies there that may become a job."""
        return bool(self._seen)

    def jobs(self) -> list[str]:
        """Return the complete jobs: highest priority first, then oldest first."""
        orders = [seen.order for seen in self._seen.values() if seen.order is not None]
        return [name for _, _, name in sorted(orders)]

    def priority(self, name: str) -> int:
        """Return the priority of a complete job."""
        order = self._seen[name].order
        return PRIORITY if order is None else -order[0]

    def forget(self, name: str) -> None:
        """Drop an entry that was claimed."""
        self._seen.pop(name, None)

    def _signature(self, name: str) -> Signature | None:
        """Return what changes while an entry is being written; None for what is no job."""
        path = f"{self._folder}/{name}"
        is_document = name.lower().endswith(JOB_SUFFIXES)
        try:
            found = self._stat(path)
            if stat.S_ISLNK(found.st_mode):
                return _signature_of_link(path, found, is_document)
        except OSError:
            return None  # gone already
        if not stat.S_ISDIR(found.st_mode):
            return (found.st_mtime_ns, found.st_size) if is_document else None
        # keep only a digest: a folder may hold a hundred thousand files and wait for weeks
        return (found.st_mtime_ns, digest_of(*islice(self._inside(path), _MOST_INSIDE)))

    def _inside(self, folder: str, depth: int = 1) -> Iterator[str | int]:
        """Yield names, sizes and times of what a dropped folder holds, also in its subfolders.

        Links are not followed: they may lead anywhere, and back.
        """
        try:
            names = sorted(self._listdir(folder))
        except OSError:
            return
        for name in names:
            path = f"{folder}/{name}"
            try:
                found = self._stat(path)
            except OSError:
                continue
            yield from (name, found.st_size, found.st_mtime_ns)
            if stat.S_ISDIR(found.st_mode) and depth < _DEEPEST:
                yield from self._inside(path, depth + 1)

    def _priority(self, name: str) -> int:
        """Read a job's priority without parsing the rest of it. A wrong document fails when its
        turn comes.
        """
        path = self._folder / name
        try:
            if is_job_folder(path):
                path = next(iter(job_inside(path)), path)
            if path.is_dir():
                path = next(iter(documents_in(path)), path)
            match = _PRIORITY.search(read_head(path, _HEAD_BYTES, MOST_BYTES))
        except OSError:
            return PRIORITY
        return PRIORITY if match is None else int(match[1])


def documents_in(folder: Path) -> list[Path]:
    """Return the documents at the top of a dropped folder. Raises OSError."""
    visible = (path for path in folder.iterdir() if not is_junk(path.name))
    return sorted(path for path in visible if path.name.lower().endswith(JOB_SUFFIXES))


def _signature_of_link(path: str, link: os.stat_result, is_document: bool) -> Signature | None:
    """Return the signature of a link and of the file that it leads to.

    A folder behind a link is not searched, so it has to be complete when the link is dropped.
    """
    try:
        found = Path(path).stat()
    except OSError:
        # a broken link: it is taken, so that the job fails with a reason
        return (link.st_mtime_ns,) if is_document else None
    if stat.S_ISDIR(found.st_mode):
        return (link.st_mtime_ns,)
    return (link.st_mtime_ns, found.st_mtime_ns, found.st_size) if is_document else None


def _age(signature: Signature) -> int:
    return signature[0] if isinstance(signature[0], int) else 0
