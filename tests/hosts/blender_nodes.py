"""A scene's compositor as a script in Blender makes, reads and renders it, before 5.0 and since.

Imported by in_blender.py alone, in the Python that has bpy. It uses nothing of the extension's.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

# untyped: what the extension registers is in no stubs
bpy: Any = import_module("bpy")

IS_GROUP = bpy.app.version >= (5, 0, 0)
OUTPUT = "NodeGroupOutput" if IS_GROUP else "CompositorNodeComposite"


def new_tree() -> tuple[Any, Any]:
    """An artist's own tree in the scene's compositor, and its output, which is free."""
    scene = bpy.context.scene
    if IS_GROUP:
        tree = bpy.data.node_groups.new("mine", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    return tree, tree.nodes.new(OUTPUT)


def tree_there() -> Any:
    """The tree that the scene has."""
    scene = bpy.context.scene
    return scene.compositing_node_group if IS_GROUP else scene.node_tree


def composited(folder: Path, values: Any, name: str) -> None:
    """Renders the scene's frames with a File Output on a socket of values: EXRs, the channel V."""
    tree = tree_there()
    output = tree.nodes.new("CompositorNodeOutputFile")
    as_float_exr(output.format)
    if IS_GROUP:
        output.format.color_mode = "BW"
        output.directory, output.file_name = str(folder), name
        output.file_output_items.new("FLOAT", "")
    else:  # what is linked decides on the channels
        output.base_path, output.file_slots[0].path = str(folder), name
    tree.links.new(values, output.inputs[0])
    bpy.ops.render.render(animation=True)
    tree.nodes.remove(output)


def as_float_exr(settings: Any) -> None:
    """Has an image format write EXRs of 32 bits."""
    if IS_GROUP:
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR", "32"
