"""A folder that mattes are written into, held, so that nobody leads them elsewhere meanwhile."""

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

_HAS_NAMES: Final = sys.platform == "linux"  # of descriptors, that other calls understand
_A_REAL_FOLDER: Final = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class HeldFolder:
    """A folder at `path`, without links; `alias` leads to it whatever lies at `path` by now.

    On Linux that is its descriptor's name, so that a write goes where it was allowed to go. Where
    there is none it is `path`, and a link is told before and after each matte.
    """

    path: Path
    alias: Path

    def check(self) -> None:
        """Raises OutputError when the folder is not at its path any more."""
        try:
            is_there = self.path.resolve() == self.path and self.path.samefile(self.alias)
        except OSError:
            is_there = False
        if not is_there:
            raise OutputError(
                f"{self.path} was moved, or replaced by a link, while mattes were written into it"
            )

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors name the folder as people find it."""
        try:
            yield
        except (OutputError, UsageError) as error:
            said = str(error).replace(str(self.alias), str(self.path))
            raise type(error)(said) from error


@contextmanager
def held(folder: Path) -> Iterator[HeldFolder]:
    """Holds a folder, which is made where it is missing; `folder` is a path without links.

    Raises OutputError when it cannot be made, or leads elsewhere.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | _A_REAL_FOLDER) if _HAS_NAMES else None
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error
    try:
        alias = folder if descriptor is None else Path(f"/proc/self/fd/{descriptor}")
        kept = HeldFolder(folder, alias)
        kept.check()
        yield kept
    finally:
        if descriptor is not None:
            os.close(descriptor)


@dataclass(frozen=True)
class HeldWriter:
    """Writes as `writer` does, whose files lie in `folder.alias`."""

    writer: MatteWriter
    folder: HeldFolder

    def path(self, frame: int) -> Path:
        """The file of a frame, as people find it."""
        return self._named(self.writer.path(frame))

    def files(self, frame: int) -> tuple[Path, ...]:
        """All files of a frame, as people find them."""
        return tuple(map(self._named, self.writer.files(frame)))

    def is_written(self, frame: int, digest: str) -> bool:
        """As `MatteWriter` says."""
        return self.writer.is_written(frame, digest)

    def write(self, matte: Matte) -> None:
        """As `MatteWriter` says. Raises OutputError too when the folder was moved."""
        self.folder.check()
        with self.folder.named():
            self.writer.write(matte)
        self.folder.check()

    def _named(self, path: Path) -> Path:
        return self.folder.path / path.name
