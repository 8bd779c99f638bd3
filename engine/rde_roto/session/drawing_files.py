"""Drawings as files: one float EXR each, whose header has the lines that can be edited.

A file has the digest of its contents in its name, and is never written again. What a line was drawn
on is such a file too, beside it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.files import read_header
from rde_roto.images.masks import read_mask
from rde_roto.images.origin import PROVENANCE_PREFIX
from rde_roto.session.lines import Line
from rde_roto.session.planes import Outline, Plane
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.plate import PlateFormat

_ATTRIBUTE = f"{PROVENANCE_PREFIX}lines"
_TOKEN_DIGITS = 16
_OWN_NAME = re.compile(r"[\w.-]+\.exr")


_Width = Annotated[FiniteFloat, Field(ge=0)]
_Place = tuple[FiniteFloat, FiniteFloat]


class _Entry(BaseModel):
    """A line in a header. `before` is the name of a file beside it, "" for an empty plane."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: tuple[_Place, ...]
    handles: tuple[tuple[_Place, _Place], ...] = ()
    takes: bool
    feather: tuple[tuple[_Width, _Width], ...] = ()
    before: str

    @model_validator(mode="after")
    def _has_as_much_for_each_point(self) -> _Entry:
        for name, values in (("handles", self.handles), ("feather", self.feather)):
            if values and len(values) != len(self.points):
                raise ValueError(f"a line needs as many {name} as points, or none")
        return self


_ENTRIES = TypeAdapter(tuple[_Entry, ...])


@dataclass(frozen=True)
class DrawingFiles:
    """The folder that drawings are written to."""

    folder: Path
    format: PlateFormat

    def write(self, frame: int, element: str, plane: Plane) -> str:
        """Write a drawing unless it exists, and return its file name. Raises OutputError."""
        entries = [
            _Entry(
                points=outline.line.points,
                handles=outline.line.handles,
                takes=outline.line.subtracts,
                feather=outline.line.feather,
                before=self._before(frame, element, outline.before),
            ).model_dump()
            for outline in plane.outlines
        ]
        attributes = {_ATTRIBUTE: json.dumps(entries)} if entries else {}
        pixels = plane.pixels
        token = digest_of(pixels, *attributes.values())[:_TOKEN_DIGITS]
        name = f"{element}.{token}.{frame:04d}.exr"
        if not (self.folder / name).exists():
            write_planes(self.folder / name, {"A": pixels}, self.format, attributes, FLOAT)
        return name

    def _before(self, frame: int, element: str, plane: Plane) -> str:
        return "" if plane.is_empty else self.write(frame, element, plane)


def outlines_of(path: Path, plate_format: PlateFormat) -> tuple[Outline, ...]:
    """Return the editable lines of a drawing's file; none if the header or a file it names is
    missing.

    They are a convenience: the pixels are complete without them.
    """
    with suppress(InputError, ValidationError):
        text = read_header(path).provenance.get(_ATTRIBUTE)
        entries = () if text is None else _ENTRIES.validate_json(text)
        return tuple(_outline(entry, path.parent, plate_format) for entry in entries)
    return ()


def _outline(entry: _Entry, folder: Path, plate_format: PlateFormat) -> Outline:
    before = Plane(plate_format.data.shape)
    if entry.before:
        if not _OWN_NAME.fullmatch(entry.before):
            raise InputError(f"{entry.before} is not a file beside the drawing")
        planes, _ = read_mask(folder / entry.before, plate_format, "matte")
        before = Plane.of(planes[0])
    return Outline(Line(entry.points, entry.handles, entry.takes, entry.feather), before)
