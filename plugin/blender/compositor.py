"""The scene's compositor, a node group since Blender 5.0: all that depends on the version."""

from __future__ import annotations

from typing import Any, cast

import bpy

_IS_GROUP = bpy.app.version >= (5, 0, 0)

OUTPUT = "NodeGroupOutput" if _IS_GROUP else "CompositorNodeComposite"
"""The type of the node whose first input is the compositor's result."""


def tree_of(scene: Any) -> Any:
    """The scene's compositing nodes, enabled; a new tree with an output if it has none."""
    return _group(scene) if _IS_GROUP else _own_tree(scene)


def _group(scene: Any) -> Any:
    tree = scene.compositing_node_group
    if tree is None:
        tree = cast(Any, bpy.data.node_groups.new("rde-roto", "CompositorNodeTree"))
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        _add_output(tree)
        scene.compositing_node_group = tree
    return tree


def _own_tree(scene: Any) -> Any:
    is_new = scene.node_tree is None
    scene.use_nodes = True
    tree = scene.node_tree
    if is_new:
        tree.nodes.clear()  # Blender adds the scene's render, which needs a camera
        _add_output(tree)
    return tree


def _add_output(tree: Any) -> None:
    tree.nodes.new(OUTPUT).location = (300, 200)
