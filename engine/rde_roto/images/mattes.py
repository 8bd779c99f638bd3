"""Writes mattes to disk. Mattes are data: no colour transform, no 8 bits except in label images.

The header of every file has the digest of its inputs and its layout, by which a later run
recognises it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rde_roto.atomic import prepare_folder
from rde_roto.images.exr import Encoding, write_planes
from rde_roto.images.exr_index import refuse_torn_index
from rde_roto.images.files import read_channels, read_header
from rde_roto.images.layouts import Layout, exr_layout
from rde_roto.images.origin import PROVENANCE_PREFIX, Attributes, Origin
from rde_roto.images.pictures.picture_files import write_picture
from rde_roto.images.sequences import FramePattern
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import Window
from rde_roto.values.preset import Output

DIGEST_KEY: Final = f"{PROVENANCE_PREFIX}digest"
OUTPUT_KEY: Final = f"{PROVENANCE_PREFIX}output"
ELEMENTS_KEY: Final = f"{PROVENANCE_PREFIX}elements"

LABELS: Final = Output(format="labels")
"""The settings for label images."""

_MOST_LABELS = 255
_PNG_COMPRESSION = 3  # of 9; mattes are mostly flat, so more only takes longer
_DESCRIPTION_TAG = 270  # TIFF 6.0, ImageDescription
_SUFFIXES = {
    "alpha": (".exr", ".png", ".tif", ".tiff"),
    "cryptomatte": (".exr",),
    "rgba": (".exr",),
    "labels": (".png",),
}

Pictures: TypeAlias = Callable[[Matte], list[Image.Image]]
"""Makes the pictures of a matte, one for each file of its frame."""


class MatteWriter(Protocol):
    """Writes mattes of one kind, one frame at a time, in any order."""

    @property
    def form(self) -> str:
        """What decides the content of the files besides the mattes."""

    def path(self, frame: int) -> Path:
        """Return the file of a frame; of several files, the first element's."""

    def files(self, frame: int) -> tuple[Path, ...]:
        """Return all files of a frame."""

    def is_written(self, frame: int, digest: str) -> bool:
        """Return whether the frame's files exist, in this format and from the same inputs."""

    def has_digest(self, frame: int, digest: str) -> bool:
        """Return whether the headers of the frame's files say so; reads no pixel."""

    def write(self, matte: Matte) -> None:
        """Write a frame, replacing its files. Raises OutputError; nothing half-written stays."""


def open_matte_writer(
    out: str,
    origin: Origin,
    elements: tuple[str, ...],
    output: Output,
    provenance: Mapping[str, str],
) -> MatteWriter:
    """Open a writer for an output pattern such as `mattes/hero.####.exr`; creates the folder.

    - `.exr`: in a layout of `layouts`, with the windows, the pixel aspect and the attributes of
      `origin`.
    - `.png`, `.tif`: 16-bit grey of the data window; for several elements one file each,
      `hero.<element>.####.png`.
    - `.png` with the format `labels`: one indexed 8-bit image with the DAVIS palette.

    `provenance` goes into every header as text, under keys such as `rde-roto:version`.

    Raises UsageError when the pattern has no frame token, its suffix or a setting of `output` does
    not suit the format, the files of two elements differ in case alone, or the folder cannot be
    created or is not writable; OutputError when its disk is full.
    """
    pattern = FramePattern.parse(out)
    if pattern is None:
        raise UsageError(
            f"the output {out} has no frame number: put #### into its name, as in hero.####.exr"
        )
    suffix, suffixes = Path(str(pattern)).suffix.lower(), _SUFFIXES[output.format]
    if suffix not in suffixes:
        expected = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise UsageError(f"the output {out} must end in {expected} for the format {output.format}")
    if output.format == "labels" and len(elements) > _MOST_LABELS:
        raise UsageError(f"a label image holds {_MOST_LABELS} elements, not {len(elements)}")
    provenance = {
        **provenance,
        OUTPUT_KEY: output.model_dump_json(),
        ELEMENTS_KEY: ",".join(elements),
    }
    if suffix == ".exr":
        layout = exr_layout(origin, elements, output)
        prepare_folder(pattern.folder)
        return _ExrWriter(pattern, origin, layout, output, provenance)
    prepare_folder(pattern.folder)
    if output.format == "labels":
        return _PictureWriter((pattern,), _labels, provenance)
    return _PictureWriter(_element_patterns(pattern, elements), _greys, provenance)


def saved_by_others(writer: MatteWriter, frames: FrameRange) -> FrameRange:
    """Return the frames of which a file is there without the digest that every matte of ours has.

    Files that cannot be read are not among them: a killed copy may have left one.
    """
    return FrameRange.of(f for f in frames if any(map(_is_of_others, writer.files(f))))


