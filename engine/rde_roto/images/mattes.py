"""Mattes to disk. Mattes are data: no colour transform, no 8-bit step but for label images.

The header of every file bears the digest of what it was made from, by which a later run knows it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import OpenImageIO
from numpy.typing import NDArray
from OpenImageIO import ImageOutput, ImageSpec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rde_roto.images.files import PROVENANCE_PREFIX, read_channels, read_header, replacing
from rde_roto.images.sequences import FramePattern
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat

DIGEST_KEY = f"{PROVENANCE_PREFIX}digest"

_MOST_LABELS = 255
_PNG_COMPRESSION = 3  # of 9; mattes are mostly flat, more only takes longer


class MatteWriter(Protocol):
    """Writes mattes of one kind, one frame at a time, in any order."""

    def path(self, frame: int) -> Path:
        """The file of a frame; of several files, the first element's."""

    def files(self, frame: int) -> tuple[Path, ...]:
        """All files of a frame."""

    def is_written(self, frame: int, digest: str) -> bool:
        """Whether the frame lies there already, in this kind and made from the same things."""

    def write(self, matte: Matte) -> None:
        """Write a frame, replacing what was there. Raises OutputError; nothing half-done stays."""


def open_matte_writer(
    out: str,
    plate_format: PlateFormat,
    elements: tuple[str, ...],
    labels: bool,
    provenance: Mapping[str, str],
) -> MatteWriter:
    """The writer for an output pattern such as `mattes/hero.####.exr`; makes its folder.

    - `.exr`: half, ZIP, with the plate's windows and pixel aspect; channel `A` for one element,
      `<element>.A` for several.
    - `.png`: 16-bit grey of the data window; for several elements one file each,
      `hero.<element>.####.png`.
    - `.png` with `labels`: one indexed 8-bit image with the DAVIS palette.

    `provenance` goes into every header as text, under keys such as `rde-roto:version`.

    Raises UsageError when the pattern has no frame token or another suffix, or when the folder
    cannot be made or written into.
    """
    pattern = FramePattern.parse(out)
    if pattern is None:
        raise UsageError(
            f"the output {out} has no frame number: put #### into its name, as in hero.####.exr"
        )
    suffix = Path(str(pattern)).suffix.lower()
    if suffix not in (".exr", ".png") or (labels and suffix != ".png"):
        kinds = ".png for labels" if labels else ".exr or .png"
        raise UsageError(f"the output {out} must end in {kinds}")
    if labels and len(elements) > _MOST_LABELS:
        raise UsageError(f"a label image holds {_MOST_LABELS} elements, not {len(elements)}")
    _prepare_folder(pattern.folder)
    if labels:
        return _LabelWriter(pattern, provenance)
    if suffix == ".exr":
        return _ExrWriter(pattern, plate_format, elements, provenance)
    return _PngWriter(_element_patterns(pattern, elements), provenance)


def write_planes(
    path: Path,
    planes: Mapping[str, FloatArray],
    plate_format: PlateFormat,
    attributes: Mapping[str, str],
    pixel_type: str = "half",
) -> None:
    """Write an EXR with ZIP compression, replacing what was there: one channel a plane, by name.

    Planes are [H, W], the plate's data window; `pixel_type` is `half` or `float`. The header gets
    the plate's windows and pixel aspect, and `attributes` as text. Raises OutputError; nothing
    half-done stays.
    """
    data, display = plate_format.data, plate_format.display
    for channel, plane in planes.items():
        if plane.shape != data.shape:
            raise ValueError(f"expected a plane of {data} for {channel}, got {list(plane.shape)}")
    spec = ImageSpec(data.width, data.height, len(planes), pixel_type)
    spec.channelnames = tuple(planes)
    spec.x, spec.y = data.x, data.y
    spec.full_x, spec.full_y = display.x, display.y
    spec.full_width, spec.full_height = display.width, display.height
    spec.attribute("compression", "zip")
    spec.attribute("PixelAspectRatio", plate_format.pixel_aspect)
    spec.attribute("DateTime", "")  # or OIIO stamps the hour, and equal mattes differ in bytes
    for key, value in attributes.items():
        spec.attribute(key, value)
    with replacing(path) as temp:
        _write_exr(temp, spec, np.stack(list(planes.values()), axis=2))


def davis_palette() -> NDArray[np.uint8]:
    """The palette of DAVIS and PASCAL VOC label images: uint8 [256, 3].

    The bits of an index, three at a time from the lowest, are the bits of red, green and blue
    from the highest: neighbouring labels get colours far apart.
    """
    index = np.arange(256)[:, None]
    channel = np.arange(3)[None, :]
    palette = np.zeros((256, 3), dtype=np.int64)
    for level in range(3):
        palette |= ((index >> (3 * level + channel)) & 1) << (7 - level)
    return palette.astype(np.uint8)


