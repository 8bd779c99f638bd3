"""The shapes document, `NAME.json`: shapes as people and programs keep and edit them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, model_validator

from rde_roto.documents.shot_document import ElementId, RangeText
from rde_roto.shapes.exchange import FARTHEST_PX, LARGEST_FRAME, MOST_FRAMES
from rde_roto.shapes.shape import Motion, Shape, ShapePoint, ShotShapes
from rde_roto.values.arguments import require
from rde_roto.values.errors import DocumentError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import LARGEST_PX, LEAST_ASPECT, PlateFormat, Window
from rde_roto.values.regular_files import read_regular_text
from rde_roto.values.settings import Settings, first_fault

SHAPES_SCHEMA: Final = "rde-roto.shapes/1"

_MOST_BYTES: Final = 1 << 30
_DIGITS: Final = 3  # of a pixel
_TURN_DIGITS: Final = 5  # of a degree: 1/1000 px at 5000 px from the centre

FrameNumber = Annotated[int, Field(ge=-LARGEST_FRAME, le=LARGEST_FRAME)]
_Number = Annotated[float, Field(ge=-FARTHEST_PX, le=FARTHEST_PX)]
_Place = Annotated[tuple[_Number, _Number], Field(strict=False)]
_Width = Annotated[float, Field(ge=0, le=FARTHEST_PX)]
_Side = Annotated[int, Field(ge=1, le=LARGEST_PX)]
_Corner = Annotated[int, Field(ge=-FARTHEST_PX, le=FARTHEST_PX)]
_Key = TypeVar("_Key", "KeyEntry", "MotionKeyEntry")


class WindowEntry(Settings):
    """A window of the plate in pixels; (x, y) is its top left corner."""

    x: _Corner = 0
    y: _Corner = 0
    width: _Side
    height: _Side

    def window(self) -> Window:
        """Return it as a value."""
        return Window(self.x, self.y, self.width, self.height)


class PlateSizeEntry(Settings):
    """The plate's windows and pixel aspect (width / height)."""

    display: WindowEntry
    data: WindowEntry
    pixel_aspect: Annotated[float, Field(ge=LEAST_ASPECT, le=1 / LEAST_ASPECT)] = 1.0

    def format(self) -> PlateFormat:
        """Return it as a value."""
        return PlateFormat(self.data.window(), self.display.window(), self.pixel_aspect)


class KeyEntry(Settings):
    """A point at a frame, its handles, and how far its edge fades inwards and outwards."""

    frame: FrameNumber
    at: _Place
    left: _Place
    right: _Place
    feather: Annotated[tuple[_Width, _Width], Field(strict=False)] = (0.0, 0.0)


def _in_order(keys: list[_Key]) -> list[_Key]:
    frames = [key.frame for key in keys]
    if frames != sorted(set(frames)):
        raise ValueError("keys must be in order of their frames, one a frame")
    return keys


class PointEntry(Settings):
    """A point and its keys, in order of their frames."""

    keys: Annotated[list[KeyEntry], Field(min_length=1), AfterValidator(_in_order)]


class MotionKeyEntry(Settings):
    """A shift in pixels and a turn in degrees, clockwise as seen, at a frame."""

    frame: FrameNumber
    shift: _Place
    turn: _Number = 0.0


class MotionEntry(Settings):
    """How a shape moves as a whole: its keys, in order of their frames, around what it turns."""

    centre: _Place
    keys: Annotated[list[MotionKeyEntry], Field(min_length=1), AfterValidator(_in_order)]


