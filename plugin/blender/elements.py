"""The elements of a shot and their keyframes, stored with it."""

# No annotations from __future__: Blender reads properties from a class's annotations, as values.
# The types under TYPE_CHECKING are what it makes of them on an instance.

from collections.abc import Iterator
from typing import TYPE_CHECKING

import bpy
from bpy.props import (
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    Item = TypeVar("Item", covariant=True)

    class Collection(Protocol[Item]):
        """A CollectionProperty of an instance."""

        def __iter__(self) -> Iterator[Item]: ...
        def __len__(self) -> int: ...
        def add(self) -> Item: ...
        def clear(self) -> None: ...
        def move(self, source: int, target: int) -> None: ...
        def remove(self, index: int) -> None: ...


class Keyframe(bpy.types.PropertyGroup):
    """A mask at a frame of the plate."""

    if TYPE_CHECKING:
        frame: int
        mask: str
        source: str
    else:
        frame: IntProperty(name="Frame", description="Frame number of the plate")
        mask: StringProperty(name="Mask", description="File of the mask", subtype="FILE_PATH")
        source: StringProperty(name="From", description="The mask or image it was made from")


class Element(bpy.types.PropertyGroup):
    """What is cut out of the plate: its `name`, and the keyframes that it is tracked from."""

    if TYPE_CHECKING:
        source: str
        mask: bpy.types.Mask | None
        image: str
        learned: str
        keyframes: Collection[Keyframe]
        active: int
    else:
        source: EnumProperty(
            name="From",
            items=(
                ("MASK", "Mask", "The splines of a mask at the current frame"),
                ("IMAGE", "Image", "An image file: the element is white, or its alpha"),
            ),
        )
        mask: PointerProperty(name="Mask", type=bpy.types.Mask)
        image: StringProperty(name="Image", description="File of the image", subtype="FILE_PATH")
        learned: StringProperty(
            name="Learned",
            description="What the network has learned of this element, if anything",
            subtype="FILE_PATH",
        )
        keyframes: CollectionProperty(type=Keyframe)
        active: IntProperty()

    def set_keyframe(self, frame: int, mask: str, source: str) -> None:
        """Set the keyframe of a frame, replacing one that is there; keep them in order."""
        self.remove_keyframe(frame)
        key = self.keyframes.add()
        key.name, key.frame, key.mask, key.source = str(frame), frame, mask, source
        place = sum(other.frame < frame for other in self.keyframes)
        self.keyframes.move(len(self.keyframes) - 1, place)
        self.active = place

    def remove_keyframe(self, frame: int) -> bool:
        """Remove the keyframe of a frame; return whether there was one."""
        for place, key in enumerate(self.keyframes):
            if key.frame == frame:
                self.keyframes.remove(place)
                self.active = min(self.active, max(0, len(self.keyframes) - 1))
                return True
        return False


CLASSES = (Keyframe, Element)
