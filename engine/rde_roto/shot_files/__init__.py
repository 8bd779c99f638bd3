"""Shot documents on disk, and the files they refer to: plate, masks and locked mattes."""

from __future__ import annotations

from pathlib import Path

from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.shot_files.opening import OpenedShot
from rde_roto.shot_files.shot_file import ShotFile

__all__ = ["OpenedShot", "ShotFile", "open_shot"]


def open_shot(path: str | Path, memo: PlateMemo | None = None) -> OpenedShot:
    """Open the shot of a document, `NAME.shot.yaml`, with its preset and its model's name.

    `memo` has the digests of unchanged plate files. Raises DocumentError, naming file and line, for
    a document that is missing or wrong, InputError for a plate or mask that is missing, damaged or
    of the wrong size.
    """
    return ShotFile.read(Path(path)).open(memo)
