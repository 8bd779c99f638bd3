"""Masks in files, `NAME.mask.json`: made by `rde-roto shapes`, and written for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from .activity import window_manager_of
from .properties import scene_of
from .request import RefusedError

SCHEMA = "rde-roto.mask/1"
"""The schema of such files: see the engine's `shapes/blender_mask.py`."""

_PLATE = "rde_roto_plate"  # a property of a mask: the windows of the plate that it is for

_ADDS, _SUBTRACTS = ("MERGE_ADD", "ADD", "LIGHTEN"), ("MERGE_SUBTRACT", "SUBTRACT")

# what JSON holds
Document = dict[str, Any]
Layer = dict[str, Any]


def read(path: Path) -> Document:
    """The content of a file. Raises RefusedError for one that is no file of masks."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise RefusedError(
            f"{path.name} has no masks for Blender: write it with rde-roto shapes … "
            "--out NAME.mask.json"
        )
    return document


def make_masks(context: bpy.types.Context, document: Document) -> list[bpy.types.Mask]:
    """Make new masks with their animation, one for each element.

    Raises RefusedError if a file has been changed by hand and makes no sense.
    """
    scene = scene_of(context)
    frame = scene.frame_current
    try:
        made = [_mask(context, scene, one) for one in document["masks"]]
        for mask in made:
            mask[_PLATE] = json.dumps(document["plate"])
        return made
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(f"the file is damaged: {error!r}") from error
    finally:
        scene.frame_set(frame)


def _mask(context: bpy.types.Context, scene: bpy.types.Scene, content: Document) -> bpy.types.Mask:
    mask = bpy.data.masks.new(content["name"])
    keys: dict[int, list[tuple[bpy.types.MaskLayer, list[Any]]]] = {}
    for one in content["layers"]:
        layer = _new_layer(mask, one)
        for key in one["keys"]:
            keys.setdefault(key["frame"], []).append((layer, key["splines"]))
    with _mask_editor(context, mask):
        for frame in sorted(keys):
            scene.frame_set(frame)
            for layer in mask.layers:
                _select(layer, False)
            for layer, splines in keys[frame]:
                _put(layer, splines)
                _select(layer, True)
            bpy.ops.mask.shape_key_insert("EXEC_DEFAULT")  # of the layers that are selected
    for layer in mask.layers:
        _select(layer, False)
    return mask


def _new_layer(mask: bpy.types.Mask, content: Layer) -> bpy.types.MaskLayer:
    layer = mask.layers.new(name=content["name"])
    layer.blend, layer.falloff = content["blend"], "LINEAR"
    for points in content["keys"][0]["splines"]:
        spline = layer.splines.new()
        spline.use_cyclic, spline.weight_interpolation = True, "LINEAR"
        spline.points.add(len(points) - 1)  # it has one already
        for point in spline.points:
            point.handle_left_type = point.handle_right_type = "FREE"
    first, last = content["first"], content["last"]
    for frame, alpha in ((first - 1, 0), (first, 1), (last, 1), (last + 1, 0)):
        layer.alpha = alpha
        layer.keyframe_insert("alpha", frame=frame)
    return layer


def _put(layer: bpy.types.MaskLayer, splines: list[Any]) -> None:
    for spline, points in zip(layer.splines, splines, strict=True):
        for point, values in zip(spline.points, points, strict=True):
            left_x, left_y, x, y, right_x, right_y, point.weight = values
            point.co = x, y
            point.handle_left, point.handle_right = (left_x, left_y), (right_x, right_y)


def _select(layer: bpy.types.MaskLayer, is_selected: bool) -> None:
    layer.select = is_selected
    for spline in layer.splines:
        for point in spline.points:
            point.select = is_selected


@contextmanager
def _mask_editor(context: bpy.types.Context, mask: bpy.types.Mask) -> Iterator[None]:
    """Run operators on a mask as if in an editor of it: one on the screen becomes that meanwhile.

    Blender keys the points of a mask in no other way.
    """
    window = context.window or window_manager_of(context).windows[0]
    areas = list(window.screen.areas)
    # not the one in which the button is, if there is another one
    area = next((one for one in areas if one != context.area), areas[0])
    was = area.type
    area.type = "IMAGE_EDITOR"
    space: Any = area.spaces.active
    before = space.mode, space.mask
    try:
        space.mode, space.mask = "MASK", mask
        region = next(one for one in area.regions if one.type == "WINDOW")
        with context.temp_override(window=window, area=area, region=region):
            yield
    finally:
        space.mask, space.mode = before[1], before[0]
        area.type = was


# --- and back -------------------------------------------------------------------------------------


def document_of(context: bpy.types.Context, masks: Mapping[str, bpy.types.Mask]) -> Document:
    """What the file of some masks has, by the names of their elements, for the scene's frames.

    Raises RefusedError for what shapes cannot say.
    """
    scene = scene_of(context)
    frame = scene.frame_current
    try:
        found = [{"name": name, "layers": _layers(scene, mask)} for name, mask in masks.items()]
    finally:
        scene.frame_set(frame)
    return {
        "schema": SCHEMA,
        "plate": _plate(scene.render, masks.values()),
        "frames": f"{scene.frame_start}-{scene.frame_end}",
        "masks": found,
    }


def _plate(render: Any, masks: Iterable[bpy.types.Mask]) -> Document:
    """The plate's windows: those that a mask came with, or the size of the scene."""
    width, height = render.resolution_x, render.resolution_y
    for mask in masks:
        plate: Document = json.loads(mask.get(_PLATE, "{}"))
        data = plate.get("data", {})
        if (data.get("width"), data.get("height")) == (width, height):
            return plate
    size = {"x": 0, "y": 0, "width": width, "height": height}
    aspect = render.pixel_aspect_x / render.pixel_aspect_y
    return {"display": size, "data": size, "pixel_aspect": aspect}


