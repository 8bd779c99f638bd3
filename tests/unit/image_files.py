"""Real image files for the tests of this folder, written through OpenImageIO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
from numpy.typing import NDArray
from OpenImageIO import ImageInput, ImageOutput, ImageSpec, TypeDesc

from rde_roto.images.origin import Typed


def write_image(
    path: Path,
    pixels: NDArray[Any],
    pixel_type: str = "half",
    channels: tuple[str, ...] | None = None,
    **attributes: Any,
) -> Path:
    """Write float pixels [H, W, C]. In attribute names `__` stands for `:`; `origin=(x, y)` and
    `display=(x, y, width, height)` set the windows; a plain tuple is of strings."""
    height, width, count = pixels.shape
    spec = ImageSpec(width, height, count, pixel_type)
    if channels is not None:
        spec.channelnames = channels
    spec.x, spec.y = attributes.pop("origin", (0, 0))
    display = attributes.pop("display", (0, 0, width, height))
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    for key, value in attributes.items():
        name = key.replace("__", ":")
        if isinstance(value, Typed):
            spec.attribute(name, value.type, value.value)
        elif isinstance(value, tuple):
            spec.attribute(name, TypeDesc(f"string[{len(value)}]"), value)
        else:
            spec.attribute(name, value)
    image = ImageOutput.create(str(path))
    assert image is not None, OpenImageIO.geterror()
    assert image.open(str(path), spec), image.geterror()
    assert image.write_image(np.ascontiguousarray(pixels, dtype=np.float32)), image.geterror()
    assert image.close()
    return path


def write_parts(path: Path, *parts: tuple[str, str | None, tuple[str, ...], NDArray[Any]]) -> Path:
    """Write an EXR of several parts: each its name, view, channels and half pixels [H, W, C].

    The first one's size is the display window of all."""
    specs = []
    for name, view, channels, pixels in parts:
        spec = ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), "half")
        spec.channelnames = channels
        spec.full_height, spec.full_width = parts[0][3].shape[:2]
        spec.attribute("oiio:subimagename", name)
        if view is not None:
            spec.attribute("view", view)
        specs.append(spec)
    image = ImageOutput.create(str(path))
    assert image is not None, OpenImageIO.geterror()
    assert image.open(str(path), tuple(specs)), image.geterror()
    for index, (*_, pixels) in enumerate(parts):
        assert index == 0 or image.open(str(path), specs[index], "AppendSubimage")
        assert image.write_image(np.ascontiguousarray(pixels, np.float32)), image.geterror()
    assert image.close()
    return path


def read_image(path: Path) -> tuple[ImageSpec, NDArray[np.float32]]:
    """The header and all channels of a file as float32 [H, W, C]."""
    image = ImageInput.open(str(path))
    assert image is not None, OpenImageIO.geterror()
    spec = image.spec()
    pixels = image.read_image(0, 0, 0, spec.nchannels, OpenImageIO.FLOAT)
    assert pixels is not None, image.geterror()
    image.close()
    return spec, pixels


def cut_short(path: Path, part: float = 0.5) -> None:
    """Keep the first part of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


def ramp(height: int = 36, width: int = 64, seed: int = 0) -> NDArray[np.float32]:
    """A picture [H, W, 3] in 0..1 whose every channel and corner differs, with some noise."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x / width, y / height, (x + y) / (width + height)], axis=2)
    noise = np.random.default_rng(seed).random(picture.shape)
    return (0.9 * picture + 0.1 * noise).astype(np.float32)


def write_deep(path: Path, *names: str, tile: int = 0) -> Path:
    """Write a deep EXR of 8x6 pixels with two samples each; several names are as many parts."""
    specs = []
    for name in names or ("",):
        spec = ImageSpec(8, 6, 5, "half")
        spec.channelnames = ("R", "G", "B", "A", "Z")
        spec.tile_width = spec.tile_height = tile
        spec.deep = True
        if name:
            spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    image = ImageOutput.create(str(path))
    assert image is not None, OpenImageIO.geterror()
    assert image.open(str(path), tuple(specs)), image.geterror()
    for index, spec in enumerate(specs):
        assert index == 0 or image.open(str(path), spec, "AppendSubimage")
        deep = OpenImageIO.DeepData()
        deep.init(spec)
        for pixel in range(48):
            deep.set_samples(pixel, 2)
            for channel in range(10):
                deep.set_deep_value(pixel, channel % 5, channel // 5, 0.25)
        assert image.write_deep_image(deep), image.geterror()
    assert image.close()
    return path
