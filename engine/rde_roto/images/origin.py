"""What matte files inherit from plate files: windows, and attributes of the shot (timecode, frame
rate, camera, owner), but nothing about how pixels are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from OpenImageIO import ImageSpec, TypeDesc

from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat
from rde_roto.values.timecode import Timecode

PROVENANCE_PREFIX: Final = "rde-roto:"


class Typed(NamedTuple):
    """A header attribute that is not a text: a timecode, a matrix, …"""

    type: TypeDesc
    value: Any


Attributes: TypeAlias = Mapping[str, str | Typed]
"""Header attributes by their names in OpenImageIO."""

TIMECODE: Final = "smpte:TimeCode"
FRAME_RATE: Final = "FramesPerSecond"

# attributes about how a file's own pixels are stored, which do not hold for a matte
_OF_PIXELS = {"compression", "PixelAspectRatio", "Orientation", "chromaticities"}
_OF_PIXELS |= {"whiteLuminance", "adoptedNeutral", "colorInteropID", "acesImageContainerFlag"}
_OF_PIXELS |= {"multiView", "view", "name", "type", "envmap", "wrapmodes"}
_OF_PIXELS |= {"ResolutionUnit", "XResolution", "YResolution"}
_FAMILIES_OF_PIXELS = ("oiio:", "openexr:", "cryptomatte/", "ICCProfile", "thumbnail", "preview")

# the attributes to keep from other formats, whose headers are mostly about themselves
_ASKED_FOR = {TIMECODE, FRAME_RATE, "smpte:KeyCode", "Copyright", "Artist", "Make", "Model"}
_ASKED_FOR |= {"DateTime", "ExposureTime", "FNumber", "reelName"}

_MOST_DENOMINATOR = 1001


class Footage(Plate, Protocol):
    """A plate on disk."""

    @property
    def reading(self) -> str:
        """How its files are read, in one line: which picture of a file, its orientation, windows
        and colour space, and the source of the latter.
        """

    def attributes(self, frame: int) -> Attributes:
        """Return the header attributes that its matte inherits. Raises InputError as `read`."""

    @property
    def linear_space(self) -> str:
        """The scene-linear colour space of `linear`."""

    def linear(self, frame: int) -> FloatArray:
        """Read its own light, float32 [H, W, 3] RGB, row 0 on top. Raises InputError as `read`."""


@dataclass(frozen=True)
class Light:
    """A plate's own light by frame, and the name of its colour space; see `Footage.linear`."""

    color_space: str
    read: Callable[[int], FloatArray]


def _nothing(_frame: int) -> Attributes:
    return {}


@dataclass(frozen=True)
class Origin:
    """What mattes inherit: the plate's format, its attributes by frame and, for a plate on disk,
    its light. `reading` says how the plate is read (`Footage`); "" if unknown.
    """

    format: PlateFormat
    attributes: Callable[[int], Attributes] = _nothing
    light: Light | None = None
    reading: str = ""

    @classmethod
    def of(cls, plate: Footage) -> Origin:
        """Return the origin of a plate on disk."""
        return cls(
            plate.format, plate.attributes, Light(plate.linear_space, plate.linear), plate.reading
        )


def passed_on(spec: ImageSpec, kind: str) -> Attributes:
    """Return the attributes that mattes inherit from a plate's header; `kind` is OIIO's file
    format.
    """
    found = {
        attribute.name: Typed(attribute.type, attribute.value)
        for attribute in spec.extra_attribs
        if _is_passed_on(attribute.name, kind)
    }
    if kind == "dpx":
        rate = spec.get_float_attribute("dpx:FrameRate", 0.0)
        rate = rate or spec.get_float_attribute("dpx:TemporalFrameRate", 0.0)
        if 0 < rate < 1000:
            found.setdefault(FRAME_RATE, frame_rate(Fraction(rate)))
    return found


def put_on(spec: ImageSpec, attributes: Attributes) -> None:
    """Put attributes on a header."""
    for name, value in attributes.items():
        if isinstance(value, str):
            spec.attribute(name, value)
        else:
            spec.attribute(name, value.type, value.value)


def time_of(start: Timecode | None, rate: Fraction, frames: int) -> Attributes:
    """Return the attributes of the frame that is `frames` after the one with timecode `start`."""
    attributes = {FRAME_RATE: frame_rate(rate)}
    if start is not None:
        # the second number is for the user bits, which a movie does not have
        packed = Typed(TypeDesc("timecode"), (start.later(frames).packed, 0))
        attributes[TIMECODE] = packed
    return attributes


def frame_rate(rate: Fraction) -> Typed:
    """Return the attribute of a frame rate: 23.976… as 24000/1001."""
    rate = rate.limit_denominator(_MOST_DENOMINATOR)
    return Typed(TypeDesc("rational"), (rate.numerator, rate.denominator))


def _is_passed_on(name: str, kind: str) -> bool:
    if kind != "openexr":
        return name in _ASKED_FOR
    of_pixels = name in _OF_PIXELS or name.startswith(_FAMILIES_OF_PIXELS)
    return not of_pixels and not name.startswith(PROVENANCE_PREFIX)
