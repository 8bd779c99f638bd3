"""A lock file for work that one process does at a time, on this or any machine that shares it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockTakenError(Exception):
    """Another process holds the lock."""


@contextmanager
def process_lock(path: Path) -> Iterator[None]:
    """Holds a lock that ends with this process, however it ends. Raises LockTakenError.

    The file of that path stays, empty; its folder must be there.
    """
    with path.open("a+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise LockTakenError from error
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
