"""Read a folder that was dropped without a document: a plate, and masks beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rde_roto.documents.shot_document import ElementEntry, KeyframeEntry, PlateEntry, ShotDocument
from rde_roto.doors.watchfolder.job_folder import is_junk
from rde_roto.images.plates.movie_plate import MOVIE_SUFFIXES
from rde_roto.images.sequences import IMAGE_SUFFIXES, find_sequence
from rde_roto.values.errors import InputError, UsageError

_MASK: Final = re.compile(
    r"mask(?:[._](?P<element>[a-z]\w*?))?[._](?P<frame>-?\d+)\.[a-z]+", re.IGNORECASE | re.ASCII
)
_EXPECTED: Final = (
    "expected a plate, as plate.1001.exr and so on, plate.mov or a folder of images, and beside it "
    "a mask for each frame that you drew, as mask.1001.png, or mask_hero.1001.png for the element "
    "hero"
)


def shot_in(folder: Path) -> ShotDocument:
    """Return the shot that a dropped folder holds. Its paths are relative to the folder.

    Masks are named `mask.FRAME` or `mask_ELEMENT.FRAME`. The plate is the one other sequence or
    movie, or the one subfolder. Raises InputError, which says what was expected.
    """
    found = sorted(path for path in folder.iterdir() if not is_junk(path.name))
    pictures = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
    masks = list(filter(_is_mask, pictures))
    if not masks:
        raise InputError(f"{folder.name} holds no mask: {_EXPECTED}")
    plates = _plates(found, [path for path in pictures if path not in masks])
    if len(plates) != 1:
        seen = ", ".join(path.name for path in plates[:4]) or "none"
        raise InputError(f"{folder.name} holds {len(plates)} plates ({seen}): {_EXPECTED}")
    keyframes = [_keyframe(path) for path in masks]
    nameless = [keyframe.mask for keyframe in keyframes if not keyframe.elements]
    named = dict.fromkeys(e for keyframe in keyframes for e in keyframe.elements or ())
    if named and nameless:
        raise InputError(
            f"{folder.name} holds masks of {', '.join(named)}, and {nameless[0]}, which names no "
            "element: name the element of every mask, as in mask_hero.1001.png, or of none"
        )
    return ShotDocument(
        plate=PlateEntry(path=plates[0].name),
        elements=[ElementEntry(id=name) for name in named],
        keyframes=sorted(keyframes, key=lambda keyframe: keyframe.frame),
    )


def masks_in(folder: Path) -> list[Path]:
    """Return the masks at the top of a dropped folder. Raises OSError."""
    names = (path for path in folder.iterdir() if not is_junk(path.name))
    return sorted(path for path in names if _is_mask(path))


def _is_mask(path: Path) -> bool:
    is_picture = path.suffix.lower() in IMAGE_SUFFIXES
    return is_picture and _MASK.fullmatch(path.name) is not None


def _plates(found: Sequence[Path], pictures: Sequence[Path]) -> list[Path]:
    """Return one frame of each sequence and each movie, or each subfolder if there are none."""
    plates = [path for path in found if path.suffix.lower() in MOVIE_SUFFIXES]
    rest = {path.name: path for path in pictures}
    while rest:
        first = rest.pop(next(iter(rest)))
        try:
            sequence = find_sequence(str(first))
        except UsageError:  # no frame number: a reference picture, not a plate
            continue
        plates.append(first)
        for frame in sequence.range:
            rest.pop(sequence.path(frame).name, None)
    return plates or [path for path in found if path.is_dir()]


def _keyframe(path: Path) -> KeyframeEntry:
    match = _MASK.fullmatch(path.name)
    assert match is not None
    drawn = None if match["element"] is None else [match["element"]]
    return KeyframeEntry(frame=int(match["frame"]), mask=path.name, elements=drawn)