@dataclass(frozen=True)
class _ExrWriter:
    pattern: FramePattern
    format: PlateFormat
    elements: tuple[str, ...]
    provenance: Mapping[str, str]

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return (self.path(frame),)

    def is_written(self, frame: int, digest: str) -> bool:
        return _is_written(self.path(frame), digest, "half", self._channels)

    def write(self, matte: Matte) -> None:
        planes = dict(zip(self._channels, matte.alpha, strict=True))
        attributes = {**self.provenance, DIGEST_KEY: matte.digest}
        write_planes(self.path(matte.frame), planes, self.format, attributes)

    @property
    def _channels(self) -> tuple[str, ...]:
        if len(self.elements) == 1:
            return ("A",)
        return tuple(f"{element}.A" for element in self.elements)


@dataclass(frozen=True)
class _PngWriter:
    patterns: tuple[FramePattern, ...]
    provenance: Mapping[str, str]

    def path(self, frame: int) -> Path:
        return self.patterns[0].path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return tuple(pattern.path(frame) for pattern in self.patterns)

    def is_written(self, frame: int, digest: str) -> bool:
        return all(_is_written(path, digest, "uint16", ("Y",)) for path in self.files(frame))

    def write(self, matte: Matte) -> None:
        for path, alpha in zip(self.files(matte.frame), matte.alpha, strict=True):
            image = Image.fromarray(np.rint(alpha * 65535).astype(np.uint16))
            _save_png(image, path, self.provenance, matte.digest)


@dataclass(frozen=True)
class _LabelWriter:
    """Writes the number (from 1) of the element that has the most of a pixel; 0, the background,
    has what the elements leave over. Of equals, the first: the background, then by number.
    """

    pattern: FramePattern
    provenance: Mapping[str, str]

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return (self.path(frame),)

    def is_written(self, frame: int, digest: str) -> bool:
        # OIIO shows an indexed image as the colours of its palette
        return _is_written(self.path(frame), digest, "uint8", ("R", "G", "B"))

    def write(self, matte: Matte) -> None:
        background = 1 - matte.alpha.sum(axis=0, keepdims=True)
        labels = np.concatenate([background, matte.alpha]).argmax(axis=0)
        image = Image.fromarray(labels.astype(np.uint8))
        image.putpalette(davis_palette().tobytes())
        _save_png(image, self.path(matte.frame), self.provenance, matte.digest)


def _element_patterns(pattern: FramePattern, elements: tuple[str, ...]) -> tuple[FramePattern, ...]:
    """`hero.####.png` itself for one element, `hero.<element>.####.png` for several."""
    if len(elements) == 1:
        return (pattern,)
    ends_in_separator = pattern.prefix.endswith((".", "_", "-"))
    separator = pattern.prefix[-1] if ends_in_separator else "."
    stem = pattern.prefix if ends_in_separator or not pattern.prefix else f"{pattern.prefix}."
    return tuple(
        FramePattern(pattern.folder, f"{stem}{element}{separator}", pattern.width, pattern.suffix)
        for element in elements
    )


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # permission bits say less than a try
            pass
    except FileExistsError as error:
        raise UsageError(f"the output folder {folder} is a file") from error
    except OSError as error:
        raise UsageError(
            f"cannot write into the output folder {folder}: {error.strerror}"
        ) from error


def _is_written(path: Path, digest: str, pixel_type: str, channels: tuple[str, ...]) -> bool:
    """Whether the file is whole, bears the digest, and holds what this kind of matte holds."""
    try:
        header = read_header(path)
        found = (header.provenance.get(DIGEST_KEY), header.pixel_type, set(header.channels))
        if found != (digest, pixel_type, set(channels)):
            return False
        read_channels(path, channels)  # a copy cut short still has a whole header
    except InputError:
        return False
    return True


def _write_exr(path: Path, spec: ImageSpec, pixels: FloatArray) -> None:
    image = ImageOutput.create(str(path))
    if image is None:
        raise OSError(OpenImageIO.geterror())
    # each step answers False and keeps its reason to itself, the disk being full among them
    done = image.open(str(path), spec) and image.write_image(pixels)
    reason = image.geterror()
    if not (image.close() and done):
        raise OSError(" ".join((reason or image.geterror()).split()))


def _save_png(image: Image.Image, path: Path, provenance: Mapping[str, str], digest: str) -> None:
    text = PngInfo()
    for key, value in {**provenance, DIGEST_KEY: digest}.items():
        text.add_text(key, value)
    with replacing(path) as temp:
        image.save(temp, pnginfo=text, compress_level=_PNG_COMPRESSION)
