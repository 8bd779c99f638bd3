"""Draws shapes as mattes, with their feather."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.bezier import flattened
from rde_roto.shapes.raster import faded_coverage
from rde_roto.shapes.shape import Points, Shape, ShotShapes
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


def draw_shapes(shapes: ShotShapes, frame: int) -> FloatArray:
    """Return the mattes of all elements at a frame: float32 [K, H, W] over the plate's data window,
    0..1, row 0 on top, in the order of ``shapes.elements``.
    """
    data, display = shapes.format.data, shapes.format.display
    window = Window(data.x - display.x, data.y - display.y, data.width, data.height)
    planes = np.zeros((len(shapes.elements), *window.shape), np.float32)
    for plane, element in zip(planes, shapes.elements, strict=True):
        # in a sum a part inside a hole is there again
        for shape in shapes.there(element, frame):
            plane += (-1 if shape.is_hole else 1) * shape_coverage(shape, frame, window)
    return planes.clip(0, 1)


def shape_coverage(shape: Shape, frame: int, window: Window) -> FloatArray:
    """Return how much of each pixel of a window a shape covers at a frame, float32 [H, W], 0..1."""
    return spline_coverage(*shape.at(frame), window)


def spline_coverage(points: Points, feather: Points, window: Window) -> FloatArray:
    """Return how much of each pixel of a window a closed spline covers, float32 [H, W], 0..1.

    ``points`` [P, 3, 2] are left handle, point and right handle, ``feather`` [P, 2] its widths.
    """
    polygon, feather, _ = flattened(points, feather)
    inwards, outwards = feather.T
    return faded_coverage(polygon, np.stack([-inwards, 0 * inwards, outwards], axis=1), window)
