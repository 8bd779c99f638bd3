"""Writes EXRs of one part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import OpenImageIO
from numpy.typing import NDArray
from OpenImageIO import ImageOutput, ImageSpec

from rde_roto.atomic import replacing
from rde_roto.images.exr_index import refuse_torn_index
from rde_roto.images.files import read_half_or_float
from rde_roto.images.origin import Attributes, put_on
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray, HalfOrFloatArray
from rde_roto.values.plate import PlateFormat
from rde_roto.values.preset import Compression

_MOST_HALF = 65504.0
_LOSSY: Final = ("dwaa", "dwab")


@dataclass(frozen=True)
class Encoding:
    """How the values of an EXR are stored."""

    pixel_type: Literal["half", "float"] = "half"
    compression: Compression = "zip"


HALF = Encoding()
FLOAT = Encoding(pixel_type="float")


def write_planes(
    path: Path,
    planes: Mapping[str, FloatArray],
    plate_format: PlateFormat,
    attributes: Attributes,
    encoding: Encoding = HALF,
) -> None:
    """Write an EXR, replacing an existing file: one channel per plane, by name.

    Planes are [H, W], the data window of `plate_format`, whose windows and pixel aspect go into the
    header; values beyond the range of half are clipped. Every pixel is read back before the file
    gets its name. Raises OutputError; nothing half-written stays.
    """
    data, display = plate_format.data, plate_format.display
    for channel, plane in planes.items():
        if plane.shape != data.shape:
            raise ValueError(f"expected a plane of {data} for {channel}, got {list(plane.shape)}")
    spec = ImageSpec(data.width, data.height, len(planes), encoding.pixel_type)
    spec.channelnames = tuple(planes)
    spec.x, spec.y = data.x, data.y
    spec.full_x, spec.full_y = display.x, display.y
    spec.full_width, spec.full_height = display.width, display.height
    spec.attribute("DateTime", "")  # else OIIO writes the time, and equal mattes differ in bytes
    put_on(spec, attributes)
    spec.attribute("compression", encoding.compression)
    spec.attribute("PixelAspectRatio", plate_format.pixel_aspect)
    pixels = _interleaved(planes, encoding)

    def check(written: Path) -> None:
        refuse_torn_index(written)
        there = read_half_or_float(written, tuple(planes))
        is_exact = encoding.compression not in _LOSSY
        if is_exact and not _have_equal_bits(there, pixels):
            raise InputError("its pixels differ")

    with replacing(path, check) as temp:
        _write(temp, spec, pixels)


def _interleaved(planes: Mapping[str, FloatArray], encoding: Encoding) -> HalfOrFloatArray:
    """[H, W, C] as it is stored, clipped to the range of half."""
    is_half = encoding.pixel_type == "half"
    shape = *next(iter(planes.values())).shape, len(planes)
    pixels = np.empty(shape, np.float16) if is_half else np.empty(shape, np.float32)
    most = _MOST_HALF if is_half else np.inf
    for index, plane in enumerate(planes.values()):
        # clipped and converted in one go: at 4K each intermediate result takes its time
        np.clip(plane, -most, most, out=pixels[..., index], casting="unsafe")
    return pixels


def _have_equal_bits(one: HalfOrFloatArray, other: HalfOrFloatArray) -> bool:
    """Whether two arrays are equal, NaN to NaN; with integers this is many times faster."""
    bits = f"u{other.itemsize}"
    return one.dtype == other.dtype and np.array_equal(one.view(bits), other.view(bits))


def _write(path: Path, spec: ImageSpec, pixels: NDArray[np.floating]) -> None:
    image = ImageOutput.create("openexr")  # explicitly: the hidden name has no suffix
    if image is None:
        raise OSError(OpenImageIO.geterror())
    # each step returns False on errors such as a full disk, except for the last bytes, whose loss
    # OpenImageIO does not notice: so the caller reads everything back
    done = image.open(str(path), spec) and image.write_image(pixels)
    reason = image.geterror()
    if not (image.close() and done):
        raise OSError(" ".join((reason or image.geterror()).split()))
