"""A worker of a hot folder: takes the next job, delivers it, and so on. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from rde_roto.doors.watchfolder.hot_folder import DEFAULTS
from rde_roto.doors.watchfolder.job_folder import Claim, status_of
from rde_roto.doors.watchfolder.job_reader import Opener
from rde_roto.doors.watchfolder.job_run import Doing, Make
from rde_roto.doors.watchfolder.owners import Beating, Owner
from rde_roto.doors.watchfolder.scanner import Lookout
from rde_roto.doors.watchfolder.status_writer import Telling, now_text
from rde_roto.values.errors import DocumentError


@dataclass
class Worker:
    """Takes jobs of a hot folder until it is stopped.

    Args:
        lookout: knows what waits in the folder.
        opener: understands the jobs.
        make: makes what tracks them.
        owner: who this one is.
        clock: seconds that only go up.
    """

    lookout: Lookout
    opener: Opener
    make: Make
    owner: Owner
    clock: Callable[[], float]
    failed: int = 0
    _waits: dict[str, str] = field(default_factory=dict)
    _trouble: str = ""

    def look(self) -> Iterator[str]:
        """The jobs to take, the next one first. Raises OSError when the folder cannot be listed."""
        waiting = self.lookout.look()
        return filter(self._is_free, waiting) if self._is_sound() else iter(())

    @property
    def waits(self) -> bool:
        """Whether anything lies in the inbox that is or may become a job."""
        return self.lookout.inbox.waiting

    def take(self, entry: str, stop: Event) -> None:
        """Does a job of the inbox, unless another worker was faster.

        Raises OSError when the folder cannot be changed.
        """
        folder, say = self.lookout.folder, self.lookout.say
        self.lookout.inbox.forget(entry)
        claim = folder.claim(entry, self.owner)
        if claim is None:
            return
        name = claim.status.name
        say(f"{name}: begun")
        with Beating(self.owner, claim.folder) as beating:
            told = Telling(claim, self.owner, self.clock)
            cancel = lambda: stop.is_set() or beating.lost.is_set() or told.is_lost  # noqa: E731
            done = Doing(self.opener, self.make, told, cancel)
            end = done.to_its_end()
        claim = done.claim
        if not self.owner.has(claim.folder):
            self._was_moved(claim)
        elif end is None:
            folder.release(claim)
            say(f"{name}: {done.why}, it goes back to the inbox")
            if done.waits_for is not None:
                self._waits[name] = done.waits_for
        else:
            folder.finish(claim, end)
            self.failed += end == "failed"
            say(f"{name}: {end}, {done.why}")

    def _is_free(self, entry: str) -> bool:
        """Whether a job waits for no other one that does the same."""
        other = self._waits.get(entry)
        if other is None:
            return True
        if (self.lookout.folder.running / other).exists():
            return False
        del self._waits[entry]
        return True

    def _is_sound(self) -> bool:
        """Whether `defaults.yaml` can be read; else no job is taken, and none fails for it."""
        trouble = ""
        try:
            self.opener.defaults()
        except DocumentError as error:
            trouble = f"{error}; no job is begun until {DEFAULTS} is mended"
        if trouble and trouble != self._trouble:
            self.lookout.say(trouble)
        self._trouble = trouble
        return not trouble

    def _was_moved(self, claim: Claim) -> None:
        """Somebody took a job away: into `cancelled`, back into the inbox, or out."""
        name = claim.status.name
        cancelled = self.lookout.folder.root / "cancelled"
        moved = Claim(cancelled / claim.folder.name, claim.status)
        if status_of(moved.folder) is not None:
            with suppress(OSError):
                moved.telling(state="cancelled", tries=0, updated=now_text()).write()
        self.lookout.say(f"{name}: moved away while it ran, what is done stays")
