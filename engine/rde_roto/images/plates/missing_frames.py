"""Fills the gaps of a plate with missing frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rde_roto.images.origin import Attributes, Footage
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat


@dataclass(frozen=True, eq=False)
class FilledPlate:
    """A plate that has a picture at every frame of `range`.

    A frame depends on its number and the source alone, so that a part of a shot gets the same
    pixels as the whole. `fill` says what replaces missing frames: `hold` is the nearest earlier
    frame, at the head the first one; `black` is 0 everywhere.
    """

    source: Footage
    range: FrameRange
    fill: Literal["hold", "black"]

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    @property
    def format(self) -> PlateFormat:
        """That of the source."""
        return self.source.format

    def digest(self, frame: int) -> str:
        """Return the digest of the source frame that is shown; for black, a digest of the size."""
        shown = self.shown(frame)
        return self._black_digest() if shown is None else self.source.digest(shown)

    @property
    def input_transform(self) -> InputTransform | None:
        """That of the source; it leaves black unchanged."""
        return self.source.input_transform

    def read(self, frame: int) -> FloatArray:
        """Read the source frame that is shown; float32 zeros [H, W, 3] for black."""
        shown = self.shown(frame)
        return self._black() if shown is None else self.source.read(shown)

    def attributes(self, frame: int) -> Attributes:
        """Those of the source frame that is shown; none for black (`Footage`)."""
        shown = self.shown(frame)
        return {} if shown is None else self.source.attributes(shown)

    @property
    def reading(self) -> str:
        """That of the source."""
        return self.source.reading

    @property
    def linear_space(self) -> str:
        """That of the source."""
        return self.source.linear_space

    def linear(self, frame: int) -> FloatArray:
        """Return the light of the shown source frame, float32 [H, W, 3]; zeros for black."""
        shown = self.shown(frame)
        return self._black() if shown is None else self.source.linear(shown)

    def shown(self, frame: int) -> int | None:
        """Return the source frame that is shown at a frame of the range; None for black."""
        there = self.source.range
        if frame in there or frame not in self.range:  # the source raises the error for the latter
            return frame
        return next(there.walk(frame, there.first)) if self.fill == "hold" else None

    def _black(self) -> FloatArray:
        return np.zeros((*self.format.data.shape, 3), np.float32)

    def _black_digest(self) -> str:
        return digest_of("black", *self.format.data.shape)


def has_picture(plate: Plate, frame: int) -> bool:
    """Return whether a frame of the plate shows a picture, and is not black instead."""
    return not isinstance(plate, FilledPlate) or plate.shown(frame) is not None


def on_disk(plate: Plate) -> Plate:
    """Return the plate without any filling of missing frames."""
    return plate.source if isinstance(plate, FilledPlate) else plate
