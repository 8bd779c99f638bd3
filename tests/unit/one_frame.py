"""A plate of one picture in memory."""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window


@dataclass(eq=False)
class OneFrame:
    """Frame 1 of a plate: `pixels`, float32 [H, W, 3]. Counts how often it was read."""

    pixels: FloatArray
    name: str = "one"
    input_transform: None = None
    read_times: int = 0

    @property
    def range(self) -> FrameRange:
        return FrameRange.of([1])

    @property
    def format(self) -> PlateFormat:
        window = Window(0, 0, self.pixels.shape[1], self.pixels.shape[0])
        return PlateFormat(window, window)

    def digest(self, _frame: int) -> str:
        return self.name

    def read(self, _frame: int) -> FloatArray:
        self.read_times += 1
        return self.pixels
