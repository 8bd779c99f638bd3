"""Editable lines from shapes: a line is what a shape is at one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rde_roto.session.drawing.lines import Line
from rde_roto.shapes import ShapeMaker, ShotShapes, Spline
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat

_TOLERANCE = 1 / 540  # of the picture's height


def tolerance_px(plate: PlateFormat) -> float:
    """How far shapes and lines may be off the mattes that they are made of, if they are to be
    edited: a pixel of 540 lines, or one of the plate if that has fewer.
    """
    return max(1.0, _TOLERANCE * plate.data.height)


def lines_of_matte(pixels: FloatArray, plate: PlateFormat) -> tuple[Line, ...]:
    """Return lines of few points that draw a matte, float32 [H, W], within `tolerance_px`; none of
    one that is nowhere above one half.
    """
    maker = ShapeMaker(plate, ("matte",), tolerance_px(plate))
    maker.add(0, pixels[None])
    return lines_of(maker.finish(), "matte", 0, plate)


def lines_of(shapes: ShotShapes, element: str, frame: int, plate: PlateFormat) -> tuple[Line, ...]:
    """Return the shapes of an element that are there at a frame as lines, in the order in which
    they are drawn.

    Raises UsageError for shapes of a plate of another size.
    """
    size, own = ((one.display.width, one.display.height) for one in (shapes.format, plate))
    if size != own:
        raise UsageError(
            f"the shapes are for a plate of {size[0]} x {size[1]}, not of {own[0]} x {own[1]}: "
            "draw them as a mask with 'rde-roto shapes', which can be scaled"
        )
    shift = _shift(plate)
    splines = ((one.at(frame), one.is_hole) for one in shapes.there(element, frame))
    return tuple(Line.of(places + shift, feather, cuts) for (places, feather), cuts in splines)


def splines_of(lines: Sequence[Line], plate: PlateFormat) -> tuple[Spline, ...]:
    """Return lines as what shapes are at their frame, in plate coordinates."""
    return tuple(Spline(one.places - _shift(plate), np.array(one.widths)) for one in lines)


def _shift(plate: PlateFormat) -> tuple[int, int]:
    """From plate coordinates to those of lines."""
    return plate.display.x - plate.data.x, plate.display.y - plate.data.y
