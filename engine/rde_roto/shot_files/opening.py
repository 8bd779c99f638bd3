"""Opens what a shot document refers to: its plate, masks and locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rde_roto.documents.model_card import ModelChoice
from rde_roto.documents.shot_document import KeyframeEntry, LockEntry, PlateEntry, ShotDocument
from rde_roto.images.layers import PictureName
from rde_roto.images.masks import element_names
from rde_roto.images.origin import Footage, Origin
from rde_roto.images.plates import sequence_plate
from rde_roto.images.plates.missing_frames import FilledPlate, on_disk
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.sequence_plate import DiskPlate, SequencePlate
from rde_roto.images.sequences import FramePattern
from rde_roto.shot_files.keyframe_masks import DrawnOn, misnumbered, read_keyframes
from rde_roto.shot_files.locks import FileLock
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, elements_named
from rde_roto.values.plate import MissingPolicy, Plate, PlateFormat
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

OpenPlate: TypeAlias = "Callable[[PlateEntry, Preset, Path, PlateMemo | None], Footage]"
"""Opens the plate of a document, as `open_entry` does."""


@dataclass(frozen=True)
class OpenedShot:
    """A shot, opened and ready to be tracked.

    `model` is for `load_model`; `document` is the path of the document, if it has one. `inputs` are
    the files of the shot besides the plate: masks, locked mattes and learned weights. `learn_into`
    is the folder for learned weights if the preset asks for learning; None for the cache. `gaps`
    are frames of the document that the plate lacks, and `missing` says what to do about them: with
    `skip` the shot's range excludes them. `origin` is what mattes inherit from the plate.
    `is_whole`: nobody named frames, all that the plate had are wanted. `notes` are sentences about
    masks that may be those of other frames.
    """

    shot: Shot
    preset: Preset
    model: ModelChoice
    inputs: tuple[Path, ...]
    gaps: FrameRange
    missing: MissingPolicy
    origin: Origin
    document: Path | None = None
    learn_into: Path | None = None
    is_whole: bool = False
    notes: tuple[str, ...] = ()

    @property
    def learns(self) -> bool:
        """Whether its model must learn first: the preset asks for it, and the document has none."""
        return self.preset.running.learn and self.model.learned is None

    @property
    def range(self) -> FrameRange:
        """The frames of the document, including those that cannot be made."""
        return FrameRange.of([*self.shot.range, *self.skipped])

    @property
    def skipped(self) -> FrameRange:
        """The frames of the document that cannot be made."""
        return self.gaps.difference(self.shot.range)

    def check_complete(self, frames: FrameRange) -> None:
        """Check that these frames, which were delivered, are all that was wanted.

        Raises PartialError for those that the shot skips, and for frames of the plate that came
        after it was opened: somebody was still copying it. Others may have stood in for these.
        """
        name, skipped = self.shot.plate.name, frames.intersection(self.skipped)
        if skipped:
            raise PartialError(f"{name} lacks {skipped}: skipped, not delivered", skipped)
        source, late = on_disk(self.shot.plate), FrameRange.of(())
        if isinstance(source, SequencePlate):
            with suppress(InputError):  # the folder has gone, with every frame delivered
                late = source.sequence.later_frames()
        if not self.is_whole:
            late = late.intersection(frames)
        if late:
            raise PartialError(
                f"{name} has got frames since this began, {late}: run it again to make their "
                "mattes from them",
                late,
            )


def open_entry(
    entry: PlateEntry, preset: Preset, folder: Path, memo: PlateMemo | None = None
) -> DiskPlate:
    """Open the plate of a document whose paths start at `folder`.

    Raises as `sequence_plate.open_plate`.
    """
    picture = PictureName(entry.view, entry.layer)
    space = preset.input.color_space
    path = str(folder / entry.path)
    return sequence_plate.open_plate(
        path, entry.color_space, memo, picture, space, first_frame=entry.first_frame
    )


@dataclass(frozen=True)
class Parts:
    """What a document refers to, opened; it need not be a complete shot yet.

    `source` is the plate on disk, `plate` the same with missing frames filled; `requested` are the
    frames of the document, `range` those that can be made. `elements` are those in the document, or
    else those that its keyframes name.
    """

    source: Footage
    plate: Footage
    requested: FrameRange
    range: FrameRange
    elements: tuple[Element, ...]
    keyframes: tuple[Keyframe, ...]
    locks: tuple[FileLock, ...]


def open_parts(
    document: ShotDocument,
    preset: Preset,
    folder: Path = Path(),
    memo: PlateMemo | None = None,
    open_plate: OpenPlate = open_entry,
) -> Parts:
    """Open what a document refers to and read its masks. Raises as `open_document`, but accepts an
    incomplete shot, such as one without a keyframe or with an element that no keyframe draws.
    """
    source, missing = open_plate(document.plate, preset, folder, memo), document.plate.missing
    requested = document.range or _whole_range(source, missing)
    plate, frames = _with_policy(source, requested, missing)
    elements = shot_elements(document)
    proxy = document.plate.proxy
    drawn_on = DrawnOn(plate.format, proxy, sequence_plate.view_of(source) or document.plate.view)
    keyframes = read_keyframes(document.keyframes, folder, drawn_on, elements)
    _check_pictures(keyframes, source, missing)
    _check_plate(document.keyframes, source)
    if not elements:
        named = [name for keyframe in keyframes for name in keyframe.elements or ()]
        elements = elements_named(*dict.fromkeys(named))
    locks = tuple(open_lock(lock, folder, plate.format, proxy) for lock in document.locks)
    return Parts(source, plate, requested, frames, elements, keyframes, locks)


def open_document(
    document: ShotDocument,
    preset: Preset,
    folder: Path = Path(),
    memo: PlateMemo | None = None,
    open_plate: OpenPlate = open_entry,
) -> OpenedShot:
    """Open the shot of a document whose paths start at `folder`; reads and checks all masks.

    Raises UsageError for contradictions, InputError for a plate or mask that is missing, damaged or
    of the wrong size.
    """
    parts = open_parts(document, preset, folder, memo, open_plate)
    shot = Shot(parts.plate, parts.range, parts.elements, parts.keyframes, parts.locks)
    _check_locks(parts.locks, shot)
    drawn = (folder / entry.mask for entry in document.keyframes)
    pinned = (lock.pattern.path(frame) for lock in parts.locks for frame in lock.frames)
    model = chosen_model(document, folder)
    gaps = parts.requested.difference(parts.source.range)
    preset = preset.model_copy(update={"finish": preset.finish.at_proxy(document.plate.proxy)})
    learned = () if model.learned is None else (model.learned,)
    inputs = (*drawn, *pinned, *learned)
    origin, policy = Origin.of(parts.plate), document.plate.missing
    return OpenedShot(
        shot,
        preset,
        model,
        inputs,
        gaps,
        policy,
        origin,
        is_whole=document.range is None,
        notes=tuple(misnumbered(document.keyframes, shot.plate.range)),
    )


def chosen_model(document: ShotDocument, folder: Path) -> ModelChoice:
    """Return the model of a document whose paths start at `folder`, and its learned weights."""
    weights = folder / document.model
    name = str(weights) if weights.is_file() else document.model
    return ModelChoice(name, None if document.learned is None else folder / document.learned)


def open_lock(lock: LockEntry, folder: Path, plate_format: PlateFormat, proxy: int = 1) -> FileLock:
    """Open a lock of a document; its files are read on demand.

    Raises UsageError when its pattern has no frame number.
    """
    pattern = FramePattern.parse(str(folder / lock.mattes))
    if pattern is None:
        raise UsageError(f"the locked mattes {lock.mattes} have no frame number: expected ####")
    return FileLock(lock.frames, tuple(lock.elements), pattern, plate_format, proxy)


def shot_elements(document: ShotDocument) -> tuple[Element, ...]:
    """Return the elements of a document, with names that are valid EXR layer names.

    Raises UsageError when a name keeps no letter or digit, or when two become equal.
    """
    entries = document.elements
    names = element_names([entry.name or entry.id for entry in entries])
    return tuple(
        Element(entry.id, name, entry.in_point, entry.color)
        for entry, name in zip(entries, names, strict=True)
    )


def _check_pictures(
    keyframes: tuple[Keyframe, ...], source: Footage, policy: MissingPolicy
) -> None:
    """Check that each keyframe is drawn on a picture of the plate, possibly a held one."""
    drawn = FrameRange.of(keyframe.frame for keyframe in keyframes)
    absent = drawn.difference(source.range)
    if absent and policy in ("skip", "black"):
        raise UsageError(
            f"{source.name} lacks {absent}, where there is a keyframe: draw it on a frame that is "
            f"there (it has {source.range.words})"
        )


def _check_plate(keyframes: Iterable[KeyframeEntry], source: Plate) -> None:
    """Raise InputError for a frame of another digest than a submitted job says, if it says one."""
    for entry in keyframes:
        if entry.plate_digest not in (None, plate_digest(source, entry.frame)):
            raise InputError(
                f"frame {entry.frame} of the plate {source.name} was rendered again after this job "
                "was submitted, and other frames may have been made from it as it was: submit the "
                "shot again, and what differs is made"
            )


def plate_digest(source: Plate, frame: int) -> str | None:
    """Return the digest of the file in which a plate on disk has a frame; None if it lacks it.

    Raises InputError when the file cannot be read.
    """
    if not isinstance(source, DiskPlate) or frame not in source.range:
        return None
    return source.file_digest(frame)


def _check_locks(locks: tuple[FileLock, ...], shot: Shot) -> None:
    for lock in locks:
        unknown = ", ".join(sorted(set(lock.elements).difference(shot.ids)))
        if unknown:
            raise UsageError(
                f"the lock of {lock.frames} pins {unknown}; the elements are {', '.join(shot.ids)}"
            )


def _whole_range(plate: Plate, policy: MissingPolicy) -> FrameRange:
    """All frames from a plate's first to its last.

    Raises InputError if the plate has gaps, which are rarely intended, and no policy for them.
    """
    first, last = plate.range.first, plate.range.last
    whole = FrameRange.between(first, last)
    missing = whole.difference(plate.range)
    if missing and policy == "error":
        raise InputError(
            f"{plate.name} goes from {first} to {last} but lacks {missing}: restore the missing "
            "files, or choose the frames, or what to do about missing ones",
            keys=("range", "plate.missing"),
        )
    return whole


def _with_policy(
    source: Footage, requested: FrameRange, policy: MissingPolicy
) -> tuple[Footage, FrameRange]:
    """The plate with its gaps filled as `policy` says, and the requested frames that can be made.

    A filled plate has every frame between its ends, whatever was requested, so that a memory frame
    in a gap is the same for a part of the shot as for the whole.
    """
    if policy == "skip":
        there = requested.intersection(source.range)
        return source, there or requested  # if none is there, the shot raises the error
    if policy == "error" or not requested:
        return source, requested
    ends = (source.range.first, source.range.last, requested.first, requested.last)
    return FilledPlate(source, FrameRange.between(min(ends), max(ends)), policy), requested
