"""Plays a plate back and forth, for runs far longer than the footage."""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat


@dataclass(frozen=True)
class BackAndForth:
    """Pictures shown forwards, backwards, forwards: 0..n-1, n-2..0, 1..n-1 and so on.

    `pictures` are the frame numbers of the footage, in its order; `count` is how many frames are
    shown, numbered from 0. Raises InputError for fewer than two pictures.
    """

    pictures: tuple[int, ...]
    count: int

    def __post_init__(self) -> None:
        if len(self.pictures) < 2:
            raise InputError(
                f"to be played back and forth a sequence needs 2 frames, this one has "
                f"{len(self.pictures)}"
            )

    @property
    def lap(self) -> int:
        """The number of frames after which everything repeats: any run of this length shows each
        picture twice, and those at the ends once.
        """
        return 2 * (len(self.pictures) - 1)

    @property
    def range(self) -> FrameRange:
        """The frames that are shown."""
        return FrameRange((range(self.count),))

    def picture(self, frame: int) -> int:
        """Return the footage's frame number of the picture shown at a frame."""
        index = frame % self.lap
        return self.pictures[min(index, self.lap - index)]


@dataclass(frozen=True, eq=False)
class PlayedPlate:
    """A plate's pictures in another order; keeps none in memory."""

    plate: Plate
    order: BackAndForth

    @property
    def name(self) -> str:
        """The name of the plate that is played."""
        return self.plate.name

    @property
    def range(self) -> FrameRange:
        """The frames that are shown, from 0; the plate may lack some of their pictures."""
        return self.order.range

    @property
    def format(self) -> PlateFormat:
        """The plate's."""
        return self.plate.format

    def digest(self, frame: int) -> str:
        """Return the digest of the picture shown. Raises InputError when the plate lacks it."""
        return self.plate.digest(self.order.picture(frame))

    @property
    def input_transform(self) -> InputTransform | None:
        """The plate's."""
        return self.plate.input_transform

    def read(self, frame: int) -> FloatArray:
        """Read the picture shown, float32 [H, W, 3]. Raises InputError when it cannot be read."""
        return self.plate.read(self.order.picture(frame))
