"""The shot, stored in the blend file with the scene."""

# no annotations from __future__: see elements.py

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import CollectionProperty, IntProperty, StringProperty

from .activity import activity_of
from .elements import Element, Keyframe
from .request import RefusedError

if TYPE_CHECKING:
    from .elements import Collection

_ID = re.compile(r"[a-z_][a-z0-9_]*")


def _preset_names(_self: Any, context: bpy.types.Context, _text: str) -> Iterable[str]:
    return [name.name for name in activity_of(context).presets]


def _model_names(_self: Any, context: bpy.types.Context, _text: str) -> Iterable[str]:
    return [name.name for name in activity_of(context).models]


class Shot(bpy.types.PropertyGroup):
    """A plate, the elements to track in it, and where the mattes go."""

    if TYPE_CHECKING:
        plate: str
        out: str
        preset: str
        model: str
        frames: str
        elements: Collection[Element]
        active: int
        element: str
        keyframes: Collection[Keyframe]
    else:
        plate: StringProperty(
            name="Plate",
            description="A pattern such as plate/hero.####.exr, one of its files, or its folder",
            subtype="FILE_PATH",
        )
        out: StringProperty(
            name="Mattes",
            description="Folder for the mattes",
            default="//mattes",
            subtype="DIR_PATH",
        )
        preset: StringProperty(
            name="Preset",
            description="How carefully the elements are tracked",
            default="standard",
            search=_preset_names,
            search_options={"SUGGESTION"},
        )
        model: StringProperty(
            name="Model",
            description="Model of the network (default: the engine's)",
            search=_model_names,
            search_options={"SUGGESTION"},
        )
        frames: StringProperty(
            name="Frames", description="Frames, such as 1001-1048 (default: the whole plate)"
        )
        elements: CollectionProperty(type=Element)
        active: IntProperty(description="The element that the buttons are for")
        # of scenes from before a shot had several elements: read until they are taken over
        element: StringProperty(default="element")
        keyframes: CollectionProperty(type=Keyframe)

    @property
    def is_outdated(self) -> bool:
        """Whether an earlier version has set the shot up: its keyframes are in no element."""
        return len(self.keyframes) > 0 and not len(self.elements)

    @property
    def current(self) -> Element:
        """The element that is chosen in the list. Raises RefusedError if there is none."""
        for place, element in enumerate(self.elements):
            if place == min(self.active, len(self.elements) - 1):
                return element
        raise RefusedError("there is no element: add one to the list")

    def add_element(self, name: str = "element") -> Element:
        """Add an element and choose it; a number is added to a name that is taken. In a shot of an
        earlier version it is the element of then, with its keyframes.
        """
        if self.is_outdated:
            name, old = self.element, [(k.frame, k.mask, k.source) for k in self.keyframes]
            self.keyframes.clear()
            element = self.add_element(name)
            for frame, mask, source in old:
                element.set_keyframe(frame, mask, source)
            return element
        taken = {element.name for element in self.elements}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}{number}"
        element = self.elements.add()
        element.name = free
        self.active = len(self.elements) - 1
        return element

    def plate_path(self) -> str:
        """The plate as an absolute path. Raises RefusedError if it is not set."""
        if not self.plate:
            raise RefusedError("no plate is set: name its files in the field Plate")
        return absolute(self.plate, "the plate")

    def out_folder(self) -> str:
        return absolute(self.out, "the folder of the mattes")

    def matte_pattern(self, element: Element) -> str:
        """The files of an element's mattes: `####` stands for the plate's frame number.

        Raises RefusedError for a name that cannot be one, or that two elements have, and where
        another scene writes other mattes to these files.
        """
        if not _ID.fullmatch(element.name):
            raise RefusedError(
                f"the element is called {element.name!r}; expected letters a-z, digits and _, no "
                "digit first"
            )
        self.refuse_shared_name(element)
        self._refuse_shared_files(element)
        return f"{self.out_folder().rstrip('/')}/{element.name}.####.exr"

    def _refuse_shared_files(self, element: Element) -> None:
        """A copy of a scene may share them, as long as it has the same keyframes."""
        for scene in bpy.data.scenes:
            other = shot_in(scene)
            if scene == self.id_data or other.comparable(other.out) != self.comparable(self.out):
                continue
            named = (one for one in other.elements if one.name == element.name)
            if any(other.sources(one) not in ((), self.sources(element)) for one in named):
                raise RefusedError(
                    f"the mattes of {element.name} would be the same files as those of the scene "
                    f"{scene.name}: choose another folder, or rename the element"
                )

    def sources(self, element: Element) -> tuple[str, ...]:
        """What an element's mattes are made from: plate and masks. Empty without a keyframe."""
        masks = (f"{key.frame} {self.comparable(key.mask)}" for key in element.keyframes)
        return (self.comparable(self.plate), *masks) if len(element.keyframes) else ()

    def comparable(self, path: str) -> str:
        """A path of the shot, whose scene may be linked from another file."""
        scene = self.id_data
        library = scene.library if scene is not None else None
        return str(Path(bpy.path.abspath(path, library=library)))

    def refuse_shared_name(self, element: Element) -> None:
        """Raise RefusedError for a name that two elements have: a result goes to the element of its
        name.
        """
        if sum(other.name == element.name for other in self.elements) > 1:
            raise RefusedError(f"two elements are called {element.name}: rename one")

    def document(self, element: Element) -> dict[str, Any]:
        """The shot of one element as it goes into requests. Raises RefusedError if something is
        missing.
        """
        self.refuse_shared_name(element)
        keyframes = [
            {"frame": key.frame, "mask": absolute(key.mask, "a mask")} for key in element.keyframes
        ]
        if not keyframes:
            raise RefusedError(
                f"{element.name} has no keyframe: set one from a mask or an image first"
            )
        shot = {
            "schema": "rde-roto.shot/1",
            "plate": {"path": self.plate_path()},
            "elements": [{"id": element.name}],
            "keyframes": keyframes,
            "preset": self.preset or "standard",
        }
        if self.model:
            shot["model"] = self.model
        if element.learned:
            shot["learned"] = absolute(element.learned, "what was learned")
        return shot


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """The current scene, which an operator and a panel always have."""
    scene = context.scene
    assert scene is not None
    return scene


def shot_of(context: bpy.types.Context) -> Shot:
    """The shot of the current scene."""
    return shot_in(scene_of(context))


def shot_in(scene: bpy.types.Scene) -> Shot:
    """The shot of a scene."""
    shot: Shot = scene.rde_roto  # type: ignore[attr-defined]  # set by register()
    return shot


def element_in(scene: bpy.types.Scene, name: str) -> Element:
    """The element of that name. Raises RefusedError if it was removed during a request."""
    for element in shot_in(scene).elements:
        if element.name == name:
            return element
    raise RefusedError(f"the element {name} is gone, or has another name")


def absolute(path: str, what: str) -> str:
    """A path of the panel, made absolute: `//` starts at the blend file. Raises RefusedError."""
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


CLASSES = (Shot,)
