"""A lock file for work that one process does at a time, on this or any machine that shares it."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_RETRY_S = 0.02
_FOLLOWS_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_TAKEN: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)


class LockTakenError(Exception):
    """Another process holds the lock."""


@contextmanager
def process_lock(path: Path, within_s: float = 0.0) -> Iterator[None]:
    """Holds a lock that ends with this process, however it ends.

    Raises LockTakenError; OSError where the file cannot be opened or is a link, or the file system
    has no locks, as some shares.

    The file of that path stays, empty; its folder must be there. With `within_s` it is tried again
    for so long: whoever only looks whether the lock is free takes it for a moment.
    """
    end_s = time.monotonic() + within_s
    with open(path, "a+b", opener=_open_itself) as file:
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


def _open_itself(path: str, flags: int) -> int:
    """Open a lock file. In a folder that others can write to, a link would have this process create
    a file wherever they want.
    """
    return os.open(path, flags | _FOLLOWS_NO_LINK, 0o666)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
