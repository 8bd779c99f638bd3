"""Prepares shot documents for writing and writes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rde_roto.atomic import write_text
from rde_roto.documents.library import is_path
from rde_roto.documents.shot_document import ElementEntry, ShotDocument
from rde_roto.images.plates.missing_frames import on_disk
from rde_roto.shot_files.opening import OpenedShot, plate_digest
from rde_roto.values.digest import digest_file
from rde_roto.values.keyframe import Element
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset

_OF_PIXELS: Final = ("input", "tracking", "finish", "output")  # sections of a preset


def spelled_out(document: ShotDocument, opened: OpenedShot) -> ShotDocument:
    """Fill in everything that the document left to its plate and masks: range, elements, and which
    elements each mask draws.

    So a changed mask, or frames that arrive later, do not change the meaning of the document.
    """
    shot = opened.shot
    # the masks of one frame are one keyframe; if there are several, each names its elements
    drawn = {keyframe.frame: list(shot.drawn_elements(keyframe)) for keyframe in shot.keyframes}
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


def frozen(document: ShotDocument, preset: Preset, plate: Plate) -> ShotDocument:
    """Fix what the masks of a document with absolute paths contain, and the frames of its plate on
    which they are drawn, and all settings of its preset that decide pixels: whoever opens it later
    has the same ones, or an InputError for a mask or the plate.

    Raises InputError for a file that cannot be read.
    """
    keyframes = [
        entry.model_copy(
            update={
                "digest": digest_file(Path(entry.mask)),
                "plate_digest": plate_digest(on_disk(plate), entry.frame),
            }
        )
        for entry in document.keyframes
    ]
    settings = preset.model_dump(mode="json", include=set(_OF_PIXELS))
    fixed = {f"{part}.{key}": value for part in _OF_PIXELS for key, value in settings[part].items()}
    overrides = {**document.overrides, **fixed}
    return document.model_copy(update={"keyframes": keyframes, "overrides": overrides})


def relative_to(document: ShotDocument, folder: Path) -> ShotDocument:
    """Convert paths relative to the current folder into paths relative to `folder`; absolute paths
    stay.
    """
    return _with_paths(document, Path(), lambda path: _from(folder, path))


def made_absolute(document: ShotDocument, folder: Path) -> ShotDocument:
    """Convert paths relative to `folder` into absolute paths."""
    return _with_paths(document, folder, lambda path: absolute(folder / path))


def _with_paths(
    document: ShotDocument, folder: Path, convert: Callable[[str], str]
) -> ShotDocument:
    """Convert all paths of a document whose paths start at `folder`."""
    plate = document.plate
    preset, model = document.preset, document.model
    return document.model_copy(
        update={
            "plate": plate.model_copy(update={"path": convert(plate.path)}),
            "keyframes": [
                entry.model_copy(update={"mask": convert(entry.mask)})
                for entry in document.keyframes
            ],
            "locks": [
                entry.model_copy(update={"mattes": convert(entry.mattes)})
                for entry in document.locks
            ],
            "preset": convert(preset) if is_path(preset) else preset,
            "model": convert(model) if (folder / model).is_file() else model,
            "learned": None if document.learned is None else convert(document.learned),
        }
    )


def absolute(path: str | Path) -> str:
    """Make a path absolute without following links."""
    return os.path.abspath(path)  # noqa: PTH100


def write_document(path: Path, text: str) -> None:
    """Write the text of a document atomically; a link stays a link.

    The folder is created if missing. Raises OutputError.
    """
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777
    except OSError:  # there is none yet
        mode = None
    write_text(target, text, mode=mode)


def element_entry(element: Element) -> ElementEntry:
    """Return the document entry of an element."""
    name = None if element.name == element.id else element.name
    return ElementEntry(id=element.id, name=name, in_point=element.in_point, color=element.color)


def _from(folder: Path, path: str) -> str:
    """Convert a path relative to the current folder into one relative to `folder`."""
    if Path(path).is_absolute():
        return path
    target = absolute(path)
    try:
        return Path(os.path.relpath(target, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return target
