"""The header of an image file, as this product reads it from OpenImageIO's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from OpenImageIO import ImageInput, ImageSpec

from rde_roto.images.orientation import AS_STORED, Turn, turn_of
from rde_roto.images.origin import PROVENANCE_PREFIX, Attributes, passed_on
from rde_roto.values.plate import PlateFormat, Window, sound_aspect

_VIDEO_TRANSFERS = (  # SMPTE ST 268: 4, 5, 7 and 8
    "Unspecified video",
    "SMPTE 274M",
    "ITU-R 601-5 system B or G",
    "ITU-R 601-5 system M",
)
_CONVERTED_FROM = 6  # TIFF 6.0: YCbCr, and above it Lab and its like, which libtiff makes RGB


@dataclass(frozen=True)
class ImageHeader:
    """The header of a file, read without decoding pixels.

    `pixel_type` is OIIO's name of the stored type, `uint8`, `uint16`, `half`, `float`, …: the
    widest of `channel_types`, which has one per channel. `color_space` is the name in the file, or
    None; `chromaticities` are those of an EXR, x and y of red, green, blue and white, or ().
    `provenance` holds the attributes that this product writes, by full name
    (`rde-roto:digest`, …), `attributes` those that mattes inherit, `cryptomatte` those of
    Cryptomattes.

    An EXR may have several parts, each with its own header: `part` is its number, from 0, and
    `part_name` its name or "". `view` is the view of the part, or None; `views` are those that
    share the part, the default first. `is_deep`: pixels have several samples. `is_misread`:
    OpenImageIO misreads the file's packing. `read_channels` refuses both.

    `orientation` is the file's tag, 1 to 8, default 1. All other fields, and all pixels, refer to
    the upright picture; `turn` makes stored pixels upright. An EXR counts as upright whatever its
    tag: no compositor turns one.
    """

    kind: str
    format: PlateFormat
    channels: tuple[str, ...]
    pixel_type: str
    channel_types: tuple[str, ...]
    color_space: str | None
    compression: str
    provenance: Mapping[str, str]
    chromaticities: tuple[float, ...] = ()
    attributes: Attributes = field(default_factory=dict)
    cryptomatte: Mapping[str, str] = field(default_factory=dict)
    part: int = 0
    part_name: str = ""
    view: str | None = None
    views: tuple[str, ...] = ()
    is_deep: bool = False
    is_misread: bool = False
    orientation: int = 1
    turn: Turn = AS_STORED


def lone_channel(channels: Sequence[str]) -> str | None:
    """Return the only channel besides alpha, such as `Y`; None if there are several."""
    opaque = [channel for channel in channels if not _is_alpha(channel)]
    return opaque[0] if len(opaque) == 1 else None


def _is_alpha(channel: str) -> bool:
    return channel.rpartition(".")[2] == "A"


def header_of(image: ImageInput, part: int = 0) -> ImageHeader:
    """Return the header of the part that OpenImageIO is at; `part` is its number."""
    spec, kind = image.spec(), image.format_name()
    views = spec.getattribute("multiView")
    orientation, turn = _orientation(spec, kind)
    return ImageHeader(
        kind=kind,
        format=_format(spec, kind, turn),
        channels=tuple(spec.channelnames),
        pixel_type=str(spec.format),
        channel_types=tuple(str(spec.channelformat(index)) for index in range(spec.nchannels)),
        color_space=_text(spec, "oiio:ColorSpace") or _of_transfer(spec),
        compression=_text(spec, "compression") or "",
        provenance=_provenance(spec),
        chromaticities=_chromaticities(spec, kind),
        attributes=passed_on(spec, kind),
        cryptomatte={name: text for name, text in _texts(spec) if name.startswith("cryptomatte/")},
        part=part,
        part_name=_text(spec, "oiio:subimagename") or "",
        view=_text(spec, "view"),
        views=tuple(map(str, views)) if isinstance(views, tuple) else (),
        is_deep=bool(spec.deep),
        is_misread=kind == "dpx" and turn.swap and not _has_whole_words(spec),
        orientation=orientation,
        turn=turn,
    )


def _of_transfer(spec: ImageSpec) -> str | None:
    """The space of a DPX with a video transfer, which OpenImageIO does not report."""
    return "sRGB" if _text(spec, "dpx:Transfer") in _VIDEO_TRANSFERS else None


def _chromaticities(spec: ImageSpec, kind: str) -> tuple[float, ...]:
    numbers = spec.getattribute("chromaticities")
    is_sound = kind == "openexr" and isinstance(numbers, tuple) and len(numbers) == 8
    return tuple(map(float, numbers)) if is_sound else ()


def _format(spec: ImageSpec, kind: str, turn: Turn) -> PlateFormat:
    """The windows of an EXR; any other file is one picture, whatever its position on a page."""
    aspect = sound_aspect(spec.get_float_attribute("PixelAspectRatio", 1.0))
    if kind != "openexr":
        return turn.format(*stored_size(spec, kind, turn), aspect)
    return PlateFormat(
        data=Window(spec.x, spec.y, spec.width, spec.height),
        display=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        pixel_aspect=aspect,
    )


def stored_size(spec: ImageSpec, kind: str, turn: Turn) -> tuple[int, int]:
    """Return the width and height as stored.

    OpenImageIO reports the upright ones for DPX columns.
    """
    size = spec.width, spec.height
    return size[::-1] if kind == "dpx" and turn.swap else size


def _has_whole_words(spec: ImageSpec) -> bool:
    """Whether a DPX packs every pixel separately, so that line ends do not matter."""
    bits = spec.get_int_attribute("oiio:BitsPerSample", 0)
    return bits in (8, 16) or (bits == 10 and spec.nchannels == 3)


def _orientation(spec: ImageSpec, kind: str) -> tuple[int, Turn]:
    """The orientation tag of a file, and the turn that is still needed after reading."""
    tag = spec.get_int_attribute("Orientation", 1)
    orientation = tag if kind != "openexr" and 1 <= tag <= 8 else 1
    photometric = spec.get_int_attribute("tiff:PhotometricInterpretation", 0)
    return orientation, turn_of(orientation, photometric >= _CONVERTED_FROM)


def _provenance(spec: ImageSpec) -> dict[str, str]:
    """The attributes that this product wrote; in a TIFF they are JSON in its description."""
    found = dict(_texts(spec))
    with suppress(ValueError, RecursionError):  # the latter for endlessly nested brackets
        described = json.loads(found.get("ImageDescription", ""))
        found |= described if isinstance(described, dict) else {}
    return {key: str(value) for key, value in found.items() if key.startswith(PROVENANCE_PREFIX)}


def _texts(spec: ImageSpec) -> Iterator[tuple[str, str]]:
    """All attributes as text."""
    return ((attribute.name, str(attribute.value)) for attribute in spec.extra_attribs)


def _text(spec: ImageSpec, name: str) -> str | None:
    """A text attribute; None if it is missing, of another type or not printable."""
    value = spec.getattribute(name)
    return value if isinstance(value, str) and value.isprintable() else None
