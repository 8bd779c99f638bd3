"""Clears what is left of jobs that were done long ago, when somebody asks for that.

A report, a sheet, a status and the job's document go. A folder that was dropped stays, since a
plate and its masks are somebody's work, and so does any job beside which anybody put anything.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.doors.watchfolder.hot_folder import DIGESTS, HotFolder
from rde_roto.doors.watchfolder.job_folder import (
    JOB,
    JOB_SUFFIXES,
    STATUS,
    is_told,
    job_inside,
    remove_empty,
    status_of,
)

_LOOKS_EVERY_S: Final = 3600.0
_DAY_S: Final = 86400
_GOING: Final = ".going."
"""Before its files go a job's folder is renamed: so nobody moves half of it away."""


@dataclass
class Retention:
    """Clears `done/` and the digests of jobs now and then.

    Args:
        folder: the hot folder.
        days: how long a job that is done is kept.
        clock: seconds that only go up.
        say: is told of what went.
    """

    folder: HotFolder
    days: float
    clock: Callable[[], float]
    say: Callable[[str], None]
    _next_s: float = float("-inf")

    def clear(self) -> None:
        """Removes what is old, unless that was done within the hour. Raises OSError."""
        if self.clock() < self._next_s:
            return
        self._next_s = self.clock() + _LOOKS_EVERY_S
        before = self._now() - self.days * _DAY_S
        for folder in _inside(self.folder.root / "done"):
            if folder.name.startswith(_GOING):
                _remove(folder)  # of a worker that was killed meanwhile
            elif _modified(folder / STATUS) < before and _is_a_document_alone(folder):
                going = folder.with_name(_GOING + folder.name)
                with suppress(OSError):  # somebody has just moved it
                    folder.rename(going)
                    _remove(going)
                    self.say(f"{folder.name}: done {self.days:g} days ago, its report is cleared")
        for known in _inside(self.folder.root / DIGESTS):
            if _modified(known) < before and self.folder.delivered(known.name) is None:
                with suppress(OSError):
                    known.unlink()

    def _now(self) -> float:
        """The time by the clock that dates the folder's files, of whichever machine that is."""
        with tempfile.TemporaryFile(dir=self.folder.root) as file:
            file.write(b"now")
            file.flush()
            return os.fstat(file.fileno()).st_mtime


def _is_a_document_alone(folder: Path) -> bool:
    """Whether the folder of a job that is done holds a document and what tells of it, no more."""
    status, dropped = status_of(folder), job_inside(folder)
    if status is None or status.state != "done" or len(dropped) != 1:
        return False
    is_document = dropped[0].name.lower().endswith(JOB_SUFFIXES)
    if not is_document or not stat.S_ISREG(dropped[0].lstat().st_mode):
        return False
    return all(path.name == JOB or is_told(path.name) for path in _inside(folder))


def _remove(folder: Path) -> None:
    """Removes the folder of a job that is going."""
    with suppress(OSError):
        for document in _inside(folder / JOB):
            if document.name.lower().endswith(JOB_SUFFIXES):
                document.unlink()
        remove_empty(folder)


def _inside(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from list(folder.iterdir())


def _modified(path: Path) -> float:
    """When a file was written last; never, where there is none."""
    with suppress(OSError):
        return path.lstat().st_mtime
    return float("inf")
