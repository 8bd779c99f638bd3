"""rde-roto in Blender: keyframes from masks or images, mattes from the engine.

The engine is a separate process; the extension talks to it through `engine_client`.
"""

from __future__ import annotations

from . import operators, panel, properties, shape_operators


def register() -> None:
    for module in (properties, operators, shape_operators, panel):
        module.register()


def unregister() -> None:
    for module in (panel, shape_operators, operators, properties):
        module.unregister()
