"""A least-recently-used cache in RAM with a budget in bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class RamCache(Generic[V]):
    """Values by digest; the least recently used go first. Thread-safe."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._held_bytes = 0
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str) -> V | None:
        """Return the value, marked as the last used, or None."""
        with self._lock:
            found = self._values.get(digest)
            if found is None:
                return None
            self._values.move_to_end(digest)
            return found[0]

    def __contains__(self, digest: object) -> bool:
        with self._lock:
            return digest in self._values

    def put(self, digest: str, value: V, nbytes: int) -> None:
        """Store a value of ``nbytes``, unless it alone is larger than the budget."""
        with self._lock:
            _, freed_bytes = self._values.pop(digest, (None, 0))
            self._held_bytes -= freed_bytes
            if nbytes > self.budget_bytes:
                return
            self._held_bytes += nbytes
            self._values[digest] = value, nbytes
            while self._held_bytes > self.budget_bytes:
                _, (_, freed_bytes) = self._values.popitem(last=False)
                self._held_bytes -= freed_bytes
