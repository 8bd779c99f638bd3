"""Draws shapes as mattes, with their feather."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.bezier import flattened
from rde_roto.shapes.feather_curves import feather_curves
from rde_roto.shapes.raster import box_around, coverage, faded_coverage, part_of
from rde_roto.shapes.shape import Points, ShotShapes
from rde_roto.values.arguments import frame_number, require
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


def draw_shapes(shapes: ShotShapes, frame: int) -> FloatArray:
    """Return the mattes of all elements at a frame: float32 [K, H, W] over the plate's data window,
    0..1, row 0 on top, in the order of ``shapes.elements``. Raises UsageError for a frame before
    the first or after the last of the shapes.
    """
    require(shapes, ShotShapes, "shapes, such as read_shapes('hero.json')")
    frame, known = frame_number(frame), shapes.frames
    if not known.first <= frame <= known.last:
        raise UsageError(f"the shapes have the frames {known.words}, not {frame}")
    data, display = shapes.format.data, shapes.format.display
    window = Window(data.x - display.x, data.y - display.y, data.width, data.height)
    planes = np.zeros((len(shapes.elements), *window.shape), np.float32)
    for plane, element in zip(planes, shapes.elements, strict=True):
        for shape in shapes.there(element, frame):
            polygons = _polygons(*shape.at(frame))
            box = box_around(polygons, window)  # of thousands of shapes most are small
            share, below = _coverage(polygons, box), plane[part_of(window, box)]
            below[...] = below * (1 - share) if shape.is_hole else below + share * (1 - below)
    return planes


def spline_coverage(points: Points, feather: Points, window: Window) -> FloatArray:
    """Return how much of each pixel of a window a closed spline covers, float32 [H, W], 0..1.

    ``points`` [P, 3, 2] are left handle, point and right handle, ``feather`` [P, 2] its widths.
    """
    return _coverage(_polygons(points, feather), window)


def _polygons(points: Points, feather: Points) -> Points:
    """The polygon of a hard spline, [1, N, 2], or those between which one fades, [2, N, 2]."""
    soft = feather.any()
    return flattened(np.stack(feather_curves(points, feather) if soft else [points])).polygon


def _coverage(polygons: Points, window: Window) -> FloatArray:
    inner, outer = polygons[0], polygons[-1]
    return coverage(inner, window) if len(polygons) == 1 else faded_coverage(inner, outer, window)