class ShapeEntry(Settings):
    """A closed spline; `kind` says whether its inside is added to the element or taken away."""

    name: str
    element: ElementId
    kind: Literal["part", "hole"] = "part"
    first: FrameNumber
    last: FrameNumber
    motion: MotionEntry | None = None
    points: Annotated[list[PointEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _lives(self) -> ShapeEntry:
        if self.first > self.last:
            raise ValueError(f"a shape must live from first to last, not {self.first}-{self.last}")
        keyed = [key.frame for point in (*self.points, self.motion) if point for key in point.keys]
        if max(keyed) - min(keyed) > MOST_FRAMES:
            raise ValueError(f"the keys of a shape must be at most {MOST_FRAMES} frames apart")
        return self


class ShapesDocument(Settings):
    """The content of a shapes document: see `shapes.shape` for coordinates and keys."""

    plate: PlateSizeEntry
    frames: RangeText
    elements: Annotated[list[ElementId], Field(min_length=1)]
    tolerance_px: float | None = None
    shapes: list[ShapeEntry]

    @model_validator(mode="after")
    def _knows_its_elements(self) -> ShapesDocument:
        if len(set(self.elements)) < len(self.elements):
            raise ValueError("an element is listed twice")
        for shape in self.shapes:
            if shape.element not in self.elements:
                raise ValueError(f"{shape.name} belongs to '{shape.element}', which is no element")
        return self


def shapes_text(shapes: ShotShapes) -> str:
    """Return shapes as the text of a document; one key a line. Places are rounded to 1/1000 px."""
    require(shapes, ShotShapes, "shapes, such as ShapeMaker.finish() returns")
    fields = _document(shapes).model_dump(mode="json")
    listed = fields.pop("shapes")
    head = json.dumps({"schema": SHAPES_SCHEMA, **fields}, ensure_ascii=False, indent=1)
    texts = ",\n".join(_shape_text(shape) for shape in listed)
    return f'{head[:-2]},\n "shapes": [\n{texts}\n ]\n}}\n'


def read_document(path: Path) -> ShotShapes:
    """Read a shapes document. Raises DocumentError, naming the file and the entry that is wrong."""
    fields = read_fields(path, SHAPES_SCHEMA, "a shapes document")
    try:
        return _shapes(ShapesDocument.model_validate_json(json.dumps(fields)))
    except ValidationError as error:
        raise DocumentError(f"{path}: {first_fault(error)}") from error


def read_fields(path: Path, schema: str, kind: str) -> dict[str, object]:
    """Read the fields of a JSON document that declares a schema. Raises DocumentError, with the
    kind of document in words.
    """
    try:
        text = read_regular_text(path, _MOST_BYTES)
        fields = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DocumentError(f"{path} cannot be read as {kind}: {reason}") from error
    declared = fields.pop("schema", None) if isinstance(fields, dict) else None
    if declared != schema:
        raise DocumentError(f"{path} declares the schema {declared!r}: expected {kind}, {schema}")
    return dict(fields)


def plate_entry(plate: PlateFormat) -> PlateSizeEntry:
    """Return the windows and the aspect of a plate as an entry."""
    return PlateSizeEntry(
        display=_window_entry(plate.display),
        data=_window_entry(plate.data),
        pixel_aspect=plate.pixel_aspect,
    )


def _shape_text(shape: dict[str, object]) -> str:
    points, motion = shape.pop("points"), shape.pop("motion")
    assert isinstance(points, list)
    head = json.dumps(shape, ensure_ascii=False)
    if isinstance(motion, dict):
        moves = ",\n    ".join(json.dumps(key) for key in motion["keys"])
        centre = json.dumps(motion["centre"])
        head = f'{head[:-1]},\n   "motion": {{"centre": {centre}, "keys": [\n    {moves}]}}}}'
    texts = []
    for point in points:
        keys = ",\n    ".join(json.dumps(key) for key in point["keys"])
        texts.append(f'   {{"keys": [\n    {keys}]}}')
    return f'  {head[:-1]}, "points": [\n' + ",\n".join(texts) + "]}"


def _document(shapes: ShotShapes) -> ShapesDocument:
    return ShapesDocument(
        plate=plate_entry(shapes.format),
        frames=shapes.frames,
        elements=list(shapes.elements),
        tolerance_px=shapes.tolerance_px,
        shapes=[_shape_entry(shape) for shape in shapes.shapes],
    )


def _window_entry(window: Window) -> WindowEntry:
    return WindowEntry(x=window.x, y=window.y, width=window.width, height=window.height)


def _shape_entry(shape: Shape) -> ShapeEntry:
    return ShapeEntry(
        name=shape.name,
        element=shape.element,
        kind="hole" if shape.is_hole else "part",
        first=shape.first,
        last=shape.last,
        motion=None if shape.motion is None else _motion_entry(shape.motion),
        points=[_point_entry(point) for point in shape.points],
    )


def _motion_entry(motion: Motion) -> MotionEntry:
    shifts, turns = motion.shifts.round(_DIGITS).tolist(), motion.turns.round(_TURN_DIGITS).tolist()
    return MotionEntry(
        centre=motion.centre.round(_DIGITS).tolist(),
        keys=[
            MotionKeyEntry(frame=frame, shift=shift, turn=turn)
            for frame, shift, turn in zip(motion.frames, shifts, turns, strict=True)
        ],
    )


def _point_entry(point: ShapePoint) -> PointEntry:
    places = point.handles.round(_DIGITS).tolist()
    widths = point.feather.round(_DIGITS).tolist()
    return PointEntry(
        keys=[
            KeyEntry(frame=frame, left=left, at=at, right=right, feather=feather)
            for frame, (left, at, right), feather in zip(point.frames, places, widths, strict=True)
        ]
    )


def _shapes(document: ShapesDocument) -> ShotShapes:
    return ShotShapes(
        document.plate.format(),
        FrameRange.of(document.frames),
        tuple(document.elements),
        tuple(_shape(entry) for entry in document.shapes),
        document.tolerance_px,
    )


def _shape(entry: ShapeEntry) -> Shape:
    points = tuple(
        ShapePoint(
            tuple(key.frame for key in point.keys),
            np.array([(key.left, key.at, key.right) for key in point.keys], np.float64),
            np.array([key.feather for key in point.keys], np.float64),
        )
        for point in entry.points
    )
    is_hole = entry.kind == "hole"
    motion = None if entry.motion is None else _motion(entry.motion)
    return Shape(entry.name, entry.element, is_hole, entry.first, entry.last, points, motion)


def _motion(entry: MotionEntry) -> Motion:
    return Motion(
        np.array(entry.centre, np.float64),
        tuple(key.frame for key in entry.keys),
        np.array([key.shift for key in entry.keys], np.float64),
        np.array([key.turn for key in entry.keys], np.float64),
    )
