"""The request that runs at the moment, and what the engine has told of its presets and models."""

# no annotations from __future__: see elements.py

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

if TYPE_CHECKING:
    from .elements import Collection


class Name(bpy.types.PropertyGroup):
    """A preset or a model of the engine."""

    if TYPE_CHECKING:
        about: str
    else:
        about: StringProperty()


class Activity(bpy.types.PropertyGroup):
    """The running request, if any. It belongs to the window manager: neither saved nor undone."""

    if TYPE_CHECKING:
        what: str
        done: int
        total: int
        stop: bool
        last: str
        presets: Collection[Name]
        models: Collection[Name]
    else:
        what: StringProperty(description="Empty if nothing runs")
        done: IntProperty()
        total: IntProperty()
        stop: BoolProperty(description="Set to stop the request")
        last: StringProperty(description="Outcome of the last request")
        presets: CollectionProperty(type=Name)
        models: CollectionProperty(type=Name)


def window_manager_of(context: bpy.types.Context) -> bpy.types.WindowManager:
    """The window manager, of which Blender always has one."""
    manager = context.window_manager
    assert manager is not None
    return manager


def activity_of(context: bpy.types.Context) -> Activity:
    """The running request."""
    manager = window_manager_of(context)
    activity: Activity = manager.rde_roto  # type: ignore[attr-defined]  # set by register()
    return activity


CLASSES = (Name, Activity)
