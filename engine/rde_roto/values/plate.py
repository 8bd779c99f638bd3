"""A plate, as all other code sees it: pixels by frame number."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, TypeAlias

from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray

MissingPolicy: TypeAlias = Literal["error", "hold", "skip", "black"]
"""What to do about requested frames that are missing. `error`: nothing is made. `hold`: the nearest
earlier frame is used, at the head the first one. `skip`: they are left out. `black`: a black frame
is used."""

FirstFrame: TypeAlias = int | Literal["timecode"] | None
"""The number of a movie's first frame: a number, `timecode` for its timecode as a frame count, or
None for 1."""

LARGEST_PX = 16384
"""The largest width or height of a picture, from a file or a host."""

LEAST_ASPECT = 0.1
"""The narrowest pixels that are plausible, width / height; its reciprocal are the widest."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; (x, y) is its top left corner, which may be negative."""

    x: int
    y: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W), as arrays have it."""
        return self.height, self.width

    def __str__(self) -> str:
        """`640x360`, or `640x360 at (-8, 0)` when the corner is not the origin."""
        corner = f" at ({self.x}, {self.y})" if (self.x, self.y) != (0, 0) else ""
        return f"{self.width}x{self.height}{corner}"


@dataclass(frozen=True)
class PlateFormat:
    """The windows of a plate, in pixels, row 0 on top, and its pixel aspect (width / height)."""

    data: Window
    display: Window
    pixel_aspect: float = 1.0


def sound_aspect(value: float | Fraction | None) -> float:
    """Return a pixel aspect from a file; 1 if it has none or an implausible one."""
    aspect = float(value or 1)
    return aspect if LEAST_ASPECT <= aspect <= 1 / LEAST_ASPECT else 1.0


class Plate(Protocol):
    """A source of pixels: a sequence on disk, a movie, or frames pushed by a host.

    Frame numbers are the host's own, never an index. Reading is pure: any order, any number of
    times, the same pixels.
    """

    @property
    def name(self) -> str:
        """For messages, such as `hero.####.exr`."""

    @property
    def range(self) -> FrameRange:
        """The frames that exist."""

    @property
    def format(self) -> PlateFormat:
        """The format of the first frame, which every frame must have."""

    @property
    def input_transform(self) -> InputTransform | None:
        """What must still be done to the pixels of `read` to get the network's view; None if they
        are that already.
        """

    def digest(self, frame: int) -> str:
        """Return the hex digest of the frame's content and its colour transform; decodes no pixel.

        Raises InputError, naming the frame, when it is missing or unreadable; ReplacedError if its
        content is no longer that of the first call.
        """

    def read(self, frame: int) -> FloatArray:
        """Read the data window of a frame: float32 [H, W, 3] RGB, row 0 on top.

        Without an `input_transform` the pixels are the network's view: display-like sRGB in 0..1,
        every value finite. With one they are the plate's own values. Raises InputError, naming the
        frame, when it is missing, unreadable or of another format than the first frame.
        """