def _layers(scene: bpy.types.Scene, mask: bpy.types.Mask) -> list[Layer]:
    """The layers of a mask, the lowest first; one that is shown several times for each time."""
    names = [layer.name for layer in mask.layers if not layer.hide_render]
    runs: dict[str, list[Layer]] = {name: [] for name in names}
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        layers = mask.evaluated_get(depsgraph).layers
        for name in names:
            layer, own = layers[name], runs[name]
            if not layer.alpha:
                continue
            try:
                splines = _splines(layer)
            except RefusedError as error:
                raise RefusedError(f"mask {mask.name}, layer {name}: {error}") from error
            if not splines:
                continue
            if not own or own[-1]["last"] != frame - 1:
                blend = "MERGE_SUBTRACT" if layer.blend in _SUBTRACTS else "MERGE_ADD"
                number = f"_{len(own) + 1}" if own else ""
                own.append({"name": name + number, "blend": blend, "first": frame, "keys": []})
            own[-1]["last"] = frame
            own[-1]["keys"].append({"frame": frame, "splines": splines})
    return [layer for name in names for layer in runs[name]]


def _splines(layer: Any) -> list[list[list[float]]]:
    """The points of the splines of a layer that fill."""
    if layer.blend not in _ADDS + _SUBTRACTS:
        raise RefusedError(f"its blend mode {layer.blend} neither adds nor subtracts")
    if layer.alpha != 1 or layer.invert:
        raise RefusedError("it is inverted, or its opacity is neither 0 nor 1")
    found = []
    for spline in layer.splines:
        if not (spline.use_cyclic and spline.use_fill):
            continue
        if any(len(point.feather_points) for point in spline.points):
            raise RefusedError("it has feather points; shapes have one feather a point")
        if layer.falloff != "LINEAR" and any(point.weight for point in spline.points):
            raise RefusedError("its feather does not fall off linearly")
        if any(point.parent is not None and point.parent.id for point in spline.points):
            raise RefusedError("it follows a track: clear its parent first")
        found.append([_values(point) for point in spline.points])
    if len(found) > 1 and layer.use_fill_holes:
        raise RefusedError(
            "its splines cut holes in each other: put holes into a layer that subtracts"
        )
    return found


def _values(point: Any) -> list[float]:
    return [*point.handle_left, *point.co, *point.handle_right, point.weight]
