"""What every watcher of a hot folder does at each look: dead workers' jobs go back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.owners import Pulses
from rde_roto.doors.watchfolder.retention import Retention


@dataclass
class Lookout:
    """Gives back the jobs of a folder whose workers are dead, clears old ones where that is asked
    for, and looks into its inbox.
    """

    folder: HotFolder
    inbox: Inbox
    pulses: Pulses
    say: Callable[[str], None]
    retention: Retention | None = None
    _strangers: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def look(self) -> list[str]:
        """The jobs that have arrived, the next one first. Raises OSError when the folder cannot be
        listed.
        """
        ours, others = self.folder.at_work()
        for dead in list(self.pulses.dead(ours)):
            name = self.folder.give_back(dead)
            if name is not None:
                self.say(f"{name}: its worker is dead, it goes back to the inbox")
        if self.retention is not None:
            self.retention.clear()
        self._tell_of({path.name for path in others})
        self.inbox.look()
        return self.inbox.jobs()

    def _tell_of(self, there: set[str]) -> None:
        """Once each, if they are there at two looks: a job may be on its way out at one."""
        for name in sorted(there & self._strangers - self._told):
            self.say(
                f"running/{name} was put there by no worker and stays as it is: "
                "jobs are dropped into inbox"
            )
        self._told = there & (self._told | self._strangers)
        self._strangers = there
