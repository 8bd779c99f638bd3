"""Single image files through OpenImageIO, which answers a damaged file with None or an error
string and raises nothing: every question it is asked goes through here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import OpenImageIO
from OpenImageIO import ImageInput, ImageSpec
from PIL.Image import Image as Picture

from rde_roto.atomic import write_bytes
from rde_roto.images.origin import PROVENANCE_PREFIX, Attributes, passed_on
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plain_text import is_utf_8
from rde_roto.values.plate import PlateFormat, Window, sound_aspect
from rde_roto.values.regular_files import PICTURE_BYTES, check_regular


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of itself before any pixel is decoded.

    `pixel_type` is OIIO's name of the stored type: `uint8`, `uint16`, `half`, `float`, …, the
    widest of `channel_types`, one a channel. `color_space` is the name the file gives, or None.
    `provenance` holds the attributes this product writes, by their full names (`rde-roto:digest`,
    …), `attributes` what mattes take over, `cryptomatte` those of Cryptomattes.

    An EXR may have several parts, each with a header of its own: `part` is which, from 0, and
    `part_name` its name, or "". `view` is the view a part belongs to, or None; `views` are those
    that share one part, the default one first.
    """

    kind: str
    format: PlateFormat
    channels: tuple[str, ...]
    pixel_type: str
    channel_types: tuple[str, ...]
    color_space: str | None
    compression: str
    provenance: Mapping[str, str]
    attributes: Attributes = field(default_factory=dict)
    cryptomatte: Mapping[str, str] = field(default_factory=dict)
    part: int = 0
    part_name: str = ""
    view: str | None = None
    views: tuple[str, ...] = ()


def read_header(path: Path) -> ImageHeader:
    """The header of an image file. Raises InputError when it cannot be read."""
    with _opened(path) as image:
        return _header(image)


def read_headers(path: Path) -> tuple[ImageHeader, ...]:
    """The headers of all parts of an EXR, of the first picture of any other file.

    Raises InputError when one cannot be read.
    """
    with _opened(path) as image:
        headers = [_header(image)]
        if headers[0].kind == "openexr":
            while image.seek_subimage(len(headers), 0):
                headers.append(_header(image, len(headers)))
        return tuple(headers)


def read_channels(path: Path, names: Sequence[str], part: int = 0) -> FloatArray:
    """Channels of an image file by name: float32 [H, W, C], row 0 on top, the data window.

    Integers come as 0..1. Raises InputError when the file cannot be read to its end or lacks a
    channel.
    """
    with _opened(path) as image:
        if not image.seek_subimage(part, 0):
            raise InputError(f"{path} has no part {part}: {_reason(image)}")
        header = _header(image, part)
        missing = [name for name in names if name not in header.channels]
        if missing:
            raise InputError(
                f"{path} has no channel {', '.join(missing)} (it has {', '.join(header.channels)})"
            )
        indices = [header.channels.index(name) for name in names]
        first, end = min(indices), max(indices) + 1
        pixels = image.read_image(part, 0, first, end, OpenImageIO.FLOAT)
        reason = _reason(image, OpenImageIO)
    expected = (*header.format.data.shape, end - first)
    if pixels is None or reason or pixels.size != np.prod(expected):
        raise InputError(f"{path} is damaged or cut short: {reason or 'no reason given'}")
    pixels = pixels.reshape(expected)
    order = [index - first for index in indices]
    if order != list(range(end - first)):
        pixels = np.ascontiguousarray(pixels[..., order])
    return pixels


def color_channels(path: Path, channels: tuple[str, ...]) -> tuple[str, ...]:
    """The names of red, green and blue, or of the one grey channel.

    Without bare R, G, B the layer of the shortest name that has all three is taken. Raises
    InputError when there is no such layer and not one grey channel either.
    """
    rgb, grey = rgb_channels(channels), lone_channel(channels)
    if rgb is not None:
        return rgb
    if grey is None:
        raise no_colors(path, channels)
    return (grey,)


