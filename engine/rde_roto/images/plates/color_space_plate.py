"""The base of plates whose frames are all in one colour space."""

from __future__ import annotations

import numpy as np

from rde_roto.images.color.input_space import InputSpace
from rde_roto.images.color.transforms import (
    input_transform_of,
    linear_space,
    to_linear,
    to_network_view,
)
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray, HalfOrFloatArray


class ColorSpacePlate:
    """A plate whose `_pixels` are in `space`."""

    space: InputSpace

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about anything unexpected that was done with the files."""
        return (self.space.note,) if self.space.note else ()

    @property
    def input_transform(self) -> InputTransform | None:
        """The input transform of its colour space; see `color.transforms`."""
        return input_transform_of(self.space.name)

    def read(self, frame: int) -> FloatArray:
        """Read a frame, float32 [H, W, 3] RGB, row 0 on top: the network's view, 0..1, or with an
        input transform the plate's own values. Raises as `_pixels`.
        """
        pixels = self._pixels(frame)
        if self.input_transform is None:
            return to_network_view(pixels, self.space.name)
        return pixels.astype(np.float32, copy=False)

    @property
    def linear_space(self) -> str:
        """The scene-linear colour space of `linear`."""
        return linear_space(self.space.name)

    def linear(self, frame: int) -> FloatArray:
        """Read a frame's own light, float32 [H, W, 3] RGB, row 0 on top. Raises as `read`."""
        return to_linear(self._pixels(frame).astype(np.float32, copy=False), self.space.name)

    def _pixels(self, frame: int) -> HalfOrFloatArray:
        """Read a frame's own values: float16 or float32 [H, W, 3] RGB, row 0 on top."""
        raise NotImplementedError
