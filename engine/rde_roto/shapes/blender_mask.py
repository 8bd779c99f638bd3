"""Shapes as Blender's masks, `NAME.mask.json`: what the extension makes a mask from, and writes of
one.

Coordinates are Blender's: the middle of the image, which is the plate's data window, is (0.5, 0.5),
one unit is its longer side, y goes up. A spline of a mask is the inner end of its feather.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from rde_roto.documents.shot_document import ElementId, RangeText
from rde_roto.shapes.bezier import halved
from rde_roto.shapes.document import FrameNumber, PlateSizeEntry, plate_entry, read_fields
from rde_roto.shapes.exchange import (
    MOST_FRAMES,
    MOST_OFF_PX,
    point_with_keys,
    shared_key_frames,
)
from rde_roto.shapes.feather_curves import (
    curves_apart,
    evened,
    inner_curve,
    largest_turn,
    line_between,
    outward,
    turn_of,
)
from rde_roto.shapes.shape import Points, Shape, ShotShapes
from rde_roto.values.errors import DocumentError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.settings import Settings, first_fault

MASK_SCHEMA: Final = "rde-roto.mask/1"

_FAR: Final = 1e6
_DIGITS: Final = 8  # of the longer side
_MOST_TURN: Final = 90.0
"""Degrees by which a soft curve may turn. Around a disc of 40 px with a feather of 12, Blender's
edge is 0.13 px off with curves of 120 degrees, 0.04 with 60."""

_Number = Annotated[float, Field(ge=-_FAR, le=_FAR)]
_Width = Annotated[float, Field(ge=0, le=_FAR)]
_Point = Annotated[
    tuple[_Number, _Number, _Number, _Number, _Number, _Number, _Width], Field(strict=False)
]
"""Left handle, point, right handle, width of the feather."""
_Spline = Annotated[list[_Point], Field(min_length=1)]


class MaskKeyEntry(Settings):
    """The splines of a layer at a frame."""

    frame: FrameNumber
    splines: list[_Spline]


class MaskLayerEntry(Settings):
    """A layer while it is shown, with keys in order of their frames, between which it changes at
    constant speed.
    """

    name: str
    blend: Literal["MERGE_ADD", "MERGE_SUBTRACT"] = "MERGE_ADD"
    first: FrameNumber
    last: FrameNumber
    keys: Annotated[list[MaskKeyEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_in_order(self) -> MaskLayerEntry:
        frames = [key.frame for key in self.keys]
        if frames != sorted(set(frames)):
            raise ValueError("the keys of a layer must be in order of their frames, one a frame")
        if frames[-1] - frames[0] > MOST_FRAMES or self.first > self.last:
            raise ValueError("a layer must be shown for some frames, and for no more than a shot")
        counts = {tuple(map(len, key.splines)) for key in self.keys}
        if len(counts) > 1:
            raise ValueError("the keys of a layer must have the same splines and points")
        return self


class MaskEntry(Settings):
    """A mask and its layers, the lowest first."""

    name: ElementId
    layers: list[MaskLayerEntry]


class MaskDocument(Settings):
    """The content of a file of masks; each mask is an element."""

    plate: PlateSizeEntry
    frames: RangeText
    masks: Annotated[list[MaskEntry], Field(min_length=1)]


def mask_text(shapes: ShotShapes) -> str:
    """Return shapes as the text of a file of masks: a layer for each shape."""
    image = _image(shapes.format)
    document = MaskDocument(
        plate=plate_entry(shapes.format),
        frames=shapes.frames,
        masks=[
            MaskEntry(
                name=element,
                layers=[
                    _layer_entry(shape, image)
                    for shape in shapes.shapes
                    if shape.element == element
                ],
            )
            for element in shapes.elements
        ],
    )
    return json.dumps({"schema": MASK_SCHEMA, **document.model_dump(mode="json")}) + "\n"


def read_mask(path: Path) -> ShotShapes:
    """Read a file of masks. Raises DocumentError, naming the file and the entry that is wrong."""
    fields = read_fields(path, MASK_SCHEMA, "masks of Blender")
    try:
        document = MaskDocument.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise DocumentError(f"{path}: {first_fault(error)}") from error
    plate = document.plate.format()
    names = [mask.name for mask in document.masks]
    if len(set(names)) < len(names):
        raise DocumentError(f"{path}: two masks have the same name")
    shapes: list[Shape] = []
    for mask in document.masks:
        for layer in mask.layers:
            try:
                shapes += _shapes(mask.name, layer, _image(plate))
            except ValueError as error:
                raise DocumentError(f"{path}: {mask.name}: layer {layer.name}: {error}") from error
    return ShotShapes(plate, FrameRange.of(document.frames), tuple(names), tuple(shapes))


def _image(plate: PlateFormat) -> Window:
    """The picture that Blender shows, where it lies from the corner of the display window."""
    data, display = plate.data, plate.display
    return Window(data.x - display.x, data.y - display.y, data.width, data.height)


def mask_remarks(shapes: ShotShapes) -> Iterator[str]:
    """Yield a sentence for each shape whose feather Blender draws elsewhere, as it is measured
    across the inner of its curves there.
    """
    for shape in shapes.shapes:
        off_px = 0.0
        for frame in shape.key_frames if shape.is_soft else ():
            middle, inner, halves = _inner(shape, frame)
            drawn = inner, inner + outward(inner, 2 * halves)
            shifts = outward(middle, halves)
            off_px = max(off_px, curves_apart(drawn, (middle - shifts, middle + shifts)))
        if off_px > MOST_OFF_PX:
            yield (
                f"{shape.element}: Blender draws the feather of {shape.name} up to {off_px:.1f} px "
                "elsewhere, where it is wide and bends: look at it there"
            )


def _inner(shape: Shape, frame: int) -> tuple[Points, Points, NDArray[np.float64]]:
    """The middle of a shape's feather and Blender's spline, [P, 3, 2], and half the width, [P]."""
    middle, halves = evened(*shape.at(frame))
    for _ in range(_halvings(shape)):
        middle, both = halved(middle, np.stack([halves, halves], axis=1))
        halves = both[:, 0]
    return middle, inner_curve(middle, halves), halves


def _layer_entry(shape: Shape, image: Window) -> MaskLayerEntry:
    keys = []
    for frame in shared_key_frames(shape):
        _, inner, halves = _inner(shape, frame)
        widths = 2 * halves / max(image.shape)
        if turn_of(inner) < 0:
            # Blender feathers outside of what runs clockwise
            inner, widths = inner[::-1, ::-1], widths[::-1]
        values = np.concatenate([_to_mask(inner, image).reshape(-1, 6), widths[:, None]], axis=1)
        keys.append(MaskKeyEntry(frame=frame, splines=[values.round(_DIGITS).tolist()]))
    return MaskLayerEntry(
        name=shape.name,
        blend="MERGE_SUBTRACT" if shape.is_hole else "MERGE_ADD",
        first=shape.first,
        last=shape.last,
        keys=keys,
    )


def _halvings(shape: Shape) -> int:
    """How often the curves of a shape are halved, so that Blender draws its feather right."""
    if not shape.is_soft:
        return 0
    turn = max(largest_turn(shape.at(frame)[0]) for frame in shape.key_frames)
    return math.ceil(math.log2(max(1.0, turn / _MOST_TURN)))


def _shapes(element: str, layer: MaskLayerEntry, image: Window) -> Iterator[Shape]:
    keyed = np.array([key.frame for key in layer.keys], np.float64)
    frames = np.arange(keyed[0], keyed[-1] + 1)
    numbers = [int(frame) for frame in frames]
    count = len(layer.keys[0].splines)
    for index in range(count):
        values = np.array([key.splines[index] for key in layer.keys], np.float64)  # [K, P, 7]
        every = np.stack(
            [np.interp(frames, keyed, one) for one in values.reshape(len(keyed), -1).T]
        )
        every = every.T.reshape(len(frames), -1, 7)
        curves = _from_mask(every[..., :6].reshape(len(frames), -1, 3, 2), image)
        lines = [_line(*one) for one in zip(curves, every[..., 6] * max(image.shape), strict=True)]
        handles, fades = (np.stack(one, axis=1) for one in zip(*lines, strict=True))
        points = tuple(point_with_keys(numbers, *one) for one in zip(handles, fades, strict=True))
        name = layer.name if count == 1 else f"{layer.name}_{index + 1}"
        is_hole = layer.blend == "MERGE_SUBTRACT"
        yield Shape(name, element, is_hole, layer.first, layer.last, points)


def _line(inner: Points, widths: Points) -> tuple[Points, Points]:
    """The spline and the feather of a mask's spline with a feather [P]."""
    is_outside = turn_of(inner) > 0  # on the inside Blender draws none
    return line_between(inner, inner + outward(inner, widths * is_outside))


def _to_mask(places: Points, image: Window) -> Points:
    found: Points = (places - _middle(image)) * (1, -1) / max(image.shape) + 0.5
    return found


def _from_mask(places: Points, image: Window) -> Points:
    found: Points = (places - 0.5) * (1, -1) * max(image.shape) + _middle(image)
    return found


def _middle(image: Window) -> Points:
    return np.array([image.x + image.width / 2, image.y + image.height / 2])
