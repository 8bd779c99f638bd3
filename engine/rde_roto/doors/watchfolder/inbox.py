"""What lies in the inbox, what of it has arrived whole, and what comes first.

Looking is all that is relied on, since no operating system tells what other machines write to a
network share. What does not change from one look to the next has arrived; what came by a rename on
this machine may be told of by `arrived`, and need not be waited for.
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

_READS_A_LOOK: Final = 2000
_MOST_INSIDE: Final = 300_000
_DEEPEST: Final = 8
"""How much of a dropped folder is looked at, to see whether it stands still: three things of each
of a hundred thousand files.
"""
_HEAD_BYTES: Final = 1 << 16
_PRIORITY: Final = re.compile(
    rb"""^[ \t{,]*["']?priority["']?[ \t]*:[ \t]*(\d{1,3})\b""", re.MULTILINE
)

Signature: TypeAlias = "tuple[object, ...]"


@dataclass
class _Seen:
    """An entry as it was at the last look; `order` is None until it has arrived."""

    signature: Signature
    order: tuple[int, int, str] | None = None


class Inbox:
    """The jobs that wait in a folder.

    Args:
        folder: the inbox.
        listdir: the names in a folder.
        stat: of a path itself, links too.
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

    def arrived(self, name: str) -> None:
        """Says that an entry is whole: it came by a rename. Any thread may."""
        self._whole.add(name)

    def look(self) -> None:
        """Sees what has come, has gone, and has stood still since the last look.

        What is no job is not looked at: hidden names, names of half-copied files, files that are
        neither YAML nor JSON, what systems leave in folders. Raises OSError when the folder cannot
        be listed.
        """
        before, self._seen = self._seen, {}
        reads = _READS_A_LOOK
        for name in self._listdir(str(self._folder)):
            if is_junk(name) or name.lower().endswith(_HALF_SUFFIXES):
                continue
            signature = self._signature(name)
            if signature is None:
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
    def waiting(self) -> bool:
        """Whether anything lies there that may become a job."""
        return bool(self._seen)

    def jobs(self) -> list[str]:
        """What has arrived: the highest priority first, then the oldest."""
        orders = [seen.order for seen in self._seen.values() if seen.order is not None]
        return [name for _, _, name in sorted(orders)]

    def priority(self, name: str) -> int:
        """Of a job that has arrived."""
        order = self._seen[name].order
        return PRIORITY if order is None else -order[0]

    def forget(self, name: str) -> None:
        """Says that an entry was taken."""
        self._seen.pop(name, None)

    def _signature(self, name: str) -> Signature | None:
        """What changes while an entry is written; None for what is no job."""
        path = f"{self._folder}/{name}"
        is_document = name.lower().endswith(JOB_SUFFIXES)
        try:
            found = self._stat(path)
            if stat.S_ISLNK(found.st_mode):
                return _signature_of_link(path, found, is_document)
        except OSError:
            return None  # gone again
        if not stat.S_ISDIR(found.st_mode):
            return (found.st_mtime_ns, found.st_size) if is_document else None
        # no more than its digest: a folder may hold a hundred thousand files, for weeks
        return (found.st_mtime_ns, digest_of(*islice(self._inside(path), _MOST_INSIDE)))

    def _inside(self, folder: str, depth: int = 1) -> Iterator[str | int]:
        """Names, sizes and times of what a dropped folder holds, also in its folders.

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
        """What a job says, read without understanding the rest of it: a wrong document fails when
        its turn has come.
        """
        path = self._folder / name
        try:
            if is_job_folder(path):
                path = next(iter(job_inside(path)), path)
            if path.is_dir():
                path = next(iter(documents_in(path)), path)
            said = _PRIORITY.search(read_head(path, _HEAD_BYTES, MOST_BYTES))
        except OSError:
            return PRIORITY
        return PRIORITY if said is None else int(said[1])


def documents_in(folder: Path) -> list[Path]:
    """The documents right inside a dropped folder. Raises OSError."""
    visible = (path for path in folder.iterdir() if not is_junk(path.name))
    return sorted(path for path in visible if path.name.lower().endswith(JOB_SUFFIXES))


def _signature_of_link(path: str, link: os.stat_result, is_document: bool) -> Signature | None:
    """A link has arrived when it and the file that it leads to stand still; a folder that it leads
    to is not looked through, so it has to be whole by then.
    """
    try:
        found = Path(path).stat()
    except OSError:
        # a link that leads nowhere, which is taken and told to be one
        return (link.st_mtime_ns,) if is_document else None
    if stat.S_ISDIR(found.st_mode):
        return (link.st_mtime_ns,)
    return (link.st_mtime_ns, found.st_mtime_ns, found.st_size) if is_document else None


def _age(signature: Signature) -> int:
    return signature[0] if isinstance(signature[0], int) else 0
