"""Reads Blender's Mask datablocks for the rasteriser."""

from __future__ import annotations

from typing import Any

import bpy

from .engine_requests import Layer
from .mask_raster import Knot, Spline
from .request import RefusedError


def layers_of(mask: bpy.types.Mask) -> list[Layer]:
    """The layers of a mask at the scene's current frame, bottom first.

    Raises RefusedError for a mask that draws nothing, and for one that follows a track: Blender
    does not tell Python where a track has moved its points.
    """
    layers = []
    for layer in mask.evaluated_get(bpy.context.evaluated_depsgraph_get()).layers:
        if layer.hide_render:
            continue
        splines = [spline for spline in layer.splines if spline.use_cyclic and spline.use_fill]
        if any(_is_tracked(point) for spline in splines for point in spline.points):
            raise RefusedError(f"the mask {mask.name} follows a track: clear its parent first")
        found = [_spline(spline) for spline in splines]
        blend, opacity = layer.blend, layer.alpha
        layers.append(
            Layer(found, layer.use_fill_holes, layer.falloff, blend, opacity, layer.invert)
        )
    if not any(layer.splines or layer.is_inverted for layer in layers):
        raise RefusedError(f"the mask {mask.name} has no closed spline that is shown in renders")
    return layers


def _is_tracked(point: bpy.types.MaskSplinePoint) -> bool:
    parent = point.parent
    return parent is not None and parent.id is not None and bool(parent.parent)


def _spline(spline: Any) -> Spline:
    points = list(spline.points)
    pairs = zip(points, points[1:] + points[:1], strict=True)
    feather = [_feather(start, end) for start, end in pairs]
    return Spline(
        [_knot(point) for point in points], feather, spline.weight_interpolation == "EASE"
    )


def _knot(point: Any) -> Knot:
    left, middle, right = point.handle_left, point.co, point.handle_right
    return (left[0], left[1]), (middle[0], middle[1]), (right[0], right[1])


def _feather(start: Any, end: Any) -> list[tuple[float, float]]:
    """The widths along the segment of two points. A feather point scales what the two give."""

    def between(place: float) -> float:
        return float(start.weight * (1 - place) + end.weight * place)

    found = [(0.0, between(0))]
    for point in sorted(start.feather_points, key=lambda one: one.u):
        found.append((point.u, between(point.u) * point.weight))
    return [*found, (1.0, between(1))]
