"""Write a job's progress into its status file while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from threading import Lock
from typing import Final

from rde_roto.doors.watchfolder.job_folder import Claim
from rde_roto.doors.watchfolder.owners import Owner

_WRITES_EVERY_S: Final = 1.0


def now_text() -> str:
    """Return the date and time as a status has it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class StatusWriter:
    """Keep a job's status up to date. Any thread may call it with a frame.

    `is_lost` is set once the job was moved or is another worker's; nothing is written then.

    Args:
        claim: the job, whose status says what is asked for.
        owner: the worker that runs it.
        clock: seconds that only go up.
    """

    def __init__(self, claim: Claim, owner: Owner, clock: Callable[[], float]) -> None:
        self.claim = claim
        self.is_lost = False
        self._owner = owner
        self._clock = clock
        self._lock = Lock()
        self._written_s = clock()
        self.restart()
        self.update()

    def restart(self) -> None:
        """Count frames from zero: they are made again, or for the first time."""
        self._began = self._clock()
        self._made = self._kept = 0

    def __call__(self, _frame: int, kept: bool) -> None:
        with self._lock:
            self._kept += kept
            self._made += not kept
            self.claim = self.claim.with_status(**self._progress())
            # write the first frame at once: it shows that this try made progress, if it is the last
            is_first = self._made == 1 and not kept
            if is_first or self._clock() - self._written_s >= _WRITES_EVERY_S:
                self._written_s = self._clock()
                self.update()

    def update(self, **changed: object) -> None:
        """Write the status. A full disk or a job that was moved is no reason to stop."""
        self.claim = self.claim.with_status(**changed, updated=now_text())
        self.is_lost = self.is_lost or not self._owner.owns(self.claim.folder)
        with suppress(OSError):
            if not self.is_lost:
                self.claim.write()

    def _progress(self) -> dict[str, object]:
        done = self._made + self._kept
        seconds = self._clock() - self._began
        speed = self._made / seconds if self._made and seconds > 0 else None
        left = self.claim.status.total - done
        return {
            "done": done,
            "kept": self._kept,
            "tries": 1 if self._made else self.claim.status.tries,  # this try made progress
            "frames_per_second": speed,
            "seconds_left": None if speed is None else left / speed,
        }