def rgb_channels(channels: Sequence[str]) -> tuple[str, ...] | None:
    """The names of red, green and blue, those of the shortest layer; None where there are none."""
    layers = [channel[:-1] for channel in channels if channel == "R" or channel.endswith(".R")]
    for layer in sorted(layers, key=len):
        rgb = tuple(layer + color for color in "RGB")
        if set(rgb) <= set(channels):
            return rgb
    return None


def lone_channel(channels: Sequence[str]) -> str | None:
    """The one channel besides alpha, such as `Y`; None where there are others."""
    opaque = [channel for channel in channels if not _is_alpha(channel)]
    return opaque[0] if len(opaque) == 1 else None


def no_colors(path: Path, channels: Sequence[str]) -> InputError:
    """The error for a file, or a part of it, whose channels are no picture."""
    return InputError(
        f"{path} has no red, green and blue channels: it has {', '.join(channels) or 'none'}"
    )


def alpha_channel(channels: tuple[str, ...]) -> str | None:
    """The name of the alpha channel: `A`, or else that of the only layer that has one."""
    found = [channel for channel in channels if _is_alpha(channel)]
    if "A" in found:
        return "A"
    return found[0] if len(found) == 1 else None


def _is_alpha(channel: str) -> bool:
    return channel.rpartition(".")[2] == "A"


def check_input(path: Path, most_bytes: int) -> None:
    """Raises InputError for what is no regular file of at most so many bytes, or an empty one: a
    library that opened it could wait for ever.
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


def write_picture(picture: Picture, path: Path, kind: str = "PNG", **options: Any) -> None:
    """Writes a picture of Pillow's, replacing what was there.

    It is encoded in memory: encoders of libraries keep some errors of a file to themselves.

    Args: kind, Pillow's name of the format; options, those of its ``save``.
    Raises OutputError; nothing half-done stays.
    """
    encoded = io.BytesIO()
    picture.save(encoded, kind, **options)
    write_bytes(path, encoded.getvalue())


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
    spec = image.spec()
    views = spec.getattribute("multiView")
    return ImageHeader(
        kind=image.format_name(),
        format=PlateFormat(
            data=Window(spec.x, spec.y, spec.width, spec.height),
            display=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
            pixel_aspect=sound_aspect(spec.get_float_attribute("PixelAspectRatio", 1.0)),
        ),
        channels=tuple(spec.channelnames),
        pixel_type=str(spec.format),
        channel_types=tuple(str(spec.channelformat(index)) for index in range(spec.nchannels)),
        color_space=_text(spec, "oiio:ColorSpace"),
        compression=_text(spec, "compression") or "",
        provenance=_provenance(spec),
        attributes=passed_on(spec, image.format_name()),
        cryptomatte={name: text for name, text in _texts(spec) if name.startswith("cryptomatte/")},
        part=part,
        part_name=_text(spec, "oiio:subimagename") or "",
        view=_text(spec, "view"),
        views=tuple(map(str, views)) if isinstance(views, tuple) else (),
    )


def _provenance(spec: ImageSpec) -> dict[str, str]:
    """What this product wrote: attributes of their own, or in a TIFF its description, as JSON."""
    said = dict(_texts(spec))
    with suppress(ValueError):
        described = json.loads(said.get("ImageDescription", ""))
        said |= described if isinstance(described, dict) else {}
    return {key: str(value) for key, value in said.items() if key.startswith(PROVENANCE_PREFIX)}


def _texts(spec: ImageSpec) -> Iterator[tuple[str, str]]:
    """All attributes, as text."""
    return ((attribute.name, str(attribute.value)) for attribute in spec.extra_attribs)


def _text(spec: ImageSpec, name: str) -> str | None:
    """An attribute that is a text; None where it is missing, of another type or not UTF-8."""
    value = spec.getattribute(name)
    return value if isinstance(value, str) and value.isprintable() else None


def _reason(*speakers: ImageInput | ModuleType) -> str:
    """What the first of them that has something to say gives as the reason, in one line."""
    for speaker in speakers:
        try:
            said = speaker.geterror()
        except UnicodeDecodeError as error:  # it quotes a name from a damaged header
            said = error.object.decode("utf-8", "replace")
        if said:
            return " ".join(said.split())
    return ""
