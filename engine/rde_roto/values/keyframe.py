"""What the artist provides: elements, their masks at keyframes, and approved mattes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from rde_roto.values.arguments import frame_number, require, tuple_of
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, check_unit_range
from rde_roto.values.overlaps import Overlap, overlaps


@dataclass(frozen=True)
class Element:
    """Something that gets its own matte.

    Keyframes and locks refer to `id`, which never changes; `name` is for people and channel names.
    `in_point` is the first frame at which the element exists; by default the keyframes decide (see
    `Shot.first_frame`). `color`, `#rrggbb`, is its colour on screen and affects no pixel; by
    default the window chooses.
    """

    id: str
    name: str
    in_point: int | None = None
    color: str | None = None

    def __post_init__(self) -> None:
        for text in (self.id, self.name):
            require(text, str, "the id and the name of an element as texts")


def elements_named(*names: str) -> tuple[Element, ...]:
    """Make elements whose ids are their names."""
    return tuple(Element(name, name) for name in names)


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The artist's mask at one frame; it is delivered there unchanged.

    `alpha` is float32 [N, H, W] in 0..1 over the plate's data window, row 0 on top, with one plane
    per id of `elements`; without `elements`, one per element of the shot, in order. Booleans and
    other floats are converted. The keyframe has a copy of an array that can be written to, since
    its digest stands for its pixels.

    Raises InputError for integers, whose range nobody can tell, and for values outside 0..1,
    TypeError for a frame that is no whole number, or elements that are no ids.
    """

    frame: int
    alpha: FloatArray
    elements: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        alpha = np.asarray(self.alpha)
        expected = f"the mask of the keyframe at frame {self.frame} has to be float32 in 0..1"
        if alpha.dtype.kind not in "bf":
            raise InputError(
                f"{expected}, not {alpha.dtype}: divide it by the number that means opaque, as 255"
            )
        alpha = alpha.astype(np.float32, copy=alpha.flags.writeable)
        check_unit_range(alpha, expected)
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "frame", frame_number(self.frame))
        if self.elements is not None:
            ids = tuple_of(self.elements, str, "ids of elements, such as ('hero',)")
            object.__setattr__(self, "elements", ids)

    @cached_property
    def plane_digests(self) -> tuple[str, ...]:
        """The hex digest of each plane's pixels; renumbering the plate does not change it."""
        return tuple(digest_of(plane) for plane in self.alpha)

    @cached_property
    def empty_planes(self) -> tuple[bool, ...]:
        """Whether each plane is empty: it says that the element is not in the picture."""
        return tuple(not plane.any() for plane in self.alpha)

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """The planes that overlap (`values.overlaps`)."""
        return overlaps(self.alpha)


class Lock(Protocol):
    """Mattes that an artist approved: they are delivered at their frames, whatever is tracked."""

    @property
    def frames(self) -> FrameRange:
        """The locked frames."""

    @property
    def elements(self) -> tuple[str, ...]:
        """The ids of the locked elements; others at the same frames are tracked as usual."""

    def digest(self, frame: int) -> str:
        """Return the hex digest of a frame's locked pixels. Raises InputError when they are
        missing.
        """

    def read(self, frame: int) -> FloatArray:
        """Read a frame: float32 [len(elements), H, W] in 0..1, the plate's data window, row 0 on
        top.

        Raises InputError when the frame's mattes are missing or damaged.
        """
