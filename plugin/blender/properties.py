"""What the artist sets, kept in the blend file with the scene; and what is going on just now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .errand import RefusedError

_ID = re.compile(r"[a-z_][a-z0-9_]*")


def _preset_names(_self: Any, context: Any, _text: str) -> Iterable[str]:
    return [name.name for name in context.window_manager.rde_roto.presets]


def _model_names(_self: Any, context: Any, _text: str) -> Iterable[str]:
    return [name.name for name in context.window_manager.rde_roto.model.weights]


# Blender reads properties from a class's annotations, as values. Written as annotations they would
# be strings, since annotations are not evaluated here; so they are put there as a dict.


class Name(bpy.types.PropertyGroup):
    """A preset or a model of the engine's."""

    __annotations__ = {"about": StringProperty()}


class Keyframe(bpy.types.PropertyGroup):
    """A mask at a frame of the plate's."""

    __annotations__ = {
        "frame": IntProperty(name="Frame", description="The plate's own frame number"),
        "mask": StringProperty(name="Mask", description="The mask's file", subtype="FILE_PATH"),
        "source": StringProperty(name="From", description="What it was made from"),
    }


class Shot(bpy.types.PropertyGroup):
    """A plate, what to follow in it, and where the mattes go."""

    __annotations__ = {
        "plate": StringProperty(
            name="Plate",
            description="A pattern such as plate/hero.####.exr, one of its files, or its folder",
            subtype="FILE_PATH",
        ),
        "element": StringProperty(
            name="Element",
            description="What is rotoscoped: letters a-z, digits and _",
            default="element",
        ),
        "out": StringProperty(
            name="Mattes",
            description="The folder for the mattes",
            default="//mattes",
            subtype="DIR_PATH",
        ),
        "preset": StringProperty(
            name="Preset",
            description="How carefully the element is followed",
            default="standard",
            search=_preset_names,
            search_options={"SUGGESTION"},
        ),
        "model": StringProperty(
            name="Model",
            description="The network; empty for the usual one",
            search=_model_names,
            search_options={"SUGGESTION"},
        ),
        "frames": StringProperty(
            name="Frames", description="Such as 1001-1048; empty for the whole plate"
        ),
        "source": EnumProperty(
            name="From",
            items=(
                ("MASK", "Mask", "The splines of a mask, as they are at the current frame"),
                ("IMAGE", "Image", "An image file: white or its alpha is the element"),
            ),
        ),
        "mask": PointerProperty(name="Mask", type=bpy.types.Mask),
        "image": StringProperty(name="Image", description="The file", subtype="FILE_PATH"),
        "learned": StringProperty(
            name="Learned",
            description="What the network has learned of this shot; empty for nothing",
            subtype="FILE_PATH",
        ),
        "keyframes": CollectionProperty(type=Keyframe),
        "active": IntProperty(),
    }

    def plate_path(self) -> str:
        if not self.plate:
            raise RefusedError("no plate is set: name its files in the field Plate")
        return absolute(self.plate, "the plate")

    def out_folder(self) -> str:
        return absolute(self.out, "the folder of the mattes")

    def matte_pattern(self) -> str:
        """Where mattes are written: `####` stands for the plate's frame number."""
        if not _ID.fullmatch(self.element):
            raise RefusedError(
                f"the element is called {self.element!r}; expected letters a-z, digits and _, no "
                "digit first"
            )
        return f"{self.out_folder().rstrip('/')}/{self.element}.####.exr"

    def document(self) -> dict[str, Any]:
        """The shot as the engine's requests say it. Raises RefusedError when it lacks something."""
        keyframes = [
            {"frame": key.frame, "mask": absolute(key.mask, "a mask")} for key in self.keyframes
        ]
        if not keyframes:
            raise RefusedError("the shot has no keyframe: set one from a mask or an image first")
        said = {
            "schema": "rde-roto.shot/1",
            "plate": {"path": self.plate_path()},
            "elements": [{"id": self.element}],
            "keyframes": keyframes,
            "preset": self.preset or "standard",
        }
        if self.model:
            said["model"] = self.model
        if self.learned:
            said["learned"] = absolute(self.learned, "what was learned")
        return said

    def set_keyframe(self, frame: int, mask: str, source: str) -> None:
        """Sets the one keyframe of a frame; they stay in order."""
        self.remove_keyframe(frame)
        key = self.keyframes.add()
        key.name, key.frame, key.mask, key.source = str(frame), frame, mask, source
        place = sum(other.frame < frame for other in self.keyframes)
        self.keyframes.move(len(self.keyframes) - 1, place)
        self.active = place

    def remove_keyframe(self, frame: int) -> bool:
        """Whether there was one."""
        for place, key in enumerate(self.keyframes):
            if key.frame == frame:
                self.keyframes.remove(place)
                self.active = min(self.active, max(0, len(self.keyframes) - 1))
                return True
        return False


class Doing(bpy.types.PropertyGroup):
    """What is being done. It is the window manager's: neither saved nor undone."""

    __annotations__ = {
        "what": StringProperty(),
        "done": IntProperty(),
        "total": IntProperty(),
        "stop": BoolProperty(description="Set by who wants it to end"),
        "last": StringProperty(),
        "presets": CollectionProperty(type=Name),
        "models": CollectionProperty(type=Name),
    }


def absolute(path: str, what: str) -> str:
    """A path that does not start at the blend file any more."""
    if path.startswith("//") and not bpy.data.filepath:
        raise RefusedError(
            f"{what} is {path}, beside a blend file that is not saved: save it first"
        )
    found = bpy.path.abspath(path)
    if not (found and Path(found).is_absolute()):
        raise RefusedError(
            f"{what} is {path!r}: expected an absolute path, or // for one beside the blend file"
        )
    return found


_CLASSES = (Name, Keyframe, Shot, Doing)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Scene.rde_roto = PointerProperty(type=Shot)
    bpy.types.WindowManager.rde_roto = PointerProperty(type=Doing)


def unregister() -> None:
    del bpy.types.WindowManager.rde_roto
    del bpy.types.Scene.rde_roto
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
