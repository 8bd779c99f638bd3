"""Shapes: a shot's mattes as editable, animated splines, and back."""

from __future__ import annotations

from rde_roto.shapes.document import read_shapes, shapes_text
from rde_roto.shapes.drawing import draw_shapes
from rde_roto.shapes.making import ShapeMaker
from rde_roto.shapes.shape import Motion, Shape, ShapePoint, ShotShapes

__all__ = [
    "Motion",
    "Shape",
    "ShapeMaker",
    "ShapePoint",
    "ShotShapes",
    "draw_shapes",
    "read_shapes",
    "shapes_text",
]
