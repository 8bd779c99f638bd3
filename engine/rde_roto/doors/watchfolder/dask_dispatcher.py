"""Jobs of a hot folder on the machines of a Dask cluster.

Nothing of a job is kept here or there: each task is a process on some machine that takes one entry
of the inbox as any worker does, by a rename, and ends. What becomes of the job is told by where it
lies. So a scheduler that forgets, or a task that Dask runs twice, does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from threading import Event

from distributed import Client, Future

from rde_roto.doors.watchfolder.scanner import Lookout
from rde_roto.values.errors import PartialError, UsageError

RESOURCE = "GPU"
_CONNECTS_WITHIN_S = 30
_STOPPED = (130, 143)
_PROGRAM = "from rde_roto.doors.cli import main; main()"


class Dispatcher:
    """Hands the jobs of a hot folder to a scheduler, one task each, as many as there are workers
    with a GPU tag and as many again.

    `failed` counts the jobs that failed on some machine.

    Args:
        lookout: knows what waits.
        scheduler: the address of the scheduler.
        options: of the command line, for the processes that do the jobs.

    Raises UsageError when the scheduler does not answer.
    """

    def __init__(self, lookout: Lookout, scheduler: str, options: list[str]) -> None:
        self._lookout = lookout
        self._options = options
        self._flying: dict[str, Future[int]] = {}
        self.failed = 0
        try:
            self._client = Client(scheduler, timeout=_CONNECTS_WITHIN_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"there is no Dask scheduler at {scheduler}: {error}") from error

    @property
    def waits(self) -> bool:
        """Whether a job waits or is with a machine."""
        return self._lookout.inbox.waiting or bool(self._flying)

    def look(self) -> Iterator[str]:
        """The jobs to hand on next. Raises OSError when the folder cannot be listed."""
        for entry in [entry for entry, task in self._flying.items() if task.done()]:
            self._landed(entry, self._flying.pop(entry))
        free = 2 * max(1, self._machines()) - len(self._flying)
        waiting = (name for name in self._lookout.look() if name not in self._flying)
        return (name for name, _ in zip(waiting, range(free), strict=False))

    def take(self, entry: str, _stop: Event) -> None:
        """Hands a job on."""
        command = ["watch", str(self._lookout.folder.root), "--job", entry, "--tied"]
        self._flying[entry] = self._client.submit(
            run_tied,
            [*command, *self._options],
            resources={RESOURCE: 1},
            priority=self._lookout.inbox.priority(entry),
            pure=False,
        )

    def _landed(self, entry: str, task: Future[int]) -> None:
        """Counts a job that failed, and tells of a process that did nothing with its job."""
        if task.status != "finished":
            self._lookout.say(f"{entry}: its task was lost, {task.status}")
            return
        code = task.result()
        if code == PartialError.exit_code:
            self.failed += 1
        elif code not in (0, *_STOPPED):
            self._lookout.say(
                f"{entry}: its process ended with code {code}: see that machine's log"
            )

    def close(self) -> None:
        """Leaves the cluster; what runs there runs on and ends as it does."""
        for task in self._flying.values():
            task.cancel()  # those that have not begun
        self._client.close()

    def _machines(self) -> int:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(RESOURCE in worker["resources"] for worker in workers)


def run_tied(arguments: list[str]) -> int:
    """Runs the command line in a process that stops when this one ends; its exit code.

    The process reads its standard input, which closes with this one however it ends, then gives
    its job back.
    """
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        return process.wait()
