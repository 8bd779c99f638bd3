"""What one process does at a time, on this machine or on others that share the disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TakenError(Exception):
    """Another process is there already."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Holds a lock that ends with this process, however it ends. Raises TakenError.

    The file of that path stays, empty; its folder must be there.
    """
    with path.open("a+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise TakenError from error
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
