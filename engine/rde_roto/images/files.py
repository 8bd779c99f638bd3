"""Reads single image files through OpenImageIO.

For a damaged file OpenImageIO raises nothing but returns None or an error string. All reading goes
through this module, which turns these into errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import OpenImageIO
from OpenImageIO import ImageInput, ImageSpec

from rde_roto.images.orientation import AS_STORED, Turn, turn_of
from rde_roto.images.origin import PROVENANCE_PREFIX, Attributes, passed_on
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray, HalfOrFloatArray
from rde_roto.values.plain_text import is_utf_8
from rde_roto.values.plate import LARGEST_PX, PlateFormat, Window, sound_aspect
from rde_roto.values.regular_files import PICTURE_BYTES, check_regular

_VIDEO_TRANSFERS = (  # SMPTE ST 268: 4, 5, 7 and 8
    "Unspecified video",
    "SMPTE 274M",
    "ITU-R 601-5 system B or G",
    "ITU-R 601-5 system M",
)
_STRIP_ROWS = 256
"""As many as OpenImageIO reads at a time, and as many as any compression of EXR puts together."""
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


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file. Raises InputError when it cannot be read."""
    with _opened(path) as image:
        return _header(image)


def read_headers(path: Path) -> tuple[ImageHeader, ...]:
    """Read the headers of all parts of an EXR, or of the first picture of any other file.

    Raises InputError when one cannot be read.
    """
    with _opened(path) as image:
        headers = [_header(image)]
        if headers[0].kind == "openexr":
            while image.seek_subimage(len(headers), 0):
                headers.append(_header(image, len(headers)))
        return tuple(headers)


def read_channels(path: Path, names: Sequence[str], part: int = 0) -> FloatArray:
    """Read channels by name: float32 [H, W, C], upright, row 0 on top, the data window.

    Integers become 0..1. Raises InputError when the file cannot be read to its end, is deep or
    lacks a channel.
    """
    return read_half_or_float(path, names, part).astype(np.float32, copy=False)


def read_half_or_float(path: Path, names: Sequence[str], part: int = 0) -> HalfOrFloatArray:
    """Read channels like `read_channels`, but leave half floats as they are, float16.

    Anything else is float32, also half beside float.
    """
    with _opened(path) as image:
        if not image.seek_subimage(part, 0):
            raise InputError(f"{path} has no part {part}: {_reason(image)}")
        header = _header(image, part)
        refuse_unreadable(path, header)
        data = header.format.data
        if max(data.shape) > LARGEST_PX:
            raise InputError(
                f"{path} is {data.width}x{data.height}: the width and height of a picture may be "
                f"at most {LARGEST_PX} pixels"
            )
        missing = [name for name in names if name not in header.channels]
        if missing:
            raise InputError(
                f"{path} has no channel {', '.join(missing)} (it has {', '.join(header.channels)})"
            )
        indices = [header.channels.index(name) for name in names]
        first, end = min(indices), max(indices) + 1
        width, height = _stored_size(image.spec(), header.kind, header.turn)
        pixels = _pixels(image, part, first, end)
        reason = _reason(image, OpenImageIO)
    if pixels is None or reason:
        raise InputError(f"{path} is damaged or cut short: {reason or 'no reason given'}")
    pixels = pixels.reshape(height, width, end - first)
    order = [index - first for index in indices]
    if order != list(range(end - first)):
        pixels = np.ascontiguousarray(pixels[..., order])
    return header.turn.upright(pixels)


def _pixels(image: ImageInput, part: int, first: int, end: int) -> HalfOrFloatArray | None:
    """Read some channels [H, W, C] as OpenImageIO sees it, float32, or float16 if all of them are
    half; None if that fails.

    Rows come in strips. OpenImageIO copies what it returns while it holds Python's lock: a whole 4K
    plate would hold up every other thread, such as the window's, and need its memory twice.
    """
    spec = image.spec()
    are_half = all(spec.channelformat(index) == OpenImageIO.HALF for index in range(first, end))
    kind = OpenImageIO.HALF if are_half else OpenImageIO.FLOAT
    shape = spec.height, spec.width, end - first
    pixels = np.empty(shape, np.float16) if are_half else np.empty(shape, np.float32)
    tall = spec.tile_height or 1
    rows = -(-_STRIP_ROWS // tall) * tall  # whole tiles
    for top in range(0, spec.height, rows):
        strip = pixels[top : top + rows]
        ys = spec.y + top, spec.y + top + len(strip)
        if spec.tile_height:
            xs, zs = (spec.x, spec.x + spec.width), (spec.z, spec.z + 1)
            read = image.read_tiles(part, 0, *xs, *ys, *zs, first, end, kind)
        else:
            read = image.read_scanlines(part, 0, *ys, spec.z, first, end, kind)
        if read is None or read.size != strip.size:
            return None
        strip[...] = read.reshape(strip.shape)
    return pixels


def refuse_unreadable(path: Path, header: ImageHeader) -> None:
    """Raise InputError for a part that OpenImageIO silently reads wrongly: a deep one, whose pixels
    it leaves empty, and a DPX stored by columns, whose packing it reads as if by rows.
    """
    if header.is_misread:
        raise InputError(
            f"{path} stores columns instead of rows (orientation {header.orientation}), in a "
            "packing that cannot be read: save it with rows, or as an EXR"
        )
    if header.is_deep:
        part = f" part {header.part_name or header.part}" if header.part else ""
        raise InputError(f"{path}{part} is deep: flatten it first, as DeepToImage does in Nuke")


def lone_channel(channels: Sequence[str]) -> str | None:
    """Return the only channel besides alpha, such as `Y`; None if there are several."""
    opaque = [channel for channel in channels if not _is_alpha(channel)]
    return opaque[0] if len(opaque) == 1 else None


def _is_alpha(channel: str) -> bool:
    return channel.rpartition(".")[2] == "A"


def check_input(path: Path, most_bytes: int) -> None:
    """Raise InputError unless a path is a regular, non-empty file of at most `most_bytes`: a
    library that opens anything else could block for ever.
    """
    if not is_utf_8(path):
        raise InputError(f"{path} cannot be read: its name is not UTF-8, rename it")
    try:
        size = check_regular(path, most_bytes)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if not size:
        raise InputError(f"{path} is empty")


@contextmanager
def _opened(path: Path) -> Iterator[ImageInput]:
    check_input(path, PICTURE_BYTES)
    keep_colour = ImageSpec()
    keep_colour.attribute("oiio:UnassociatedAlpha", 1)  # alpha must not darken the colours
    image = ImageInput.open(str(path), keep_colour)
    if image is None:
        raise InputError(f"cannot read {path}: {_reason(OpenImageIO) or 'no reason given'}")
    try:
        yield image
    finally:
        image.close()


def _header(image: ImageInput, part: int = 0) -> ImageHeader:
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
        return turn.format(*_stored_size(spec, kind, turn), aspect)
    return PlateFormat(
        data=Window(spec.x, spec.y, spec.width, spec.height),
        display=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        pixel_aspect=aspect,
    )


def _stored_size(spec: ImageSpec, kind: str, turn: Turn) -> tuple[int, int]:
    """The width and height as stored; OpenImageIO reports the upright ones for DPX columns."""
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


def _reason(*libraries: ImageInput | ModuleType) -> str:
    """The first error message of these libraries, in one line; empty if there is none."""
    for library in libraries:
        try:
            message = library.geterror()
        except UnicodeDecodeError as error:  # it quotes a name from a damaged header
            message = error.object.decode("utf-8", "replace")
        if message:
            return " ".join(message.split())
    return ""
