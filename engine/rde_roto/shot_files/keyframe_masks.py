"""The masks of a shot document: what each draws, and whether they mean the same elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rde_roto.documents.shot_document import KeyframeEntry
from rde_roto.images.masks import HowToRead, Mask, read_marked_mask
from rde_roto.images.plates.movie_plate import MOVIE_SUFFIXES
from rde_roto.images.sequences import FramePattern, number_in_name
from rde_roto.values.digest import digest_file
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe
from rde_roto.values.plate import PlateFormat


@dataclass(frozen=True)
class DrawnOn:
    """What masks are drawn on: the plate's format, how many times smaller than the full plate its
    sides are, and its view.
    """

    format: PlateFormat
    proxy: int
    view: str | None


def read_keyframes(
    entries: Sequence[KeyframeEntry],
    folder: Path,
    drawn_on: DrawnOn,
    elements: tuple[Element, ...],
) -> tuple[Keyframe, ...]:
    """Read the masks of a document whose paths start at `folder`, and join those of a frame.

    `elements` are those of the document, () if it has none. Raises UsageError for masks that
    contradict each other, InputError for one that is missing, damaged or of the wrong size.
    """
    ids = tuple(element.id for element in elements)
    masks = [_mask(entry, folder, drawn_on, ids) for entry in entries]
    _check_marks(entries, masks, elements)
    drawn = [
        Keyframe(entry.frame, mask.planes, mask.names)
        for entry, mask in zip(entries, masks, strict=True)
    ]
    return tuple(map(_joined, _by_frame(drawn)))


def _mask(entry: KeyframeEntry, folder: Path, drawn_on: DrawnOn, ids: tuple[str, ...]) -> Mask:
    """The mask of a keyframe; `ids` are those of the document's elements, () if it has none."""
    drawn = tuple(entry.elements or ids) or None
    path = folder / entry.mask
    _check_is_picture(path)
    _check_content(path, entry.digest)
    how = HowToRead(entry.mask_as, drawn, drawn_on.proxy, drawn_on.view)
    mask = read_marked_mask(path, drawn_on.format, how)
    _check_content(path, entry.digest)  # it may have been saved while it was read
    return mask


def _check_content(mask: Path, digest: str | None) -> None:
    """Raise InputError for a mask of another digest than a submitted job says, if it says one."""
    if digest is not None and digest_file(mask) != digest:
        raise InputError(
            f"the mask {mask} was saved again after this job was submitted, and other frames may "
            "have been made from it as it was: submit the shot again, and what differs is made"
        )


def _check_marks(
    entries: Sequence[KeyframeEntry], masks: Sequence[Mask], elements: tuple[Element, ...]
) -> None:
    """Check that keyframes that name no elements mean the same ones: that an element has one label
    or colour in all of them, and that none draws a soft matte where others draw several elements.
    """
    if len(elements) == 1:
        return
    nameless = [pair for pair in zip(entries, masks, strict=True) if not pair[0].elements]
    several = next((entry.mask for entry, mask in nameless if len(mask.names) > 1), None)
    known: dict[tuple[str, int], tuple[str, str]] = {}
    for entry, mask in nameless:
        advice = "name the elements that each mask draws"
        if several is not None and not mask.marks:
            raise UsageError(
                f"the mask {entry.mask} is one matte, but {several} draws several elements: "
                f"{advice}",
                keys=("elements",),
            )
        for place, mark in enumerate(mask.marks):
            kind = mark.partition(" ")[0]  # the labels of one mask say nothing of others' colours
            other, other_mask = known.setdefault((kind, place), (mark, entry.mask))
            if other != mark:
                raise UsageError(
                    f"{mask.names[place]} would be {mark} in the mask {entry.mask}, but {other} in "
                    f"{other_mask}: {advice}",
                    keys=("elements",),
                )


def misnumbered(entries: Iterable[KeyframeEntry], frames: FrameRange) -> Iterator[str]:
    """Yield a question for each mask whose name ends in the number of another frame of a plate."""
    for entry in entries:
        number = number_in_name(Path(entry.mask))
        if number is not None and number != entry.frame and number in frames:
            yield f"the keyframe at frame {entry.frame} has the mask {entry.mask}: is that right?"


def _check_is_picture(mask: Path) -> None:
    if mask.suffix.lower() in MOVIE_SUFFIXES:
        raise InputError(f"the mask {mask} is a movie: save one frame of it as a picture")
    if not mask.exists() and FramePattern.parse(mask.name) is not None:
        raise InputError(
            f"the mask {mask} is a pattern, but a mask is one file: name that of the keyframe"
        )


def _by_frame(masks: Iterable[Keyframe]) -> Iterable[list[Keyframe]]:
    frames: dict[int, list[Keyframe]] = {}
    for mask in masks:
        frames.setdefault(mask.frame, []).append(mask)
    return frames.values()


def _joined(masks: list[Keyframe]) -> Keyframe:
    """Join the masks of a frame, which draw different elements, into one keyframe."""
    first, *others = masks
    if not others:
        return first
    drawn = [element for mask in masks for element in mask.elements or ()]
    twice = ", ".join(sorted({element for element in drawn if drawn.count(element) > 1}))
    if twice:
        raise UsageError(
            f"frame {first.frame} has {len(masks)} masks, and more than one draws {twice}: "
            "name the elements of each",
            keys=("elements",),
        )
    return Keyframe(first.frame, np.concatenate([mask.alpha for mask in masks]), tuple(drawn))
