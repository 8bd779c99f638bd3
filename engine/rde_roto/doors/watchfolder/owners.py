"""Who works on a job, and whether they still do."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Final

from rde_roto.doors.watchfolder.job_folder import MOST_STATUS_BYTES, OWNER, write_whole
from rde_roto.values.processes import is_alive, this_machine
from rde_roto.values.regular_files import read_regular_text

BEAT_S: Final = 2.0
DEAD_AFTER_S: Final = 60.0
"""A worker of another machine whose sign has not changed for so long is dead."""


@dataclass
class Owner:
    """A worker as its jobs name it. `beat` grows as long as it lives."""

    worker: str
    machine: str
    pid: int
    beat: int = 0

    @staticmethod
    def of_this_process() -> Owner:
        """One that nobody else is."""
        return Owner(secrets.token_hex(6), this_machine(), os.getpid())

    @property
    def label(self) -> str:
        """For people: the machine's name and the process."""
        return f"{self.machine.partition(' ')[0]}:{self.pid}"

    def write(self, folder: Path) -> None:
        """Leaves a new sign of life in a job's folder. Raises OSError, also when it is gone."""
        self.beat += 1
        write_whole(folder / OWNER, json.dumps(asdict(self)) + "\n")

    def has(self, folder: Path) -> bool:
        """Whether a job is still this worker's: it was neither moved nor given to another one.

        It is while nobody can tell, because a disk or a share fails for a moment.
        """
        try:
            return _read(folder).get("worker") == self.worker
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return _may_be_a_file(folder / OWNER)


def _may_be_a_file(path: Path) -> bool:
    """Whether a file may be at a path, as far as one can tell; not where a pipe or a device is."""
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return True


class Beating:
    """Signs of life in a job's folder every few seconds, from a thread, for a `with` block.

    `lost` is set once the job is not this worker's any more, because somebody moved it.
    """

    def __init__(self, owner: Owner, folder: Path, every_s: float = BEAT_S) -> None:
        self.lost = Event()
        self._owner = owner
        self._folder = folder
        self._every_s = every_s
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Beating:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            if not self._owner.has(self._folder):
                self.lost.set()
                return
            with suppress(OSError):  # a full disk, or a share that is away for a moment
                self._owner.write(self._folder)


@dataclass
class Pulses:
    """Tells whose jobs' workers are dead: a process of this machine that is gone, at once; another
    one when its sign stood still, as this process saw it and by its own clock, so that clocks of
    machines need not agree, and may jump.

    Args: clock, seconds that only go up; is_alive, of a process of this machine.
    """

    clock: Callable[[], float]
    is_alive: Callable[[int], bool] = is_alive
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict)

    def dead(self, folders: Iterable[Path]) -> Iterator[Path]:
        """Those of the folders of running jobs that nobody works on any more."""
        now = self.clock()
        seen = self._seen
        self._seen = {}
        for folder in folders:
            said = _said(folder)
            sign = f"{said.get('worker')} {said.get('beat')}"
            before, since = seen.get(folder, (None, now))
            since = since if before == sign else now
            self._seen[folder] = sign, since
            if now - since >= DEAD_AFTER_S or self._is_gone(said):
                yield folder

    def _is_gone(self, said: dict[str, object]) -> bool:
        pid = said.get("pid")
        is_near = said.get("machine") == this_machine()
        return is_near and isinstance(pid, int) and not self.is_alive(pid)


def _said(folder: Path) -> dict[str, object]:
    with suppress(OSError):
        return _read(folder)
    return {}


def _read(folder: Path) -> dict[str, object]:
    """What a job's folder says of its owner; nothing where that is no document. Raises OSError."""
    with suppress(ValueError, RecursionError):
        said = json.loads(read_regular_text(folder / OWNER, MOST_STATUS_BYTES))
        if isinstance(said, dict):
            return said
    return {}
