"""The last few of what takes long to make, shared by threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Keeps the `most` that were asked for last, each under a name, and makes each once.

    It is made on the thread of whoever asks first. Who asks for the same waits, nobody else does:
    what makes one may hang on a file of its caller's.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()  # nothing is made under it
        self._kept: OrderedDict[Hashable, Future[T]] = OrderedDict()

    def get(self, name: Hashable, make: Callable[[], T], fresh: bool = False) -> T:
        """What is kept under a name, or else made; made anew with `fresh`. Raises what `make`
        raises, and keeps nothing then.
        """
        made: Future[T] = Future()
        with self._lock:
            kept = made if fresh else self._kept.get(name, made)
            self._kept[name] = kept
            self._kept.move_to_end(name)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        if kept is made:
            self._make(name, make, made)
        return kept.result()

    def _make(self, name: Hashable, make: Callable[[], T], made: Future[T]) -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._kept.get(name) is made:
                    del self._kept[name]
            made.set_exception(error)
