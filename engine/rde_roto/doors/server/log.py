"""The engine's log, which does not grow without end."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 1 << 20
_KEPT_BYTES = 1 << 16


class Log:
    """What the engine prints, where a client that started it has that go to `path`.

    Other places, such as a terminal or a file of the user's own, are left alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep_small(self) -> None:
        """Forgets all but the end of it once it is long. To be called now and then."""
        with suppress(OSError):  # no log is no reason to end
            log = self._path.stat()
            out = os.fstat(1)
            same = (log.st_dev, log.st_ino) == (out.st_dev, out.st_ino)
            if not same or not stat.S_ISREG(out.st_mode) or out.st_size <= _MOST_BYTES:
                return
            with self._path.open("rb") as file:
                file.seek(-_KEPT_BYTES, os.SEEK_END)
                end = file.read().partition(b"\n")[2]
            # the log is open for appending: what is printed from now on comes behind this
            os.ftruncate(1, 0)
            os.write(1, b"rde-roto: what was here before is forgotten\n" + end)
