"""Drawings as files: one float EXR each, whose header has the lines that can be edited and the
strokes that can be repeated.

A file has the digest of its contents in its name, and is never written again. What a line was drawn
on is such a file too, beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.planes import Outline, Plane
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.plate import PlateFormat

_LINES = f"{PROVENANCE_PREFIX}lines"
_MARKS = f"{PROVENANCE_PREFIX}edge_marks"
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

    @property
    def line(self) -> Line:
        return Line(self.points, self.handles, self.takes, self.feather)


class _Mark(BaseModel):
    """A stroke that has refined the edge, in a header: x, y and pressure, point by point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pen: Annotated[tuple[tuple[FiniteFloat, FiniteFloat, FiniteFloat], ...], Field(min_length=1)]
    radius_px: FiniteFloat
    hardness: FiniteFloat

    @classmethod
    def of(cls, mark: EdgeMark) -> _Mark:
        pen = tuple((x, y, pressure) for (x, y), pressure in mark.pen)
        return cls(pen=pen, radius_px=mark.brush.radius_px, hardness=mark.brush.hardness)

    @property
    def mark(self) -> EdgeMark:
        pen = tuple(((x, y), pressure) for x, y, pressure in self.pen)
        return EdgeMark(pen, Brush(self.radius_px, self.hardness))


_ENTRIES = TypeAdapter(tuple[_Entry, ...])
_ALL_MARKS = TypeAdapter(tuple[_Mark, ...])


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
        attributes = {_LINES: json.dumps(entries)} if entries else {}
        if plane.marks:
            marks = tuple(map(_Mark.of, plane.marks))
            attributes[_MARKS] = _ALL_MARKS.dump_json(marks).decode()
        pixels = plane.pixels
        token = digest_of(pixels, *attributes.values())[:_TOKEN_DIGITS]
        name = f"{element}.{token}.{frame:04d}.exr"
        if not (self.folder / name).exists():
            write_planes(self.folder / name, {"A": pixels}, self.format, attributes, FLOAT)
        return name

    def _before(self, frame: int, element: str, plane: Plane) -> str:
        return "" if plane.is_empty else self.write(frame, element, plane)


def with_header(plane: Plane, path: Path, plate_format: PlateFormat) -> Plane:
    """Return a drawing with the editable lines and the marks that its file's header holds; without
    them if the header or a file it names is missing.

    They are a convenience: the pixels are complete without them.
    """
    with suppress(InputError, ValidationError):
        header = read_header(path).provenance
        marks = _ALL_MARKS.validate_json(header.get(_MARKS, "[]"))
        outlines = tuple(_outline(entry, path.parent, plate_format) for entry in _entries(header))
        return replace(plane, outlines=outlines, marks=tuple(one.mark for one in marks))
    return plane


def drawn_lines(path: Path) -> tuple[Line, ...]:
    """Return the lines that a drawing's file holds, in its pixels; none of a file of others."""
    with suppress(InputError, ValidationError):
        return tuple(entry.line for entry in _entries(read_header(path).provenance))
    return ()


def _entries(header: Mapping[str, str]) -> tuple[_Entry, ...]:
    return _ENTRIES.validate_json(header.get(_LINES, "[]"))


def _outline(entry: _Entry, folder: Path, plate_format: PlateFormat) -> Outline:
    before = Plane(plate_format.data.shape)
    if entry.before:
        if not _OWN_NAME.fullmatch(entry.before):
            raise InputError(f"{entry.before} is not a file beside the drawing")
        planes, _ = read_mask(folder / entry.before, plate_format, "matte")
        before = Plane.of(planes[0])
    return Outline(entry.line, before)
