from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from image_files import cut_short, ramp, read_image, write_image
from numpy.typing import NDArray
from OpenImageIO import ImageOutput, ImageSpec

from rde_roto.images.files import read_channels, read_half_or_float
from rde_roto.values.errors import InputError

_TALL = 600  # of more than two strips, the last one shorter


def write_tiled(path: Path, pixels: NDArray[np.float32], tile: tuple[int, int]) -> Path:
    """Write an EXR in tiles (height, width), with a data window that begins elsewhere."""
    height, width, count = pixels.shape
    spec = ImageSpec(width, height, count, "half")
    spec.x, spec.y = -7, 13
    spec.tile_height, spec.tile_width = tile
    image = ImageOutput.create(str(path))
    assert image is not None, OpenImageIO.geterror()
    assert image.open(str(path), spec), image.geterror()
    assert image.write_image(pixels), image.geterror()
    assert image.close()
    return path


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("zip.exr", {"compression": "zip", "origin": (5, -9)}),
        ("piz.exr", {"compression": "piz", "origin": (0, 31)}),
        ("dwab.exr", {"compression": "dwab:45", "origin": (-3, 100)}),
        ("strips.tif", {"pixel_type": "uint16"}),
        ("rows.png", {"pixel_type": "uint8"}),
        ("rows.jpg", {"pixel_type": "uint8"}),
        ("words.dpx", {"pixel_type": "uint10"}),
    ],
)
def test_strips_of_rows_are_the_whole_picture(
    name: str, attributes: dict[str, object], tmp_path: Path
) -> None:
    path = write_image(tmp_path / name, ramp(_TALL, 70), **attributes)  # type: ignore[arg-type]
    whole = read_image(path)[1].reshape(_TALL, 70, 3)
    np.testing.assert_array_equal(read_channels(path, ["R", "G", "B"]), whole)
    np.testing.assert_array_equal(read_channels(path, ["B", "G"]), whole[..., [2, 1]])


@pytest.mark.parametrize("tile", [(64, 32), (48, 80), (300, 16)])
def test_rows_of_tiles_are_the_whole_picture(tile: tuple[int, int], tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "tiles.exr", ramp(_TALL, 70), tile)
    whole = read_image(path)[1].reshape(_TALL, 70, 3)
    np.testing.assert_array_equal(read_channels(path, ["R", "G", "B"]), whole)


def test_half_floats_are_read_as_they_are_stored(tmp_path: Path) -> None:
    stored = (
        np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(512, 128, 1)
    )  # all of them
    wide = stored.astype(np.float32)
    path = write_image(tmp_path / "half.exr", wide, "half")
    half = read_half_or_float(path, ["Y"])
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, stored)  # NaN equals NaN
    as_float = read_channels(path, ["Y"])
    assert as_float.dtype == np.float32
    np.testing.assert_array_equal(as_float, wide)


def test_half_beside_float_is_read_as_float(tmp_path: Path) -> None:
    spec = ImageSpec(30, 20, 2, OpenImageIO.FLOAT)
    spec.channelnames, spec.channelformats = ("A", "Z"), (OpenImageIO.HALF, OpenImageIO.FLOAT)
    pixels, path = ramp(20, 30)[..., :2], tmp_path / "both.exr"
    image = ImageOutput.create(str(path))
    assert image is not None, OpenImageIO.geterror()
    assert image.open(str(path), spec), image.geterror()
    assert image.write_image(pixels), image.geterror()
    assert image.close()
    both = read_half_or_float(path, ["A", "Z"])
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both[..., 1], pixels[..., 1])
    assert read_half_or_float(path, ["A"]).dtype == np.float16


def test_a_file_that_ends_within_a_later_strip_is_damaged(tmp_path: Path) -> None:
    path = write_image(tmp_path / "cut.exr", ramp(_TALL, 70), compression="none")
    cut_short(path, 0.8)
    with pytest.raises(InputError, match="damaged or cut short"):
        read_channels(path, ["R", "G", "B"])
