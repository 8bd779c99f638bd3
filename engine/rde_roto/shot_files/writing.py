"""A shot document on its way to disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rde_roto.atomic import write_text
from rde_roto.documents.library import is_path
from rde_roto.documents.shot_document import ElementEntry, ShotDocument
from rde_roto.shot_files.opening import OpenedShot
from rde_roto.values.keyframe import Element


def spelled_out(document: ShotDocument, opened: OpenedShot) -> ShotDocument:
    """The document with all that was left to its plate and masks: range, elements, who draws what.

    So a mask that changes, or frames that arrive later, do not change what the document means.
    """
    shot = opened.shot
    # masks of one frame are one keyframe; where there are several each says what it draws
    drawn = {keyframe.frame: list(shot.drawn(keyframe)) for keyframe in shot.keyframes}
    return document.model_copy(
        update={
            "range": opened.range,
            "elements": [element_entry(element) for element in shot.elements],
            "keyframes": [
                entry.model_copy(update={"elements": entry.elements or drawn[entry.frame]})
                for entry in document.keyframes
            ],
        }
    )


def moved(document: ShotDocument, folder: Path) -> ShotDocument:
    """A document whose paths start here as one that lies in `folder`; absolute paths stay."""
    return _elsewhere(document, Path(), lambda path: _from(folder, path))


def made_absolute(document: ShotDocument, folder: Path) -> ShotDocument:
    """A document whose paths start at `folder` as one that may lie anywhere."""
    return _elsewhere(document, folder, lambda path: absolute(folder / path))


def _elsewhere(document: ShotDocument, folder: Path, named: Callable[[str], str]) -> ShotDocument:
    """A document whose paths start at `folder` with each of them named anew."""
    plate = document.plate
    preset, model = document.preset, document.model
    return document.model_copy(
        update={
            "plate": plate.model_copy(update={"path": named(plate.path)}),
            "keyframes": [
                entry.model_copy(update={"mask": named(entry.mask)}) for entry in document.keyframes
            ],
            "locks": [
                entry.model_copy(update={"mattes": named(entry.mattes)}) for entry in document.locks
            ],
            "preset": named(preset) if is_path(preset) else preset,
            "model": named(model) if (folder / model).is_file() else model,
            "learned": None if document.learned is None else named(document.learned),
        }
    )


def absolute(path: str | Path) -> str:
    """The path from the root; links are not followed."""
    return os.path.abspath(path)  # noqa: PTH100


def write_document(path: Path, text: str) -> None:
    """Writes the text of a document, whole or not at all; a link stays one.

    The folder is made when it is missing. Raises OutputError.
    """
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777
    except OSError:  # there is none yet
        mode = None
    write_text(target, text, mode=mode)


def element_entry(element: Element) -> ElementEntry:
    """How a document lists an element."""
    name = None if element.name == element.id else element.name
    return ElementEntry(id=element.id, name=name, in_point=element.in_point, color=element.color)


def _from(folder: Path, path: str) -> str:
    """A path from here as one from `folder`."""
    if Path(path).is_absolute():
        return path
    target = absolute(path)
    try:
        return Path(os.path.relpath(target, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return target
