"""Read ahead for a slow consumer and write behind a fast producer, with one thread each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")

Job: TypeAlias = Callable[[], None]
Later: TypeAlias = Callable[[Job], None]
"""Does a job now or soon: ``at_once``, or ``WriteBehind(at_once)`` on a thread."""


def at_once(job: Job) -> None:
    """Do a job now."""
    job()


def _do_nothing() -> None:
    pass


def read_ahead(
    items: Iterator[T], depth: int, hurry: Job = _do_nothing
) -> Generator[T, None, None]:
    """Yield the same items, up to ``depth`` of them made ahead on a thread.

    An error of ``items`` is raised in place of its item. Closing the generator, or Ctrl-C, ends the
    thread after the item in progress, and then closes ``items`` if it is a generator. ``hurry`` is
    called before that: it may cut short an item that takes long.
    """
    end = object()
    with ExitStack() as at_end:
        if isinstance(items, Generator):
            at_end.callback(items.close)
        pool = at_end.enter_context(ThreadPoolExecutor(max_workers=1))
        waiting = deque(pool.submit(next, items, end) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, items, end))
                yield cast("T", item)
        finally:
            hurry()
            for future in waiting:
                future.cancel()


class WriteBehind(Generic[T]):
    """Calls ``write`` on a thread; at most ``depth`` items wait.

    An error of ``write`` is raised by a later call or on leaving the ``with`` block; items that
    still wait are then dropped.
    """

    def __init__(self, write: Callable[[T], None], depth: int = 2) -> None:
        self._write = write
        self._depth = depth
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def __call__(self, item: T) -> None:
        while len(self._waiting) >= self._depth:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._write_or_skip, item))

    def _write_or_skip(self, item: T) -> None:
        if self._failed:
            return
        try:
            self._write(item)
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> WriteBehind[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while self._waiting:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
