"""What the artist indicates to select an element, and what that changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from rde_roto.session.drawing.painting import Point
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


@dataclass(frozen=True)
class Click:
    """A point of the element, or with ``adds`` false a point beside it."""

    point: Point
    adds: bool


@dataclass(frozen=True)
class Hints:
    """What the artist indicates: a box around the element, or clicks on it or off it.

    A box starts from nothing. Clicks change what is there. `clicks` are new, and all of one kind: a
    scribble is several. `earlier` are those that led to what is there.
    """

    box: Window | None = None
    clicks: tuple[Click, ...] = ()
    earlier: tuple[Click, ...] = ()

    @property
    def adds(self) -> bool:
        """Whether the new clicks, or the box, add."""
        return self.box is not None or self.clicks[-1].adds

    @property
    def kind(self) -> Kind:
        """What a selection from these hints does to what is there."""
        if self.box is not None:
            return "replaces"
        return "adds" if self.adds else "subtracts"


Kind: TypeAlias = Literal["replaces", "adds", "subtracts", "mixes"]


@dataclass(frozen=True, eq=False)
class Change:
    """What a selection or a refined edge changes of an element's pixels, only within a box of the
    plate.

    `mask` is what the element would be there, and `share` how far that counts: both float32 [h, w]
    in 0..1. A change that adds lowers no pixel, and one that subtracts raises none, whatever it is
    applied to.
    """

    kind: Kind
    box: Window
    mask: FloatArray
    share: FloatArray

    def over(self, pixels: FloatArray) -> FloatArray:
        """Return the pixels of the box, float32 [h, w], with the change."""
        mask = self.mask * self.share
        if self.kind == "adds":
            mask = np.maximum(pixels, mask)
        elif self.kind == "subtracts":
            mask = np.minimum(pixels, 1 - self.share * (1 - self.mask))
        elif self.kind == "mixes":
            mask = pixels + self.share * (self.mask - pixels)
        return np.asarray(mask, np.float32)


class Selector(Protocol):
    """Selects elements on the frames of one plate. Used from one thread at a time."""

    def look_at(self, frame: int) -> None:
        """Do what a first click on a frame would have to wait for. Raises as ``select``."""

    def select(self, frame: int, before: FloatArray, hints: Hints) -> Change | None:
        """Return what hints change of what is drawn of an element, `before`, float32 [H, W]; None
        if that is nothing.

        Raises UsageError if the hints are not sufficient, WeightsError, and as ``plate.read``.
        """
