"""rde-roto in Blender: keyframes from masks or images, mattes from the engine.

The engine is a separate process; the extension talks to it through `engine_client`.
"""

from __future__ import annotations

import bpy

from . import activity, elements, operators, panel, properties, shape_operators

_MODULES = (activity, elements, properties, operators, shape_operators, panel)
_CLASSES = tuple(each for module in _MODULES for each in module.CLASSES)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Scene.rde_roto = bpy.props.PointerProperty(  # type: ignore[attr-defined]
        type=properties.Shot
    )
    bpy.types.WindowManager.rde_roto = bpy.props.PointerProperty(  # type: ignore[attr-defined]
        type=activity.Activity
    )


def unregister() -> None:
    del bpy.types.WindowManager.rde_roto  # type: ignore[attr-defined]
    del bpy.types.Scene.rde_roto  # type: ignore[attr-defined]
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
