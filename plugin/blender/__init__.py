"""rde-roto in Blender: keyframes from masks or images, mattes from the engine.

The engine is a separate process; the extension talks to it through `engine_client`.
"""

from __future__ import annotations

from . import operators, panel, properties


def register() -> None:
    for module in (properties, operators, panel):
        module.register()


def unregister() -> None:
    for module in (panel, operators, properties):
        module.unregister()
