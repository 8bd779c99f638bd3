"""What every watcher of a hot folder does at each look: dead workers' jobs go back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.owners import Pulses


@dataclass
class Lookout:
    """Gives back the jobs of a folder whose workers are dead, and looks into its inbox."""

    folder: HotFolder
    inbox: Inbox
    pulses: Pulses
    say: Callable[[str], None]

    def look(self) -> list[str]:
        """The jobs that have arrived, the next one first. Raises OSError when the folder cannot be
        listed.
        """
        for dead in list(self.pulses.dead(self.folder.running.iterdir())):
            name = self.folder.give_back(dead)
            if name is not None:
                self.say(f"{name}: its worker is dead, it goes back to the inbox")
        self.inbox.look()
        return self.inbox.jobs()
