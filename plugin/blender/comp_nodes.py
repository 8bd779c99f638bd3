"""Nodes in the compositor: images of the plate and the matte, and the plate cut out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import bpy

from .compositor import OUTPUT, tree_of

_PREFIX = "rde-roto "
_PLATE = f"{_PREFIX}plate"


class CutOut(NamedTuple):
    """An element's mattes by frame, and the file of the plate at their first; `place` is the
    element's in the list.
    """

    element: str
    place: int
    plate: Path
    mattes: dict[int, Path]


def add_nodes(scene: bpy.types.Scene, cut_out: CutOut) -> None:
    """Add an element's nodes to the scene's compositor, or update those that an earlier call added.

    The cut-out goes to the compositor's output if that is free; existing links stay.
    """
    tree, mattes = tree_of(scene), cut_out.mattes
    frames = min(mattes), max(mattes)
    left = 300 + max((node.location.x for node in tree.nodes if not _is_ours(node)), default=-900)
    down = -300 * cut_out.place
    image = _image_node(tree, _PLATE, cut_out.plate, frames, (left, 300))
    name = f"{_PREFIX}matte {cut_out.element}"
    matte = _image_node(tree, name, mattes[frames[0]], frames, (left, down))
    matte.image.colorspace_settings.name = "Non-Color"  # a matte is data
    matte.image.alpha_mode = "CHANNEL_PACKED"
    name = f"{_PREFIX}cut {cut_out.element}"
    cut = _node(tree, name, "CompositorNodeSetAlpha", (left + 300, 200 + down))
    tree.links.new(image.outputs["Image"], cut.inputs["Image"])
    tree.links.new(matte.outputs["Alpha"], cut.inputs["Alpha"])
    for node in tree.nodes:
        if node.bl_idname == OUTPUT and node.inputs and not node.inputs[0].is_linked:
            tree.links.new(cut.outputs["Image"], node.inputs[0])


def reload_images(folder: str) -> None:
    """Reload the images of a folder, after mattes were written again."""
    for image in bpy.data.images:
        path = bpy.path.abspath(image.filepath)
        if path and Path(path).parent == Path(folder):
            image.reload()


def _is_ours(node: Any) -> bool:
    return bool(node.name.startswith(_PREFIX) or node.bl_idname == OUTPUT)


def _node(tree: Any, name: str, kind: str, place: tuple[float, float]) -> Any:
    node = tree.nodes.get(name)
    if node is None:
        node = tree.nodes.new(kind)
        node.name = node.label = name
        node.location = place
    return node


def _image_node(
    tree: Any, name: str, file: Path, frames: tuple[int, int], place: tuple[float, float]
) -> Any:
    node = _node(tree, name, "CompositorNodeImage", place)
    image = bpy.data.images.load(str(file), check_existing=True)
    if image.source != "MOVIE":
        image.source = "SEQUENCE"
    image.reload()
    node.image = image
    # Shows the file of the scene's current frame: Blender counts from 1 at frame_start, then adds
    # the offset to get the number in the file's name.
    node.frame_start, node.frame_offset = frames[0], frames[0] - 1
    node.frame_duration = frames[1] - frames[0] + 1
    node.use_auto_refresh = True
    return node
