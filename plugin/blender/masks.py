"""Reads Blender's Mask datablocks for the rasteriser."""

from __future__ import annotations

from typing import Any

import bpy

from .engine_requests import Layer
from .mask_raster import Knot
from .request import RefusedError


def layers_of(mask: bpy.types.Mask) -> tuple[list[Layer], bool]:
    """The layers of a mask at the scene's current frame, bottom first, and whether any spline has a
    feather, which is ignored.

    Raises RefusedError for a mask that draws nothing, and for one that follows a track: Blender
    does not tell Python where a track has moved its points.
    """
    layers, has_feather = [], False
    for layer in mask.evaluated_get(bpy.context.evaluated_depsgraph_get()).layers:
        if layer.hide_render:
            continue
        splines = [spline for spline in layer.splines if spline.use_cyclic and spline.use_fill]
        points = [point for spline in splines for point in spline.points]
        if any(_is_tracked(point) for point in points):
            raise RefusedError(f"the mask {mask.name} follows a track: clear its parent first")
        has_feather = has_feather or any(point.weight > 0 for point in points)
        knots = [[_knot(point) for point in spline.points] for spline in splines]
        layers.append(Layer(knots, layer.use_fill_holes, layer.blend, layer.alpha, layer.invert))
    if not any(layer.splines or layer.is_inverted for layer in layers):
        raise RefusedError(f"the mask {mask.name} has no closed spline that is shown in renders")
    return layers, has_feather


def _is_tracked(point: bpy.types.MaskSplinePoint) -> bool:
    parent = point.parent
    return parent is not None and parent.id is not None and bool(parent.parent)


def _knot(point: Any) -> Knot:
    left, middle, right = point.handle_left, point.co, point.handle_right
    return (left[0], left[1]), (middle[0], middle[1]), (right[0], right[1])
