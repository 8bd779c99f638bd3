"""Workers of a hot folder in processes of their own, which track with the toy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import toy_worker

from rde_roto.doors.watchfolder.hot_folder import HotFolder


def command(folder: HotFolder, cache: Path, *options: str) -> list[str]:
    return [sys.executable, toy_worker.__file__, str(folder.root), str(cache), *options]


def environment() -> dict[str, str]:
    unit = Path(toy_worker.__file__).parents[1] / "unit"
    paths = [str(unit), str(unit.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    home = os.environ.get("HOME", "")
    return {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "HOME": home, "PATH": ""}


@contextmanager
def workers(folder: HotFolder, cache: Path, count: int, *options: str) -> Iterator[Workers]:
    team = Workers(folder, cache, *options)
    try:
        for _ in range(count):
            team.start()
        yield team
    finally:
        team.end()


class Workers:
    """Processes, and what they say: each line, and "" when one has ended."""

    def __init__(self, folder: HotFolder, cache: Path, *options: str) -> None:
        self.said: SimpleQueue[str] = SimpleQueue()
        self.running: list[subprocess.Popen[str]] = []
        self._command = command(folder, cache, *options)
        self._threads: list[Thread] = []

    def start(self) -> None:
        process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, env=environment()
        )
        self.running.append(process)
        self._threads.append(Thread(target=self._listen, args=(process,)))
        self._threads[-1].start()

    def kill(self, process: subprocess.Popen[str]) -> bool:
        """Whether it was killed, rather than at its end already."""
        process.kill()
        self.running.remove(process)
        return process.wait() == -9

    def ended(self) -> list[subprocess.Popen[str]]:
        return [process for process in self.running if process.poll() is not None]

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.said.put(line.strip())
        self.said.put("")
