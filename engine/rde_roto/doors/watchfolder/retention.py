"""Remove finished jobs after some days, if that was asked for.

Report, sheet, status and job document are removed. A folder that was dropped stays, since a plate
and its masks are somebody's work; so does any job folder into which somebody put a file.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.atomic import time_in
from rde_roto.doors.watchfolder.hot_folder import DIGESTS, HotFolder
from rde_roto.doors.watchfolder.job_folder import (
    JOB,
    JOB_SUFFIXES,
    STATUS,
    is_status_file,
    job_inside,
    remove_empty,
    status_of,
)

_CLEARS_EVERY_S: Final = 3600.0
_DAY_S: Final = 86400
_GOING: Final = ".going."
"""A job's folder is renamed before its files are removed, so that nobody moves half a job away."""


@dataclass
class Retention:
    """Clear `done/` and the digests of old jobs from time to time.

    Args:
        folder: the hot folder.
        days: how long a finished job is kept.
        clock: seconds that only go up.
        log: called with a sentence for each job removed.
    """

    folder: HotFolder
    days: float
    clock: Callable[[], float]
    log: Callable[[str], None]
    _next_s: float = float("-inf")

    def clear(self) -> None:
        """Remove what is old, at most once an hour. Raises OSError."""
        if self.clock() < self._next_s:
            return
        self._next_s = self.clock() + _CLEARS_EVERY_S
        before = time_in(self.folder.root) - self.days * _DAY_S
        for folder in _inside(self.folder.root / "done"):
            if folder.name.startswith(_GOING):
                _remove(folder)  # left by a worker that was killed meanwhile
            elif _modified(folder / STATUS) < before and _is_a_document_alone(folder):
                going = folder.with_name(_GOING + folder.name)
                with suppress(OSError):  # somebody has just moved it
                    folder.rename(going)
                    _remove(going)
                    self.log(f"{folder.name}: done {self.days:g} days ago, removed from done/")
        for known in _inside(self.folder.root / DIGESTS):
            if _modified(known) < before and self.folder.job_of_digest(known.name) is None:
                with suppress(OSError):
                    known.unlink()


def _is_a_document_alone(folder: Path) -> bool:
    """Whether the folder of a finished job holds a document, workers' files and nothing else."""
    status, dropped = status_of(folder), job_inside(folder)
    if status is None or status.state != "done" or len(dropped) != 1:
        return False
    is_document = dropped[0].name.lower().endswith(JOB_SUFFIXES)
    if not is_document or not stat.S_ISREG(dropped[0].lstat().st_mode):
        return False
    return all(path.name == JOB or is_status_file(path.name) for path in _inside(folder))


def _remove(folder: Path) -> None:
    """Remove the folder of a job that was renamed for removal."""
    with suppress(OSError):
        for document in _inside(folder / JOB):
            if document.name.lower().endswith(JOB_SUFFIXES):
                document.unlink()
        remove_empty(folder)


def _inside(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from list(folder.iterdir())


def _modified(path: Path) -> float:
    """Return when a file was last written; infinity if there is none."""
    with suppress(OSError):
        return path.lstat().st_mtime
    return float("inf")
