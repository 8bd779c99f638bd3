"""Run the jobs of a hot folder on the machines of a Dask cluster.

No state is kept here or in the scheduler. Each task is a process on some machine that claims one
entry of the inbox by a rename, as any worker does, and exits. The folder that a job ends in says
how it went. So a scheduler that forgets a task, or runs it twice, does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from threading import Event

from distributed import Client, Future

from rde_roto.doors.watchfolder.scanner import Scanner
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import UsageError

RESOURCE = "GPU"
_CONNECTS_WITHIN_S = 30
_STOPPED = (130, 143)
_PROGRAM = "from rde_roto.doors.cli import main; main()"


class Dispatcher:
    """Submit the jobs of a hot folder to a scheduler, one task each.

    At most twice as many tasks are submitted as there are workers with the GPU resource. `failed`
    counts the jobs that failed on some machine.

    Args:
        scanner: knows which jobs wait.
        scheduler: address of the scheduler.
        options: command line options for the worker processes.

    Raises UsageError when the scheduler does not answer.
    """

    def __init__(self, scanner: Scanner, scheduler: str, options: list[str]) -> None:
        self._scanner = scanner
        self._options = options
        self._submitted: dict[str, Future[int]] = {}
        self.failed = 0
        try:
            self._client = Client(scheduler, timeout=_CONNECTS_WITHIN_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"there is no Dask scheduler at {scheduler}: {error}") from error

    @property
    def has_waiting(self) -> bool:
        """Whether a job waits or has been submitted."""
        return self._scanner.inbox.has_entries or bool(self._submitted)

    def scan(self) -> Iterator[str]:
        """List the jobs to submit next. Raises OSError when the folder cannot be listed."""
        for entry in [entry for entry, task in self._submitted.items() if task.done()]:
            self._finish(entry, self._submitted.pop(entry))
        free = 2 * max(1, self._machines()) - len(self._submitted)
        waiting = (name for name in self._scanner.scan() if name not in self._submitted)
        return (name for name, _ in zip(waiting, range(free), strict=False))

    def take(self, entry: str, _stop: Event) -> None:
        """Submit a job."""
        command = ["watch", str(self._scanner.folder.root), "--job", entry, "--tied"]
        self._submitted[entry] = self._client.submit(
            run_tied,
            [*command, *self._options],
            resources={RESOURCE: 1},
            priority=self._scanner.inbox.priority(entry),
            pure=False,
        )

    def _finish(self, entry: str, task: Future[int]) -> None:
        """Count a job that failed, and log a process that did nothing with its job."""
        if task.status != "finished":
            self._scanner.log(f"{entry}: the Dask task was lost ({task.status})")
            return
        code = task.result()
        if code == PartialError.exit_code:
            self.failed += 1
        elif code not in (0, *_STOPPED):
            self._scanner.log(
                f"{entry}: the process exited with code {code}: see that machine's log"
            )

    def close(self) -> None:
        """Disconnect from the cluster. Tasks that run there continue to their end."""
        for task in self._submitted.values():
            task.cancel()  # has no effect on tasks that run already
        self._client.close()

    def _machines(self) -> int:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(RESOURCE in worker["resources"] for worker in workers)


def run_tied(arguments: list[str]) -> int:
    """Run the command line in a process that stops when this one ends, and return its exit code.

    The process reads its standard input. That closes however this process ends; the other one then
    puts its job back into the inbox.
    """
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        return process.wait()
