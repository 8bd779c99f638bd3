"""The shapes document, `NAME.json`: shapes as people and programs keep and edit them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from rde_roto.documents.shot_document import ElementId, RangeText
from rde_roto.shapes.shape import Shape, ShapePoint, ShotShapes
from rde_roto.values.errors import DocumentError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import LARGEST_PX, PlateFormat, Window
from rde_roto.values.regular_files import read_regular_text
from rde_roto.values.settings import Settings

SHAPES_SCHEMA: Final = "rde-roto.shapes/1"

_MOST_BYTES: Final = 1 << 30
_FAR_PX: Final = 1e6
_DIGITS: Final = 3  # of a pixel

_Number = Annotated[float, Field(ge=-_FAR_PX, le=_FAR_PX)]
_Place = Annotated[tuple[_Number, _Number], Field(strict=False)]
_Width = Annotated[float, Field(ge=0, le=_FAR_PX)]
_Side = Annotated[int, Field(ge=1, le=LARGEST_PX)]
_Corner = Annotated[int, Field(ge=-_FAR_PX, le=_FAR_PX)]


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
    pixel_aspect: Annotated[float, Field(gt=0)] = 1.0

    def format(self) -> PlateFormat:
        """Return it as a value."""
        return PlateFormat(self.data.window(), self.display.window(), self.pixel_aspect)


class KeyEntry(Settings):
    """A point at a frame, its handles, and how far its edge fades inwards and outwards."""

    frame: int
    at: _Place
    left: _Place
    right: _Place
    feather: Annotated[tuple[_Width, _Width], Field(strict=False)] = (0.0, 0.0)


class PointEntry(Settings):
    """A point and its keys, in order of their frames."""

    keys: Annotated[list[KeyEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_in_order(self) -> PointEntry:
        frames = [key.frame for key in self.keys]
        if frames != sorted(set(frames)):
            raise ValueError("the keys of a point must be in order of their frames, one a frame")
        return self


class ShapeEntry(Settings):
    """A closed spline; `kind` says whether its inside is added to the element or taken away."""

    name: str
    element: ElementId
    kind: Literal["part", "hole"] = "part"
    first: int
    last: int
    points: Annotated[list[PointEntry], Field(min_length=1)]


class ShapesDocument(Settings):
    """The content of a shapes document: see `shapes.shape` for coordinates and keys."""

    plate: PlateSizeEntry
    frames: RangeText
    elements: list[ElementId]
    tolerance_px: float | None = None
    shapes: list[ShapeEntry]

    @model_validator(mode="after")
    def _knows_its_elements(self) -> ShapesDocument:
        for shape in self.shapes:
            if shape.element not in self.elements:
                raise ValueError(f"{shape.name} belongs to '{shape.element}', which is no element")
        return self


def shapes_text(shapes: ShotShapes) -> str:
    """Return shapes as the text of a document; one key a line. Places are rounded to 1/1000 px."""
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
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "the document"
        raise DocumentError(f"{path}: {place}: {wrong['msg']}") from error


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
    points = shape.pop("points")
    assert isinstance(points, list)
    head = json.dumps(shape, ensure_ascii=False)
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
        points=[_point_entry(point) for point in shape.points],
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
    return Shape(entry.name, entry.element, is_hole, entry.first, entry.last, points)
