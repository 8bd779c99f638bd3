"""What plates have in common whose pixels are all in one colour space."""

from __future__ import annotations

from rde_roto.images.color import input_transform_of, linear_space, to_linear, to_network_view
from rde_roto.images.input_space import InputSpace
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray


class SpacedPlate:
    """A plate whose `_pixels` are in `space`."""

    space: InputSpace

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the files that may surprise, a sentence each."""
        return (self.space.note,) if self.space.note else ()

    @property
    def input_transform(self) -> InputTransform | None:
        """That of its colour space: see `look_of`."""
        return input_transform_of(self.space.name)

    def read(self, frame: int) -> FloatArray:
        """The frame, float32 [H, W, 3] RGB, row 0 on top: the network's view, 0..1; with a look,
        the plate's own values. Raises as `_pixels` does.
        """
        pixels = self._pixels(frame)
        return to_network_view(pixels, self.space.name) if self.input_transform is None else pixels

    @property
    def linear_space(self) -> str:
        """The scene-linear colour space of `linear`."""
        return linear_space(self.space.name)

    def linear(self, frame: int) -> FloatArray:
        """The frame's own light, float32 [H, W, 3] RGB, row 0 on top; raises as `read` does."""
        return to_linear(self._pixels(frame), self.space.name)

    def _pixels(self, frame: int) -> FloatArray:
        """The frame as it came: float32 [H, W, 3] RGB, row 0 on top."""
        raise NotImplementedError
