"""A plate played to and fro, for runs far longer than the footage there is."""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat


@dataclass(frozen=True)
class ToAndFro:
    """Pictures shown forwards, backwards, forwards: 0..n-1, n-2..0, 1..n-1 and so on.

    `pictures` are the frame numbers of the footage, in its order; `count` is how many frames are
    shown, numbered from 0. Raises InputError for fewer than two pictures.
    """

    pictures: tuple[int, ...]
    count: int

    def __post_init__(self) -> None:
        if len(self.pictures) < 2:
            raise InputError(
                f"to be played to and fro a sequence needs 2 frames, this one has "
                f"{len(self.pictures)}"
            )

    @property
    def lap(self) -> int:
        """Frames after which everything repeats: each picture shown twice, those at the ends once.

        That holds for any frames in a row of this number, wherever they begin.
        """
        return 2 * (len(self.pictures) - 1)

    @property
    def range(self) -> FrameRange:
        """The frames that are shown."""
        return FrameRange((range(self.count),))

    def picture(self, frame: int) -> int:
        """The footage's frame number of the picture that is shown at a frame."""
        index = frame % self.lap
        return self.pictures[min(index, self.lap - index)]


@dataclass(frozen=True, eq=False)
class PlayedPlate:
    """Another plate's pictures in the order of `order`; nothing of them is kept."""

    plate: Plate
    order: ToAndFro

    @property
    def name(self) -> str:
        """The name of the plate that is played."""
        return self.plate.name

    @property
    def range(self) -> FrameRange:
        """The frames that are shown, from 0; the plate may still lack a picture of them."""
        return self.order.range

    @property
    def format(self) -> PlateFormat:
        """The plate's."""
        return self.plate.format

    def digest(self, frame: int) -> str:
        """That of the picture shown. Raises InputError when the plate lacks it."""
        return self.plate.digest(self.order.picture(frame))

    @property
    def input_transform(self) -> InputTransform | None:
        """The plate's."""
        return self.plate.input_transform

    def read(self, frame: int) -> FloatArray:
        """The picture shown, float32 [H, W, 3]. Raises InputError when it cannot be read."""
        return self.plate.read(self.order.picture(frame))
