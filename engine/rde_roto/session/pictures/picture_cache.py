"""A cache of display pictures, filled ahead of time by threads of its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from threading import Condition, Thread
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
PictureRequest: TypeAlias = "tuple[Hashable, Callable[[], Bytes]]"
"""The key of a picture, and what makes it."""


class PictureCache:
    """Pictures by name. The least recently used ones are dropped first. Thread-safe.

    Args:
        budget_bytes: how much is kept.
        ready: called on a thread of the cache with the name of each picture, and its error if any.
        threads: how many make pictures, each those of its own request. What one waits for does not
            hold up the others, and what several were asked for is made once.
    """

    def __init__(
        self,
        budget_bytes: int,
        ready: Callable[[Hashable, Exception | None], None],
        threads: int = 1,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._ready = ready
        self._held_bytes = 0
        self._kept: OrderedDict[Hashable, Bytes] = OrderedDict()
        self._errors: dict[Hashable, Exception] = {}
        self._wanted: list[list[PictureRequest]] = [[] for _ in range(threads)]
        self._making: set[Hashable] = set()
        self._closed = False
        self._changed = Condition()
        self._threads = [
            Thread(target=self._run, args=(one,), name="rde-roto-look-ahead", daemon=True)
            for one in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def get(self, name: Hashable) -> Bytes | None:
        """Return a picture; None if it is not ready."""
        with self._changed:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def put(self, name: Hashable, picture: Bytes) -> None:
        """Store a picture that somebody else made."""
        with self._changed:
            if name not in self._kept:
                self._kept[name] = picture
                self._held_bytes += picture.nbytes
            while self._held_bytes > self._budget_bytes and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._held_bytes -= gone.nbytes

    def request(self, *pictures: Sequence[PictureRequest]) -> None:
        """Have pictures made, by each thread the most urgent first. This replaces the previous
        request.

        A request for more than the budget holds pushes out its own first pictures.
        """
        with self._changed:
            self._wanted = [list(own) for own in pictures]
            self._changed.notify_all()

    def is_awaited(self, name: Hashable) -> bool:
        """Whether a picture is being made or will be."""
        with self._changed:
            wanted = (other for own in self._wanted for other, _ in own)
            return name in self._making or name in wanted

    def error(self, name: Hashable) -> Exception | None:
        """Return why a picture could not be made; None if it could, or was not tried."""
        with self._changed:
            return self._errors.get(name)

    def forget_errors(self) -> None:
        """Make what could not be made, if it is requested again."""
        with self._changed:
            self._errors.clear()

    def settle(self) -> None:
        """Wait until nothing is left to make."""
        with self._changed:
            self._changed.wait_for(lambda: not any(self._wanted) and not self._making)

    def close(self) -> None:
        """Stop the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self, own: int) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._wanted[own]))
                if self._closed:
                    return
                name, make = self._wanted[own].pop(0)
                self._changed.wait_for(partial(self._is_free, name))
                is_needed = name not in self._kept and name not in self._errors
                if is_needed:
                    self._making.add(name)
            if is_needed:
                self._make(name, make)
            with self._changed:
                if is_needed:
                    self._making.remove(name)
                self._changed.notify_all()

    def _is_free(self, name: Hashable) -> bool:
        """Whether no other thread is making a picture."""
        return name not in self._making

    def _make(self, name: Hashable, make: Callable[[], Any]) -> None:
        try:
            self.put(name, make())
        except Exception as error:  # of any kind: one bad frame must not end the thread
            with self._changed:
                self._errors[name] = error
            self._ready(name, error)
        else:
            self._ready(name, None)
