"""The shot document, `NAME.shot.yaml`: a shot as people write it and keep it beside their work.

It holds only names and paths; `shot_files` opens what they refer to.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.reading import Document, parse_document
from rde_roto.documents.yaml_text import Source, read_text
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import MaskMode
from rde_roto.values.plate import FirstFrame, MissingPolicy
from rde_roto.values.settings import Settings
from rde_roto.values.yaml_format import yaml_flow

SHOT_SCHEMA: Final = "rde-roto.shot/1"
SHOT_SUFFIX: Final = ".shot.yaml"

_WORD: Final = "shot document"
_HEAD: Final = "# A shot of rde-roto. Paths start at this file's folder."


def _to_range(value: object) -> FrameRange:
    if isinstance(value, FrameRange):
        return value
    try:
        return FrameRange.parse(str(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


def _from_range(frames: FrameRange) -> str | int:
    return frames.first if len(frames) == 1 else str(frames)


RangeText = Annotated[
    FrameRange,
    PlainValidator(_to_range),
    PlainSerializer(_from_range),
    WithJsonSchema({"type": "string", "examples": ["1001-1100", "1001-1100x2,1120"]}),
]


def _checked_id(text: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", text) or not text.strip("_"):
        raise ValueError("expected letters a-z, digits and _, no digit first")
    return text


ElementId = Annotated[str, AfterValidator(_checked_id)]


def _checked_color(text: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError("expected '#' and six hex digits in quotes, as in '#ff8000'")
    return text


Color = Annotated[str, AfterValidator(_checked_color)]


class PlateEntry(Settings):
    """The plate: a pattern, one of its frames, a folder or a movie, and its colour space.

    `view` and `layer` select the picture of an EXR with several; `missing` says what replaces
    missing frames. `first_frame` is the number of a movie's first frame (default 1); `timecode`
    takes its timecode, counted in frames since midnight. `proxy`: this plate's sides are so many
    times smaller than those of the full plate.
    """

    path: str
    color_space: str | None = None
    view: str | None = None
    layer: str | None = None
    missing: MissingPolicy = "error"
    first_frame: FirstFrame = None
    proxy: int = Field(default=1, ge=1, le=16)


class ElementEntry(Settings):
    """An element; its name defaults to its id. `color` is only for display."""

    id: ElementId
    name: str | None = None
    in_point: int | None = None
    color: Color | None = None


class KeyframeEntry(Settings):
    """A frame, its mask, and the ids of the elements that the mask draws (default: all).

    `digest` is that of the mask's file (`digest_file`), `plate_digest` that of the plate's file of
    the frame: a file with other content is refused then.
    """

    frame: int
    mask: str
    elements: list[str] | None = Field(default=None, min_length=1)
    mask_as: MaskMode = "auto"
    digest: str | None = None
    plate_digest: str | None = None


class LockEntry(Settings):
    """Locked frames, the pattern of their files, and the ids of the locked elements."""

    frames: RangeText
    mattes: str
    elements: list[str] = Field(min_length=1)


class ShotDocument(Settings):
    """The content of a shot document.

    `elements` default to those that the keyframes name; a keyframe that names none then draws
    `element1`, `element2`, …, as many as its mask holds. `range` defaults to the plate's. `learned`
    is the file of weights that the model has learned from this shot.
    """

    plate: PlateEntry
    range: RangeText | None = None
    elements: list[ElementEntry] = Field(default=[])
    keyframes: list[KeyframeEntry] = Field(default=[])
    locks: list[LockEntry] = Field(default=[])
    preset: str = "standard"
    overrides: dict[str, object] = Field(default={})
    model: str = DEFAULT_MODEL
    learned: str | None = None

    def to_yaml(self) -> str:
        """Write the document as YAML, one entry per line; it reads back as an equal document."""
        lines = [_HEAD]
        for key, value in self.to_plain().items():
            lines += _lines(key, value)
        return "\n".join(lines) + "\n"

    def to_plain(self) -> dict[str, object]:
        """Return the document as plain values, in order, without defaults."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        values |= {"preset": self.preset, "model": self.model}
        ordered = {key: values[key] for key in type(self).model_fields if key in values}
        return {"schema": SHOT_SCHEMA, **ordered}


def read_shot_text(path: Path) -> str:
    """Read the text of a shot document. Raises DocumentError when it cannot be read."""
    return read_text(path, _WORD)


def parse_shot_document(path: Path, text: str) -> Document[ShotDocument]:
    """Parse the text of a shot document that was read from `path`.

    Raises DocumentError, naming file and line, for another schema or any mistake.
    """
    document = parse_document(ShotDocument, _WORD, SHOT_SCHEMA, Source(str(path)), text)
    check_locks(document)
    return document


def rewritten(path: Path, text: str, wanted: ShotDocument) -> str:
    """Change a document's text to the wanted content.

    Keys with unchanged values keep their text, including comments; comments inside changed values
    are lost. A document whose keys are not each on a separate line, such as JSON, is rewritten.
    """
    document = parse_shot_document(path, text)
    edited = text
    for key in ShotDocument.model_fields:
        if getattr(document.value, key) != getattr(wanted, key):
            edited = _with_key(edited, document.source.compose(edited), key, wanted)
    try:
        is_wanted = parse_shot_document(path, edited).value == wanted
    except DocumentError:
        is_wanted = False
    return edited if is_wanted else wanted.to_yaml()


def check_locks(document: Document[ShotDocument]) -> None:
    """Raise DocumentError, naming the line, if a frame is locked twice."""
    locked: set[int] = set()
    for index, lock in enumerate(document.value.locks):
        twice = FrameRange.of(locked.intersection(lock.frames))
        if twice:
            sentence = f"{twice} is locked twice: remove it from one of the two locks"
            raise document.fail(("locks", index, "frames"), sentence)
        locked.update(lock.frames)


def _lines(key: str, value: object) -> list[str]:
    if isinstance(value, list):
        return [f"{key}:", *(f"  - {yaml_flow(item)}" for item in value)]
    return [f"{key}: {yaml_flow(value)}"]


def _with_key(text: str, root: yaml.Node | None, name: str, wanted: ShotDocument) -> str:
    """Replace the lines of a key, or append them; an empty value removes them."""
    values = wanted.model_dump(mode="json", include={name}, exclude_defaults=True)
    block = _lines(name, values[name]) if values.get(name) else []
    lines = text.rstrip("\n").split("\n")
    begin = end = len(lines)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == name:
            begin, end = key.start_mark.line, _end_line(value)
    return "\n".join([*lines[:begin], *block, *lines[end:]]) + "\n"


def _end_line(node: yaml.Node) -> int:
    """The number of the line after a node's last one, from 0.

    The parser's own end mark of a block is where the next key begins, after any comments.
    """
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return max(map(_end_line, last if isinstance(last, tuple) else (last,)))
    end: int = node.end_mark.line + (node.end_mark.column > 0)
    return end
