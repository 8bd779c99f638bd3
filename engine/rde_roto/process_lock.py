"""A lock file for work that one process does at a time, on this or any machine that shares it."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_RETRY_S = 0.02
_TAKEN: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)


class LockTakenError(Exception):
    """Another process holds the lock."""


@contextmanager
def process_lock(path: Path, within_s: float = 0.0) -> Iterator[None]:
    """Holds a lock that ends with this process, however it ends.

    Raises LockTakenError; OSError where the file cannot be opened, or the file system has no locks,
    as some shares.

    The file of that path stays, empty; its folder must be there. With `within_s` it is tried again
    for so long: whoever only looks whether the lock is free takes it for a moment.
    """
    end_s = time.monotonic() + within_s
    with path.open("a+b") as file:
        while True:
            try:
                _lock(file.fileno())
                break
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                if time.monotonic() >= end_s:
                    raise LockTakenError from error
            time.sleep(_RETRY_S)
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
