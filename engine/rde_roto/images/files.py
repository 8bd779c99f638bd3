"""Reads single image files through OpenImageIO.

For a damaged file OpenImageIO raises nothing but returns None or an error string. All reading goes
through this module, which turns these into errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import OpenImageIO
from OpenImageIO import ImageInput, ImageSpec

from rde_roto.images.image_header import ImageHeader, header_of, stored_size
from rde_roto.images.unfinished_copies import refuse_unfinished
from rde_roto.values.errors import InputError, is_about_memory
from rde_roto.values.matte import FloatArray, HalfOrFloatArray
from rde_roto.values.plain_text import is_utf_8
from rde_roto.values.plate import LARGEST_PX
from rde_roto.values.regular_files import PICTURE_BYTES, check_regular

_STRIP_ROWS = 256
"""As many as OpenImageIO reads at a time, and as many as any compression of EXR puts together."""


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file. Raises InputError when it cannot be read."""
    with _opened(path) as image:
        return header_of(image)


def read_headers(path: Path) -> tuple[ImageHeader, ...]:
    """Read the headers of all parts of an EXR, or of the first picture of any other file.

    Raises InputError when one cannot be read.
    """
    with _opened(path) as image:
        headers = [header_of(image)]
        if headers[0].kind == "openexr":
            while image.seek_subimage(len(headers), 0):
                headers.append(header_of(image, len(headers)))
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
        header = header_of(image, part)
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
        width, height = stored_size(image.spec(), header.kind, header.turn)
        pixels = _pixels(image, part, first, end)
        reason = _reason(image, OpenImageIO)
        is_last = header.kind != "openexr" or not image.seek_subimage(part + 1, 0)
    if pixels is None or reason:
        raise InputError(f"{path} is damaged or cut short: {reason or 'no reason given'}")
    pixels = pixels.reshape(height, width, end - first)
    if is_last:  # else the end of the file is another part's
        refuse_unfinished(path, header, pixels)
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


def _reason(*libraries: ImageInput | ModuleType) -> str:
    """The first error message of these libraries, in one line; empty if there is none.

    Raises MemoryError if it says that memory ran out: then the file may be in order.
    """
    for library in libraries:
        try:
            message = library.geterror()
        except UnicodeDecodeError as error:  # it quotes a name from a damaged header
            message = error.object.decode("utf-8", "replace")
        if message and is_about_memory(message):
            raise MemoryError(message)
        if message:
            return " ".join(message.split())
    return ""
