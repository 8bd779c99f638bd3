"""Record which worker owns a job, and find workers that died."""

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

from rde_roto.doors.watchfolder.job_folder import MOST_STATUS_BYTES, OWNER, write_atomically
from rde_roto.values.processes import is_alive, this_machine
from rde_roto.values.regular_files import read_regular_text

BEAT_S: Final = 2.0
DEAD_AFTER_S: Final = 60.0
"""A worker on another machine whose heartbeat has not changed for this long is dead."""


@dataclass
class Owner:
    """A worker as `owner.json` names it. `beat` grows as long as the worker lives."""

    worker: str
    machine: str
    pid: int
    beat: int = 0

    @staticmethod
    def of_this_process() -> Owner:
        """Return a new owner with an id that nobody else has."""
        return Owner(secrets.token_hex(6), this_machine(), os.getpid())

    @property
    def label(self) -> str:
        """The machine's name and the process id, for people."""
        return f"{self.machine.partition(' ')[0]}:{self.pid}"

    def write(self, folder: Path) -> None:
        """Write a new heartbeat into a job's folder. Raises OSError, also when the folder is
        gone.
        """
        self.beat += 1
        write_atomically(folder / OWNER, json.dumps(asdict(self)) + "\n")

    def owns(self, folder: Path) -> bool:
        """Whether a job is still this worker's: it was neither moved nor given to another one.

        True while nobody can tell, because a disk or a share fails for a moment.
        """
        try:
            return _read(folder).get("worker") == self.worker
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return _may_be_a_file(folder / OWNER)


def _may_be_a_file(path: Path) -> bool:
    """Whether a file may be at a path, as far as can be told; not if a pipe or a device is
    there.
    """
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return True


class Heartbeat:
    """Write heartbeats into a job's folder every few seconds, from a thread, during a `with` block.

    `lost` is set once the job is no longer this worker's, because somebody moved it.
    """

    def __init__(self, owner: Owner, folder: Path, every_s: float = BEAT_S) -> None:
        self.lost = Event()
        self._owner = owner
        self._folder = folder
        self._every_s = every_s
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            if not self._owner.owns(self._folder):
                self.lost.set()
                return
            with suppress(OSError):  # a full disk, or a share that is briefly away
                self._owner.write(self._folder)


@dataclass
class DeadWorkers:
    """Find jobs whose workers are dead.

    A worker on this machine is dead when its process is gone. A worker on another machine is dead
    when its heartbeat has not changed for a while, by this process's clock; so the clocks of
    machines need not agree, and may jump.

    Args:
        clock: seconds that only go up.
        is_alive: whether a process of this machine lives.
    """

    clock: Callable[[], float]
    is_alive: Callable[[int], bool] = is_alive
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict)

    def find(self, folders: Iterable[Path]) -> Iterator[Path]:
        """Yield those folders of running jobs that nobody works on any more."""
        now = self.clock()
        seen = self._seen
        self._seen = {}
        for folder in folders:
            owner = _owner_document(folder)
            sign = f"{owner.get('worker')} {owner.get('beat')}"
            before, since = seen.get(folder, (None, now))
            since = since if before == sign else now
            self._seen[folder] = sign, since
            if now - since >= DEAD_AFTER_S or self._is_gone(owner):
                yield folder

    def _is_gone(self, owner: dict[str, object]) -> bool:
        pid = owner.get("pid")
        is_local = owner.get("machine") == this_machine()
        return is_local and isinstance(pid, int) and not self.is_alive(pid)


def _owner_document(folder: Path) -> dict[str, object]:
    with suppress(OSError):
        return _read(folder)
    return {}


def _read(folder: Path) -> dict[str, object]:
    """Read a job's `owner.json`; empty if it is not a document. Raises OSError."""
    with suppress(ValueError, RecursionError):
        document = json.loads(read_regular_text(folder / OWNER, MOST_STATUS_BYTES))
        if isinstance(document, dict):
            return document
    return {}
