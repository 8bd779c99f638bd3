"""Hold an output folder open, so that nobody can redirect its mattes elsewhere meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.images.mattes import MatteWriter
from rde_roto.values.errors import OutputError, UsageError
from rde_roto.values.matte import Matte

_HAS_DESCRIPTOR_PATHS: Final = sys.platform == "linux"  # /proc/self/fd
_A_REAL_FOLDER: Final = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class HeldFolder:
    """An open folder at `path`, a path without links. Write through `alias`.

    On Linux `alias` is the path of the folder's descriptor, so that a write always goes into the
    folder that was checked. Elsewhere it equals `path`, and `check` before and after each matte
    finds a link.
    """

    path: Path
    alias: Path

    def check(self) -> None:
        """Raise OutputError when the folder is no longer at its path."""
        try:
            is_there = self.path.resolve() == self.path and self.path.samefile(self.alias)
        except OSError:
            is_there = False
        if not is_there:
            raise OutputError(
                f"{self.path} was moved, or replaced by a link, while mattes were written into it"
            )

    @contextmanager
    def naming_real_path(self) -> Iterator[None]:
        """Have errors name the folder by its real path instead of its alias."""
        try:
            yield
        except (OutputError, UsageError) as error:
            message = str(error).replace(str(self.alias), str(self.path))
            raise type(error)(message) from error


@contextmanager
def hold_folder(folder: Path) -> Iterator[HeldFolder]:
    """Open a folder, and create it if missing. `folder` must be a path without links.

    Raises OutputError when it cannot be created or leads elsewhere.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = (
            os.open(folder, os.O_RDONLY | _A_REAL_FOLDER) if _HAS_DESCRIPTOR_PATHS else None
        )
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error
    try:
        alias = folder if descriptor is None else Path(f"/proc/self/fd/{descriptor}")
        held = HeldFolder(folder, alias)
        held.check()
        yield held
    finally:
        if descriptor is not None:
            os.close(descriptor)


@dataclass(frozen=True)
class HeldMatteWriter:
    """Write with `writer`, whose files lie in `folder.alias`."""

    writer: MatteWriter
    folder: HeldFolder

    @property
    def form(self) -> str:
        """See `MatteWriter.form`."""
        return self.writer.form

    def path(self, frame: int) -> Path:
        """Return the file of a frame, by its real path."""
        return self._named(self.writer.path(frame))

    def files(self, frame: int) -> tuple[Path, ...]:
        """Return all files of a frame, by their real paths."""
        return tuple(map(self._named, self.writer.files(frame)))

    def is_written(self, frame: int, digest: str) -> bool:
        """See `MatteWriter.is_written`."""
        return self.writer.is_written(frame, digest)

    def has_digest(self, frame: int, digest: str) -> bool:
        """See `MatteWriter.has_digest`."""
        return self.writer.has_digest(frame, digest)

    def write(self, matte: Matte) -> None:
        """See `MatteWriter.write`. Raises OutputError also when the folder was moved."""
        self.folder.check()
        with self.folder.naming_real_path():
            self.writer.write(matte)
        self.folder.check()

    def _named(self, path: Path) -> Path:
        return self.folder.path / path.name
