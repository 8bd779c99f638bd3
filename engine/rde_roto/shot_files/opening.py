"""What a shot document says, opened: its plate, its masks, its locks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rde_roto.images.masks import element_names, read_mask
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.images.plates import open_plate
from rde_roto.images.sequences import FramePattern
from rde_roto.shot_files.locks import FileLock
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, elements_named
from rde_roto.values.plate import Plate, PlateFormat
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot
from rde_roto.values.shot_document import KeyframeEntry, LockEntry, ShotDocument


@dataclass(frozen=True)
class OpenedShot:
    """All that a document says, ready to be tracked.

    `model` is a model's name or a weights file, `document` the document's own file if it has one.
    `inputs` are the files besides the plate that the shot is read from: masks and locked mattes.
    """

    shot: Shot
    preset: Preset
    model: str
    inputs: tuple[Path, ...]
    document: Path | None = None


def open_document(
    document: ShotDocument, preset: Preset, folder: Path = Path(), memo: PlateMemo | None = None
) -> OpenedShot:
    """The shot of a document whose paths start at `folder`; every mask is read and checked.

    Raises UsageError for what does not fit together, InputError for a plate or mask that is
    missing, damaged or of the wrong size.
    """
    plate = open_plate(str(folder / document.plate.path), document.plate.color_space, memo)
    elements = shot_elements(document)
    ids = tuple(element.id for element in elements)
    masks = [_keyframe(entry, folder, plate, ids) for entry in document.keyframes]
    keyframes = tuple(map(_joined, _by_frame(masks)))
    if not elements:
        named = [name for keyframe in keyframes for name in keyframe.elements or ()]
        elements = elements_named(*dict.fromkeys(named))
    locks = tuple(open_lock(lock, folder, plate.format) for lock in document.locks)
    frames = document.range or _whole_range(plate)
    shot = Shot(plate, frames, elements, keyframes, locks)
    _check_locks(locks, shot)
    drawn = (folder / entry.mask for entry in document.keyframes)
    pinned = (lock.pattern.path(frame) for lock in locks for frame in lock.frames)
    weights = folder / document.model
    model = str(weights) if weights.is_file() else document.model
    return OpenedShot(shot, preset, model, (*drawn, *pinned))


def open_lock(lock: LockEntry, folder: Path, plate_format: PlateFormat) -> FileLock:
    """A lock of a document; its files are read when they are asked for.

    Raises UsageError when the name of its files has no frame number.
    """
    pattern = FramePattern.parse(str(folder / lock.mattes))
    if pattern is None:
        raise UsageError(f"the locked mattes {lock.mattes} have no frame number: expected ####")
    return FileLock(lock.frames, tuple(lock.elements), pattern, plate_format)


def shot_elements(document: ShotDocument) -> tuple[Element, ...]:
    """The elements that a document lists, their names made fit for EXR layers.

    Raises UsageError when a name keeps no letter or digit or two become the same.
    """
    entries = document.elements
    names = element_names([entry.name or entry.id for entry in entries])
    return tuple(
        Element(entry.id, name, entry.in_point) for entry, name in zip(entries, names, strict=True)
    )


def _keyframe(entry: KeyframeEntry, folder: Path, plate: Plate, ids: tuple[str, ...]) -> Keyframe:
    """A keyframe with its mask; `ids` are those of the listed elements, () where none are."""
    drawn = tuple(entry.elements or ids) or None
    alpha, names = read_mask(folder / entry.mask, plate.format, entry.mask_as, drawn)
    return Keyframe(entry.frame, alpha, names)


def _by_frame(masks: Iterable[Keyframe]) -> Iterable[list[Keyframe]]:
    frames: dict[int, list[Keyframe]] = {}
    for mask in masks:
        frames.setdefault(mask.frame, []).append(mask)
    return frames.values()


def _joined(masks: list[Keyframe]) -> Keyframe:
    """One keyframe of the masks of a frame, each of which draws other elements."""
    first, *others = masks
    if not others:
        return first
    drawn = [element for mask in masks for element in mask.elements or ()]
    twice = ", ".join(sorted({element for element in drawn if drawn.count(element) > 1}))
    if twice:
        raise UsageError(
            f"frame {first.frame} has {len(masks)} masks, of which more than one draws {twice}: "
            f"name what each draws, as in {first.frame}:{drawn[0]}=mask.png"
        )
    return Keyframe(first.frame, np.concatenate([mask.alpha for mask in masks]), tuple(drawn))


def _check_locks(locks: tuple[FileLock, ...], shot: Shot) -> None:
    for lock in locks:
        unknown = ", ".join(sorted(set(lock.elements).difference(shot.ids)))
        if unknown:
            raise UsageError(
                f"the lock of {lock.frames} pins {unknown}; the elements are {', '.join(shot.ids)}"
            )


def _whole_range(plate: Plate) -> FrameRange:
    """All frames of a plate. Raises InputError when it has holes: they are rarely meant."""
    first, last = plate.range.first, plate.range.last
    missing = FrameRange.of(range(first, last + 1)).difference(plate.range)
    if missing:
        raise InputError(
            f"{plate.name} goes from {first} to {last} but lacks {missing}: restore what is "
            "missing, or say with --frames, or range in a shot document, which frames you want"
        )
    return plate.range
