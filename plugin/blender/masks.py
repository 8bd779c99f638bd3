"""Blender's Mask datablocks, taken apart for the raster."""

from __future__ import annotations

from typing import Any

import bpy

from .errand import RefusedError
from .work import Layer


def layers_of(mask: Any) -> tuple[list[Layer], bool]:
    """The layers of a mask at the scene's current frame, the lowest first; whether any spline has a
    feather, which is left out.

    Raises RefusedError for a mask that draws nothing, or that follows a track: where a track has
    moved its points Blender does not tell Python.
    """
    layers, has_feather = [], False
    for layer in mask.evaluated_get(bpy.context.evaluated_depsgraph_get()).layers:
        if layer.hide_render:
            continue
        splines = [spline for spline in layer.splines if spline.use_cyclic and spline.use_fill]
        points = [point for spline in splines for point in spline.points]
        if any(point.parent.id is not None and point.parent.parent for point in points):
            raise RefusedError(f"the mask {mask.name} follows a track: clear its parent first")
        has_feather = has_feather or any(point.weight > 0 for point in points)
        knots = [[_knot(point) for point in spline.points] for spline in splines]
        layers.append(Layer(knots, layer.use_fill_holes, layer.blend, layer.alpha, layer.invert))
    if not any(layer.splines or layer.is_inverted for layer in layers):
        raise RefusedError(f"the mask {mask.name} has no closed spline that is shown in renders")
    return layers, has_feather


def _knot(point: Any) -> Any:
    return tuple(tuple(place) for place in (point.handle_left, point.co, point.handle_right))
