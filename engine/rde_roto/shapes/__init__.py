"""Shapes: a shot's mattes as editable, animated splines, and back."""

from __future__ import annotations

from rde_roto.shapes.document import shapes_text
from rde_roto.shapes.drawing import draw_shapes
from rde_roto.shapes.files import SHAPE_FILES, file_remarks, file_text, is_shapes_file, read_shapes
from rde_roto.shapes.making import ShapeMaker
from rde_roto.shapes.nuke import nuke_text
from rde_roto.shapes.shape import Motion, Shape, ShapePoint, ShotShapes, Spline

__all__ = [
    "SHAPE_FILES",
    "Motion",
    "Shape",
    "ShapeMaker",
    "ShapePoint",
    "ShotShapes",
    "Spline",
    "draw_shapes",
    "file_remarks",
    "file_text",
    "is_shapes_file",
    "nuke_text",
    "read_shapes",
    "shapes_text",
]