def davis_palette() -> NDArray[np.uint8]:
    """Return the palette of DAVIS and PASCAL VOC label images: uint8 [256, 3].

    The bits of an index, in groups of three from the lowest, become the bits of red, green and blue
    from the highest, so that neighbouring labels get very different colours.
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
    origin: Origin
    layout: Layout
    output: Output
    provenance: Mapping[str, str]

    @property
    def form(self) -> str:
        return _form(self.provenance)

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return (self.path(frame),)

    def is_written(self, frame: int, digest: str) -> bool:
        return _is_written(self.path(frame), digest, self.provenance)

    def has_digest(self, frame: int, digest: str) -> bool:
        return _has_digest(self.path(frame), digest, self.provenance)

    def write(self, matte: Matte) -> None:
        planes, attributes = self.layout.planes(matte), self._attributes(matte)
        plate_format = self.origin.format
        if self.output.data_window == "fit":
            planes, data = _fitted(planes, plate_format.data)
            plate_format = replace(plate_format, data=data)
        encoding = Encoding(self.layout.pixel_type, self.output.compression)
        write_planes(self.path(matte.frame), planes, plate_format, attributes, encoding)

    def _attributes(self, matte: Matte) -> Attributes:
        passed_on = self.origin.attributes(matte.frame)
        return {**passed_on, **self.layout.attributes, **self.provenance, DIGEST_KEY: matte.digest}


@dataclass(frozen=True)
class _PictureWriter:
    """Writes integer pictures, with one pattern for each picture of a frame."""

    patterns: tuple[FramePattern, ...]
    pictures: Pictures
    provenance: Mapping[str, str]

    @property
    def form(self) -> str:
        return _form(self.provenance)

    def path(self, frame: int) -> Path:
        return self.patterns[0].path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return tuple(pattern.path(frame) for pattern in self.patterns)

    def is_written(self, frame: int, digest: str) -> bool:
        return all(_is_written(path, digest, self.provenance) for path in self.files(frame))

    def has_digest(self, frame: int, digest: str) -> bool:
        return all(_has_digest(path, digest, self.provenance) for path in self.files(frame))

    def write(self, matte: Matte) -> None:
        provenance = {**self.provenance, DIGEST_KEY: matte.digest}
        for path, picture in zip(self.files(matte.frame), self.pictures(matte), strict=True):
            _save(picture, path, provenance)


def _greys(matte: Matte) -> list[Image.Image]:
    """A 16-bit grey picture for each element."""
    return [Image.fromarray(np.rint(alpha * 65535).astype(np.uint16)) for alpha in matte.alpha]


def _labels(matte: Matte) -> list[Image.Image]:
    """A label image: the number (from 1) of the element with the largest share of each pixel, 0 for
    the background, which has the rest. Ties go to the lowest number.
    """
    background = 1 - matte.alpha.sum(axis=0, keepdims=True)
    labels = np.concatenate([background, matte.alpha]).argmax(axis=0)
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(davis_palette().tobytes())
    return [image]


def _fitted(planes: Mapping[str, FloatArray], data: Window) -> tuple[dict[str, FloatArray], Window]:
    """Crop to the bounding box of what is not 0; at least one pixel, as EXR has no empty window."""
    seen = np.any([plane != 0 for plane in planes.values()], axis=0)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, bottom = (rows[0], rows[-1]) if rows.size else (0, 0)
    left, right = (columns[0], columns[-1]) if columns.size else (0, 0)
    cut = {name: plane[top : bottom + 1, left : right + 1] for name, plane in planes.items()}
    corner = data.x + int(left), data.y + int(top)
    return cut, Window(*corner, int(right - left) + 1, int(bottom - top) + 1)


def _element_patterns(pattern: FramePattern, elements: tuple[str, ...]) -> tuple[FramePattern, ...]:
    """`hero.####.png` itself for one element, `hero.<element>.####.png` for several."""
    if len(elements) == 1:
        return (pattern,)
    alike = _alike_but_for_case(elements)
    if alike:
        raise UsageError(
            f"the files of the elements {' and '.join(alike)} would differ in upper and lower case "
            "alone, and be one file on the disks of macOS and Windows: rename one, or write EXR, "
            "which holds all elements in one file"
        )
    ends_in_separator = pattern.prefix.endswith((".", "_", "-"))
    separator = pattern.prefix[-1] if ends_in_separator else "."
    stem = pattern.prefix if ends_in_separator or not pattern.prefix else f"{pattern.prefix}."
    return tuple(
        FramePattern(pattern.folder, f"{stem}{element}{separator}", pattern.width, pattern.suffix)
        for element in elements
    )


def _alike_but_for_case(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first two names that many file systems do not tell apart; none if there are none."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            return other, name
    return ()


def _form(provenance: Mapping[str, str]) -> str:
    return f"{provenance[OUTPUT_KEY]} {provenance[ELEMENTS_KEY]}"


def _is_written(path: Path, digest: str, provenance: Mapping[str, str]) -> bool:
    """Whether the file is complete and has this digest and this layout."""
    if not _has_digest(path, digest, provenance):
        return False
    try:
        header = read_header(path)
        read_channels(path, header.channels)  # a truncated copy still has a whole header
        if header.kind == "openexr":
            refuse_torn_index(path)
    except InputError:
        return False
    return True


def _has_digest(path: Path, digest: str, provenance: Mapping[str, str]) -> bool:
    """Whether the header of a file has this digest and this layout."""
    expected = {DIGEST_KEY: digest, **{key: provenance[key] for key in (OUTPUT_KEY, ELEMENTS_KEY)}}
    try:
        found = read_header(path).provenance
    except InputError:
        return False
    return all(found.get(key) == value for key, value in expected.items())


def _is_of_others(path: Path) -> bool:
    try:
        return DIGEST_KEY not in read_header(path).provenance
    except InputError:
        return False


def _save(image: Image.Image, path: Path, provenance: Mapping[str, str]) -> None:
    if path.suffix.lower() == ".png":
        text = PngInfo()
        for key, value in provenance.items():
            text.add_text(key, value)
        write_picture(image, path, pnginfo=text, compress_level=_PNG_COMPRESSION)
    else:
        described = {_DESCRIPTION_TAG: json.dumps(provenance)}
        write_picture(image, path, "TIFF", tiffinfo=described, compression="tiff_deflate")
