"""The scene's compositor, which is a node group since Blender 5.0: all that differs by version."""

from __future__ import annotations

from typing import Any

import bpy

_IS_GROUP = bpy.app.version >= (5, 0, 0)

OUTPUT = "NodeGroupOutput" if _IS_GROUP else "CompositorNodeComposite"
"""The kind of the node whose first input is what the compositor gives."""


def tree_of(scene: Any) -> Any:
    """The scene's compositing nodes, switched on. Where it has none, a new tree with an output."""
    return _group(scene) if _IS_GROUP else _own_tree(scene)


def _group(scene: Any) -> Any:
    tree = scene.compositing_node_group
    if tree is None:
        tree = bpy.data.node_groups.new("rde-roto", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        _add_output(tree)
        scene.compositing_node_group = tree
    return tree


def _own_tree(scene: Any) -> Any:
    is_new = scene.node_tree is None
    scene.use_nodes = True
    tree = scene.node_tree
    if is_new:
        tree.nodes.clear()  # Blender puts the scene's render there, which wants a camera
        _add_output(tree)
    return tree


def _add_output(tree: Any) -> None:
    tree.nodes.new(OUTPUT).location = (300, 200)
