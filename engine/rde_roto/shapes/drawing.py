"""Draws shapes as mattes, with their feather."""

from __future__ import annotations

import numpy as np

from rde_roto.shapes.bezier import flattened
from rde_roto.shapes.raster import coverage
from rde_roto.shapes.shape import Points, Shape, ShotShapes
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_STEP_PX = 0.5  # of the feather, from one line of equal alpha to the next
_MOST_STEPS = 96


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
    polygon, feather = flattened(*shape.at(frame))
    if not feather.any():
        return coverage(polygon, window)
    steps = min(_MOST_STEPS, 2 + int(np.ceil(feather.sum(axis=1).max() / _STEP_PX)))
    normals = _outward(polygon)
    covered = np.zeros(window.shape, np.float32)
    for level in (np.arange(steps) + 0.5) / steps:
        # the line on which alpha is `level`
        inner, outer = max(0.0, 2 * level - 1), max(0.0, 1 - 2 * level)
        shift = outer * feather[:, 1] - inner * feather[:, 0]
        covered += coverage(polygon + shift[:, None] * normals, window)
    result: FloatArray = covered / np.float32(steps)
    return result


def _outward(polygon: Points) -> Points:
    """The outward normals of a polygon's corners, [N, 2]."""
    run = np.roll(polygon, -1, axis=0) - np.roll(polygon, 1, axis=0)
    x, y = polygon.T
    turn = np.sign((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) or 1.0
    normals = turn * np.stack([run[:, 1], -run[:, 0]], axis=1)
    outward: Points = normals / np.hypot(*normals.T).clip(min=1e-9)[:, None]
    return outward
