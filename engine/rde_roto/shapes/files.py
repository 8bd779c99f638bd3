"""Shapes in files: what a name's ending stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rde_roto.shapes.blender_mask import mask_remarks, mask_text, read_mask
from rde_roto.shapes.document import read_document, shapes_text
from rde_roto.shapes.nuke import nuke_text, read_nuke
from rde_roto.shapes.shape import ShotShapes

_FORMATS: Final[dict[str, tuple[Callable[[Path], ShotShapes], Callable[[ShotShapes], str]]]] = {
    ".mask.json": (read_mask, mask_text),
    ".json": (read_document, shapes_text),
    ".nk": (read_nuke, nuke_text),
}

SHAPE_FILES: Final = (".json", ".nk", ".mask.json")
"""The endings of files that hold shapes."""


def is_shapes_file(path: Path | str) -> bool:
    """Whether a name is one of a file that holds shapes."""
    return _ending(path) is not None


def read_shapes(path: str | Path) -> ShotShapes:
    """Read shapes from a shapes document, from the Roto nodes of Nuke's script (`.nk`), or from
    what the extension wrote of Blender's masks (`.mask.json`).

    Raises DocumentError, naming the file and the entry that is wrong.
    """
    read, _ = _FORMATS[_ending(path) or ".json"]
    return read(Path(path))


def file_text(path: Path, shapes: ShotShapes) -> str:
    """Return the text of shapes for a file, by its ending; for others it is that of a document."""
    _, text = _FORMATS[_ending(path) or ".json"]
    return text(shapes)


def file_remarks(path: Path, shapes: ShotShapes) -> Iterator[str]:
    """Yield sentences about what is drawn differently from a file: what was said when the shapes
    were read, and what the host of this one does.
    """
    yield from shapes.remarks
    if _ending(path) == ".mask.json":
        yield from mask_remarks(shapes)


def _ending(path: Path | str) -> str | None:
    name = str(path).lower()
    return next((ending for ending in _FORMATS if name.endswith(ending)), None)
