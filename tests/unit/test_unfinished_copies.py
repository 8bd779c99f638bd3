"""Files of full size whose end was never written: an error, never black or grey blocks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import write_image
from OpenImageIO import ImageOutput, ImageSpec
from PIL import Image

from rde_roto.images.files import read_channels, read_header
from rde_roto.images.masks import read_mask
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray

HEIGHT, WIDTH = 150, 400
PAGE_BYTES = 4096

PACKED = [
    *(
        ("exr", kind, c)
        for c in ("rle", "zip", "zips", "piz", "pxr24")
        for kind in ("half", "float")
    ),
    *(("exr", "half", c) for c in ("b44", "b44a", "dwaa", "dwab")),
    *(
        ("tif", kind, c)
        for c in ("zip", "lzw", "packbits")
        for kind in ("uint8", "uint16", "float")
    ),
    *(("png", kind, "") for kind in ("uint8", "uint16")),
    ("jpg", "uint8", ""),
]
PLAIN = [
    *(("tif", kind, "none") for kind in ("uint8", "uint16", "float")),
    *(("dpx", kind, "") for kind in ("uint8", "uint16")),
]
NAMES = pytest.mark.parametrize(("suffix", "pixel_type", "compression"), PACKED + PLAIN)


def noise(black_rows: int = 0) -> FloatArray:
    pixels = np.random.default_rng(3).uniform(0.1, 0.9, (HEIGHT, WIDTH, 3)).astype(np.float32)
    pixels[HEIGHT - black_rows :] = 0
    return pixels


def written(
    folder: Path, suffix: str, pixel_type: str, compression: str, pixels: FloatArray
) -> Path:
    attributes: dict[str, Any] = {"compression": compression} if compression else {}
    return write_image(folder / f"hero.1001.{suffix}", pixels, pixel_type, **attributes)


def unwrite(path: Path, share: float) -> None:
    """Leave a share of a file, up to a page, and a hole of the rest."""
    size = path.stat().st_size
    os.truncate(path, int(share * size) // PAGE_BYTES * PAGE_BYTES)
    os.truncate(path, size)


def read(path: Path) -> FloatArray:
    return read_channels(path, read_header(path).channels)


@pytest.fixture(scope="session")
def tells_holes(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this file system says which pages of a file were never written."""
    path = tmp_path_factory.mktemp("holes") / "file"
    path.write_bytes(b"1" * PAGE_BYTES)
    os.truncate(path, 10 * PAGE_BYTES)
    with path.open("rb") as file:
        return hasattr(os, "SEEK_HOLE") and os.lseek(file.fileno(), 0, os.SEEK_HOLE) == PAGE_BYTES


@NAMES
@pytest.mark.parametrize("share", [0.3, 0.8, 0.97])
def test_an_unwritten_end_is_an_error(
    tmp_path: Path, tells_holes: bool, suffix: str, pixel_type: str, compression: str, share: float
) -> None:
    if (suffix, pixel_type, compression) in PLAIN and not tells_holes:
        pytest.skip("this file system does not tell holes from zeros")
    path = written(tmp_path, suffix, pixel_type, compression, noise())
    assert read(path).max() > 0.5
    unwrite(path, share)
    with pytest.raises(
        InputError,
        match=r"hero\.1001\..* (is incomplete|is damaged|cannot read)|cannot read .*hero",
    ):
        read(path)


@pytest.mark.parametrize("compression", ["none", "rle", "zip", "piz", "b44"])
def test_rows_may_be_stored_upwards(tmp_path: Path, tells_holes: bool, compression: str) -> None:
    """A line order of renderers: the end of the file is the top of the picture."""
    if compression == "none" and not tells_holes:
        pytest.skip("this file system does not tell holes from zeros")
    upwards: dict[str, Any] = {"compression": compression, "openexr:lineOrder": "decreasingY"}
    for black_rows in (0, 40, HEIGHT):
        pixels = noise(black_rows)[::-1]
        path = write_image(tmp_path / f"black{black_rows}.exr", pixels, "half", **upwards)
        assert np.abs(read(path) - pixels).max() < 0.1
    for share in (0.995, 0.97):
        unwrite(path := tmp_path / "black0.exr", share)
        with pytest.raises(InputError, match=r"black0\.exr is (incomplete|damaged)"):
            read(path)


