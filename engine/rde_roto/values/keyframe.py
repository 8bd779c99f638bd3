"""What the artist gives: elements, their masks at keyframes, and mattes that are approved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True)
class Element:
    """Something that gets a matte of its own.

    `id` never changes and is what keyframes and locks refer to, `name` is for people and channel
    names. `in_point` is the first frame at which the element exists; None leaves it to the
    keyframes (see `Shot.first_frame`). `color`, `#rrggbb`, is how windows show it, and decides no
    pixel; None leaves that to them.
    """

    id: str
    name: str
    in_point: int | None = None
    color: str | None = None


def elements_named(*names: str) -> tuple[Element, ...]:
    """Elements whose ids are their names."""
    return tuple(Element(name, name) for name in names)


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The artist's word at one frame, returned untouched there.

    `alpha` is float32 [N, H, W] in 0..1 over the plate's data window, row 0 on top, one plane per
    id of `elements`; without `elements` it has one for each element of the shot, in their order.
    Nobody writes to it once the keyframe exists.
    """

    frame: int
    alpha: FloatArray
    elements: tuple[str, ...] | None = None

    @cached_property
    def plane_digests(self) -> tuple[str, ...]:
        """Hex digest of each plane's pixels alone: a renumbered plate keeps them."""
        return tuple(digest_of(plane) for plane in self.alpha)


class Lock(Protocol):
    """Mattes that an artist approved: what is delivered at their frames, whatever is tracked."""

    @property
    def frames(self) -> FrameRange:
        """The frames that are locked."""

    @property
    def elements(self) -> tuple[str, ...]:
        """Ids of the elements that are locked; others at the same frames are tracked as ever."""

    def digest(self, frame: int) -> str:
        """Hex digest of the locked pixels of a frame. Raises InputError when they are missing."""

    def read(self, frame: int) -> FloatArray:
        """Float32 [len(elements), H, W] in 0..1, the plate's data window, row 0 on top.

        Raises InputError when the frame's mattes are missing or damaged.
        """
