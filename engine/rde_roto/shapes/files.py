"""Shapes in files: what a name's ending stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from rde_roto.shapes.document import read_document, shapes_text
from rde_roto.shapes.nuke import nuke_text, read_nuke
from rde_roto.shapes.shape import ShotShapes

_FORMATS: Final[dict[str, tuple[Callable[[Path], ShotShapes], Callable[[ShotShapes], str]]]] = {
    ".json": (read_document, shapes_text),
    ".nk": (read_nuke, nuke_text),
}

SHAPE_FILES: Final = tuple(_FORMATS)
"""The endings of files that hold shapes."""


def is_shapes_file(path: Path | str) -> bool:
    """Whether a name is one of a file that holds shapes."""
    return Path(path).suffix.lower() in _FORMATS


def read_shapes(path: Path) -> ShotShapes:
    """Read shapes from a shapes document, or from the Roto nodes of Nuke's script (`.nk`).

    Raises DocumentError, naming the file and the entry that is wrong.
    """
    read, _ = _FORMATS.get(path.suffix.lower(), _FORMATS[".json"])
    return read(path)


def file_text(path: Path, shapes: ShotShapes) -> str:
    """Return the text of shapes for a file, by its ending: `is_shapes_file`."""
    _, text = _FORMATS[path.suffix.lower()]
    return text(shapes)
