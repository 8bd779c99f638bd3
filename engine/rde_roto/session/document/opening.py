"""Open a shot document or a plate to be worked on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rde_roto.documents.shot_document import (
    SHOT_SUFFIX,
    ElementEntry,
    PlateEntry,
    ShotDocument,
    parse_shot_document,
)
from rde_roto.images.layers import FIRST_PICTURE, PictureName
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.session.document.draft import Draft, Drawing
from rde_roto.session.document.drawing_files import drawn_lines, with_header
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.planes import Plane
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.opening import Parts, open_parts
from rde_roto.shot_files.shot_file import naming_the_document
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import UsageError
from rde_roto.values.keyframe import Element
from rde_roto.values.plate import PlateFormat

_NAME_OF_NOTHING = re.compile(
    "(plates?|frames?|images?|img|exr|dpx|jpe?g|png|tiff?|in|input|full|renders?)?", re.IGNORECASE
)
"""Names of files and folders that say nothing of what they show."""
_LONGEST_NAME_BYTES = 255
"""What most file systems allow."""


@dataclass(frozen=True, eq=False)
class OpenedDraft:
    """A shot as it was found: the file of its document, which need not exist yet, and its
    contents.
    """

    file: ShotFile
    parts: Parts
    draft: Draft

    @property
    def path(self) -> Path:
        """The file of the document."""
        return self.file.path


def open_draft(
    text: str, picture: PictureName = FIRST_PICTURE, memo: PlateMemo | None = None
) -> OpenedDraft:
    """Open a shot document, or a plate (pattern, frame, folder or movie), to be worked on.

    `picture` selects the view and layer of the plate's files. A plate gets a document of its own in
    the user's data folder, where it is found again the next time. Raises DocumentError, UsageError,
    and InputError as `open_parts` does.
    """
    path = Path(text)
    if is_document(text):
        if picture != FIRST_PICTURE:
            raise UsageError(f"{text} names the plate's view and layer itself: leave them out")
        return _opened(ShotFile.read(path), memo)
    kept = _kept_for(text, picture)
    if kept.exists():
        return _opened(ShotFile.read(kept), memo)
    where = str(Path(text).absolute())
    plate = PlateEntry(path=where, view=picture.view, layer=picture.layer)
    document = ShotDocument(plate=plate, elements=[ElementEntry(id="element1")])
    return _opened(ShotFile(kept, "", parse_shot_document(kept, document.to_yaml())), memo)


def is_document(text: str) -> bool:
    """Return whether a text names a shot document, not a plate."""
    return text.endswith((".yaml", ".yml"))


def shot_name(document: Path, files: str, plate: Path) -> str:
    """Return the name of a shot, such as `hero`.

    It is named after its document; one that has no document of its own, after the plate's `files`
    (`hero.####.exr`), or else after the folder that says what they show.
    """
    if document.parent != _kept_folder().resolve():
        return document.name.removesuffix(SHOT_SUFFIX)
    stem = re.split(r"[.#@%]", files.rsplit("/", 1)[-1])[0].strip("_- ")
    folders = [plate.name if plate.is_dir() else "", *(folder.name for folder in plate.parents)]
    named = (name for name in [stem, *folders] if not _NAME_OF_NOTHING.fullmatch(name))
    return next(named, "shot")


def _kept_for(plate: str, picture: PictureName) -> Path:
    """Return the document of a plate that has none of its own."""
    named = () if picture == FIRST_PICTURE else (picture.view or "", picture.layer or "")
    digest = digest_of(str(Path(plate).absolute()), *named)
    end = f"-{digest[:8]}{SHOT_SUFFIX}"
    stem = _plate_stem(plate)
    while len(os.fsencode(stem + end)) > _LONGEST_NAME_BYTES:
        stem = stem[:-1]
    return _kept_folder() / f"{stem}{end}"


def _kept_folder() -> Path:
    return platformdirs.user_data_path("rde-roto", appauthor=False) / "shots"


def _plate_stem(plate: str) -> str:
    return Path(plate).name.split(".")[0].strip("#@") or "shot"


def _opened(file: ShotFile, memo: PlateMemo | None) -> OpenedDraft:
    preset = file.preset()
    with naming_the_document(file.path):
        parts = open_parts(file.content, preset, file.folder, memo)
        drawings: dict[int, Drawing] = {}
        for keyframe in parts.keyframes:
            keys = keyframe.elements or tuple(element.id for element in parts.elements)
            planes = map(Plane.of, keyframe.alpha)
            drawings[keyframe.frame] = dict(zip(keys, planes, strict=True))
        _read_headers(drawings, file, parts.plate.format)
        elements = parts.elements or (Element("element1", "element1"),)
    learned = None if file.content.learned is None else file.folder / file.content.learned
    draft = Draft(elements, drawings, tuple(file.content.locks), preset, learned)
    return OpenedDraft(file, parts, draft)


def lines_of_shot(file: ShotFile) -> dict[int, dict[str, tuple[Line, ...]]]:
    """Return the editable lines of a shot's keyframes, by frame and element id."""
    lines: dict[int, dict[str, tuple[Line, ...]]] = {}
    for frame, key, path in _own_drawings(file):
        lines.setdefault(frame, {})[key] = drawn_lines(path)
    return lines


def _read_headers(drawings: dict[int, Drawing], file: ShotFile, format: PlateFormat) -> None:
    """Give drawings the editable lines and the marks that a file of ours holds."""
    for frame, key, path in _own_drawings(file):
        drawing = drawings.get(frame)
        if drawing is not None:
            drawings[frame] = {**drawing, key: with_header(drawing[key], path, format)}


def _own_drawings(file: ShotFile) -> Iterator[tuple[int, str, Path]]:
    """The frame, the element and the file of each mask that may be a drawing of ours."""
    for entry in file.content.keyframes:
        if entry.elements is not None and len(entry.elements) == 1:
            yield entry.frame, entry.elements[0], file.folder / entry.mask
