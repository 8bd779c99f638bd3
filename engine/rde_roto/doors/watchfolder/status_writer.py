"""What a worker tells of the job at work, as it goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from threading import Lock
from typing import Final

from rde_roto.doors.watchfolder.job_folder import Claim
from rde_roto.doors.watchfolder.owners import Owner

_TELLS_EVERY_S: Final = 1.0


def now_text() -> str:
    """The date and time, as a status says it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class Telling:
    """Keeps a job's status up to date; any thread may call it with a frame.

    `is_lost` once the job was seen to be another worker's, or moved; nothing is written then.

    Args:
        claim: the job, whose status says what is asked for.
        owner: the worker that tells.
        clock: seconds that only go up.
    """

    def __init__(self, claim: Claim, owner: Owner, clock: Callable[[], float]) -> None:
        self.claim = claim
        self.is_lost = False
        self._owner = owner
        self._clock = clock
        self._lock = Lock()
        self._told = clock()
        self.begin()
        self.tell()

    def begin(self) -> None:
        """Counts frames from none: they are made anew, or for the first time."""
        self._began = self._clock()
        self._made = self._kept = 0

    def __call__(self, _frame: int, kept: bool) -> None:
        with self._lock:
            self._kept += kept
            self._made += not kept
            self.claim = self.claim.telling(**self._so_far())
            # the first one at once: it tells that this try came on, if it is the last thing told
            is_first = self._made == 1 and not kept
            if is_first or self._clock() - self._told >= _TELLS_EVERY_S:
                self._told = self._clock()
                self.tell()

    def tell(self, **changed: object) -> None:
        """Writes the status; a disk that is full or a job that was moved is no reason to stop."""
        self.claim = self.claim.telling(**changed, updated=now_text())
        self.is_lost = self.is_lost or not self._owner.has(self.claim.folder)
        with suppress(OSError):
            if not self.is_lost:
                self.claim.write()

    def _so_far(self) -> dict[str, object]:
        done = self._made + self._kept
        seconds = self._clock() - self._began
        speed = self._made / seconds if self._made and seconds > 0 else None
        left = self.claim.status.total - done
        return {
            "done": done,
            "kept": self._kept,
            "tries": 1 if self._made else self.claim.status.tries,  # it comes on
            "frames_per_second": speed,
            "seconds_left": None if speed is None else left / speed,
        }