@NAMES
@pytest.mark.parametrize("black_rows", [HEIGHT, HEIGHT // 2, 40, 1])
def test_black_rows_at_the_bottom_are_a_picture(
    tmp_path: Path, suffix: str, pixel_type: str, compression: str, black_rows: int
) -> None:
    """Also after a copy that leaves holes for zeros, as `cp --sparse` and ZFS do."""
    path = written(tmp_path, suffix, pixel_type, compression, noise(black_rows))
    before = read(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data.rstrip(b"\0"))])
    os.truncate(path, len(data))
    assert np.array_equal(read(path), before)


def test_a_lone_spot_on_black_is_a_picture(tmp_path: Path) -> None:
    """What is left of a render on black ends in the middle of a row and far from any page."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    pixels[10:40, 100:131] = 0.5
    path = written(tmp_path, "dpx", "uint16", "", pixels)
    data = path.read_bytes()
    assert -len(data.rstrip(b"\0")) % PAGE_BYTES > 8
    path.write_bytes(data[: len(data.rstrip(b"\0"))])
    os.truncate(path, len(data))
    assert np.array_equal(read(path) > 0, pixels > 0)


def with_thumbnail(pixels: FloatArray) -> bytes:
    """A JPEG whose metadata hold another, as those of cameras do."""
    made = BytesIO()
    image = Image.fromarray((255 * pixels).astype(np.uint8))
    image.save(made, "JPEG", exif=b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0\0\0\0\0\xff\xd8\xff\xd9")
    return made.getvalue()


@pytest.mark.parametrize(
    ("changed", "is_whole"),
    [
        (lambda data: data, True),
        (lambda data: data + bytes(5000), True),
        (lambda data: data[:-2] + bytes(2), False),
        (lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2), False),
    ],
)
def test_a_jpeg_is_whole_if_its_scan_ends(
    tmp_path: Path, changed: Callable[[bytes], bytes], is_whole: bool
) -> None:
    path = tmp_path / "hero.1001.jpg"
    path.write_bytes(changed(with_thumbnail(noise())))
    if is_whole:
        assert read(path).shape == (HEIGHT, WIDTH, 3)
    else:
        with pytest.raises(InputError, match=r"is (incomplete: its end was never written|damaged)"):
            read(path)


def test_the_end_of_a_file_says_nothing_of_its_other_parts(tmp_path: Path) -> None:
    """Here that of an uncompressed depth, black at the bottom, behind compressed colours."""
    path = tmp_path / "hero.1001.exr"
    specs = [ImageSpec(WIDTH, HEIGHT, 3, "half"), ImageSpec(WIDTH, HEIGHT, 1, "float")]
    for spec, name, compression in zip(specs, ("rgb", "depth"), ("zip", "none"), strict=True):
        spec.attribute("oiio:subimagename", name)
        spec.attribute("compression", compression)
    image = ImageOutput.create(str(path))
    assert image is not None
    assert image.open(str(path), tuple(specs))
    assert image.write_image(noise())
    assert image.open(str(path), specs[1], "AppendSubimage")
    assert image.write_image(np.zeros((HEIGHT, WIDTH, 1), np.float32))
    assert image.close()
    assert path.read_bytes().endswith(bytes(4 * WIDTH))
    assert np.abs(read(path) - noise()).max() < 1e-3


def test_an_indexed_mask_with_an_unwritten_end_is_an_error(tmp_path: Path) -> None:
    indices = np.random.default_rng(1).integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)
    image = Image.fromarray(indices)
    image.putpalette([0, 0, 0, 255, 0, 0])
    path = tmp_path / "mask.png"
    image.save(path)
    plate = open_plate(str(written(tmp_path, "png", "uint8", "", noise())))
    assert read_mask(path, plate.format)
    unwrite(path, 0.6)
    with pytest.raises(InputError, match=r"mask\.png is damaged"):
        read_mask(path, plate.format)


def test_a_plate_names_the_frame_that_is_incomplete(tmp_path: Path) -> None:
    path = written(tmp_path, "exr", "half", "piz", noise())
    other = tmp_path / "hero.1002.exr"
    shutil.copy(path, other)
    unwrite(other, 0.97)
    plate = open_plate(str(tmp_path / "hero.####.exr"))
    assert plate.read(1001).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(InputError, match=r"hero\.1002\.exr is incomplete: .*copy the file again"):
        plate.read(1002)
