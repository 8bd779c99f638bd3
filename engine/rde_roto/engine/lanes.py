"""Threads that many nodes share, so that no node blocks the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TypeAlias

Task: TypeAlias = Callable[[], None]


class Lanes:
    """One lane for each key: the tasks of a lane run in order, in parallel with other lanes.

    So a plate on a hanging disk blocks only its own shot, as long as there are free `threads`.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._lock = Lock()
        self._waiting: dict[object, deque[Task]] = {}  # by lane, for lanes with a running task

    def submit(self, lane: object, task: Task) -> None:
        """Run a task, which must not raise, after those of its lane. RuntimeError after `close`."""
        with self._lock:
            if lane in self._waiting:
                self._waiting[lane].append(task)
            else:
                self._pool.submit(self._run, lane, task)
                self._waiting[lane] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether all submitted tasks are done."""
        with self._lock:
            return not self._waiting

    def close(self) -> None:
        """Wait for running tasks; drop the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, lane: object, task: Task) -> None:
        task()
        with self._lock:
            waiting = self._waiting[lane]
            if waiting:
                with suppress(RuntimeError):  # closed
                    self._pool.submit(self._run, lane, waiting.popleft())
            else:
                del self._waiting[lane]
