"""Threads that work for many nodes, none of which keeps the others waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TypeAlias

Task: TypeAlias = Callable[[], None]


class Lanes:
    """A lane for each key: its tasks run one after the other, beside those of other lanes.

    So a plate on a disk that hangs holds up its own shot, as long as there are `threads`.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._lock = Lock()
        self._waiting: dict[object, deque[Task]] = {}  # of the lanes in which something runs

    def submit(self, lane: object, task: Task) -> None:
        """Has a task done, which raises nothing. Raises RuntimeError after `close`."""
        with self._lock:
            if lane in self._waiting:
                self._waiting[lane].append(task)
            else:
                self._pool.submit(self._run, lane, task)
                self._waiting[lane] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether all that was submitted is done."""
        with self._lock:
            return not self._waiting

    def close(self) -> None:
        """Returns when what runs has ended; the rest is dropped."""
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
