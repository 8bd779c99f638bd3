"""Reads the artist's masks: one soft plane per element, over the plate's data window."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rde_roto.images.files import check_input, read_channels, read_headers
from rde_roto.images.image_header import ImageHeader
from rde_roto.images.layers import FIRST_PICTURE, PictureName, PictureSource, view_within
from rde_roto.images.mask_placement import check_extent, over_plate
from rde_roto.images.mask_planes import (
    MaskPlanes,
    check_matte,
    label_numbers,
    labels_in,
    planes_of_colours,
    planes_of_labels,
    soft_plane,
)
from rde_roto.images.orientation import turn_of
from rde_roto.values.arguments import require
from rde_roto.values.errors import InputError, UsageError, is_out_of_memory
from rde_roto.values.matte import FloatArray, MaskMode, MaskModeError
from rde_roto.values.plain_text import counted
from rde_roto.values.plate import PlateFormat
from rde_roto.values.regular_files import PICTURE_BYTES

_ORIENTATION_TAG = 274  # TIFF 6.0
_LONGEST_ELEMENT = 200
"""Characters. With what drawings and mattes add to it, a name still fits into the 255 of a file
system and of a channel of OpenEXR.
"""


@dataclass(frozen=True)
class HowToRead:
    """How to read a mask: the arguments of `read_mask`."""

    mode: MaskMode = "auto"
    elements: tuple[str, ...] | None = None
    proxy: int = 1
    view: str | None = None


@dataclass(frozen=True)
class Mask:
    """A mask over a plate: soft planes [K, H, W] and their K names.

    `marks` say what told the planes apart in the file, `label 2` or `colour #00ff00`; a soft matte
    has none.
    """

    planes: FloatArray
    names: tuple[str, ...]
    marks: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """The planes' label numbers, ascending; () for colours and soft mattes."""
        return labels_in(self.marks)


def read_mask(
    path: str | Path,
    plate_format: PlateFormat,
    mode: MaskMode = "auto",
    elements: tuple[str, ...] | None = None,
    proxy: int = 1,
    *,
    view: str | None = None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """Read a mask as float32 [K, H, W] in 0..1 over the plate's data window, and K names.

    - `labels`: each number except 0 is an element, in ascending order, including 255 (a mask of 0
      and 255 is one element). An indexed PNG gives its indices, another image its only channel.
    - `colours`: each colour except black is an element, ordered by blue, then green, then red: red,
      green, yellow, blue, magenta, cyan, white. This is the label order of the usual palette, and
      the same for every keyframe with the same colours.
    - `matte`: one soft element at the precision of the file: the alpha channel, else the only
      channel, else the largest of red, green and blue. An alpha that is 1 everywhere is ignored.
      The mask may be empty, which means that the element is not in the picture.
    - `auto`: an indexed PNG is `labels`; an image with alpha or without colour is `matte`; any
      other is `colours`. A matte of integers below an eighth, or with floats of 2 or more, could be
      either and is refused.

    The file is read upright. Of an EXR with several layers the one of `PictureName.find_mask` is
    read, of one with views the plate's `view`. An EXR is placed by its windows and is 0 outside;
    its display window must be as large as the plate's. Any other file must have the size of the
    plate's data window or display window. If the plate is a proxy, its sides `proxy` times smaller,
    a mask may also have the size of the full plate and is averaged down. `elements` names the
    planes; by default they are `element1`, `element2`, … Returned names are valid EXR layers.

    Raises InputError for a file that is missing, damaged, of the wrong size or without the view,
    or has no label or colour; MaskModeError, one of these, for a file that does not suit the mode
    or could be either; UsageError for names that do not fit the mask, or an unknown mode.
    """
    require(plate_format, PlateFormat, "the format of the plate, plate.format")
    if mode not in get_args(MaskMode):
        raise UsageError(f"a mask is read as {', '.join(get_args(MaskMode))}, not as {mode}")
    mask = read_marked_mask(Path(path), plate_format, HowToRead(mode, elements, proxy, view))
    return mask.planes, mask.names


def read_marked_mask(path: Path, plate_format: PlateFormat, how: HowToRead) -> Mask:
    """Read a mask as `read_mask` does, with what tells its planes apart."""
    mode, view = how.mode, how.view
    check_extent(path, plate_format, how.proxy)
    indices = _palette_indices(path, mode) if mode in ("auto", "labels") else None
    if indices is not None:
        drawn, windows = planes_of_labels(path, indices), None
    else:
        headers = read_headers(path)
        picture = _mask_picture(path, headers, PictureName(view_within(view, headers)), mode)
        drawn = _drawn(path, picture, mode)
        windows = picture.header.format if picture.header.kind == "openexr" else None
    planes = over_plate(path, drawn.planes, windows, plate_format, how.proxy)
    return Mask(planes, _name_planes(path, len(planes), how.elements), drawn.marks)


def read_labels(path: Path) -> NDArray[Any]:
    """Read the label of every pixel: integers [H, W], 0 the background, row 0 on top.

    An indexed PNG gives its indices, any other image the numbers of its only channel. Raises
    InputError for a file that is missing, damaged, or has no labels.
    """
    indices = _palette_indices(path)
    if indices is not None:
        return indices
    picture = FIRST_PICTURE.find(path, read_headers(path))
    pixels = _read(path, picture, picture.channels)
    return label_numbers(path, pixels, picture.header.pixel_type)


def element_names(names: Sequence[str]) -> tuple[str, ...]:
    """Turn names into valid EXR layer names: letters without accents, digits and `_`, no digit
    first.

    Raises UsageError when a name keeps no letter or digit or is too long, or when two become equal.
    """
    clean: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name.strip())
        plain = "".join(char for char in plain if not unicodedata.combining(char))
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", plain)
        if not re.search(r"[A-Za-z0-9]", plain):
            raise UsageError(f"'{name}' cannot name an element: use letters a-z, digits and _")
        plain = f"_{plain}" if plain[0].isdigit() else plain
        if len(plain) > _LONGEST_ELEMENT:
            raise UsageError(
                f"'{plain[:20]}…' is too long for an element: it has {len(plain)} characters, "
                f"at most {_LONGEST_ELEMENT} fit into the names of files and layers"
            )
        if plain in clean:
            raise UsageError(f"two elements would be named '{plain}': give each its own name")
        clean.append(plain)
    return tuple(clean)


def _mask_picture(
    path: Path, headers: Sequence[ImageHeader], named: PictureName, mode: MaskMode
) -> PictureSource:
    """The picture of a mask. An alpha that is 1 everywhere is ignored next to other channels unless
    requested: programs write such an alpha beside a roto in a layer.
    """
    picture = named.find_mask(path, headers)
    is_all = sum(len(header.channels) for header in headers) == 1
    if mode != "auto" or picture.channels or picture.alpha is None or is_all:
        return picture
    if _read(path, picture, [picture.alpha]).min() < 1:
        return picture
    try:
        return named.find_mask(path, headers, besides=picture)
    except InputError as error:
        raise MaskModeError(
            f"the alpha of the mask {path} is 1 everywhere, and no single other layer is a mask: "
            "read it as a matte if the whole picture is meant",
            ("matte",),
        ) from error


def _palette_indices(path: Path, mode: MaskMode = "labels") -> NDArray[Any] | None:
    """The indices [H, W] of an indexed PNG, which OIIO would turn into colours; else None.

    With `auto`, raises MaskModeError if the palette suggests that 0 is not the background.
    """
    if path.suffix.lower() != ".png":
        return None
    check_input(path, PICTURE_BYTES)
    try:
        with Image.open(path) as image:
            if image.mode != "P":
                return None
            indices = np.asarray(image)
            if mode == "auto" and _is_black_elsewhere(indices, image.getpalette() or []):
                raise MaskModeError(
                    f"the palette of the mask {path} has a colour at index 0 and black at another: "
                    "read it as labels if index 0 is the background, as colours if black is",
                    ("labels", "colours"),
                )
            turn = turn_of(image.getexif().get(_ORIENTATION_TAG, 1))
        with Image.open(path) as image:
            image.verify()  # its checksums, which Pillow does not look at when it decodes
        return turn.upright(indices)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        if is_out_of_memory(error):
            raise
        raise InputError(f"{path} is damaged, cut short or too large: {error}") from error


def _is_black_elsewhere(indices: NDArray[Any], palette: Sequence[int]) -> bool:
    """Whether index 0 has a colour and another used index is black."""
    used = [3 * int(index) for index in np.unique(indices) if index]
    black = [any(palette[at : at + 3]) is False and at < len(palette) for at in used]
    return any(palette[:3]) and any(black)


def _drawn(path: Path, picture: PictureSource, mode: MaskMode) -> MaskPlanes:
    colours, pixel_type = picture.channels, picture.header.pixel_type
    if picture.alpha is not None and (mode in ("auto", "matte") or not colours):
        alpha = _read(path, picture, [picture.alpha])
        is_empty = mode == "auto" and colours and not alpha.any()
        if is_empty and _read(path, picture, colours).any():
            raise MaskModeError(
                f"the mask {path}: its alpha is empty, its colours are not: read it as colours if "
                "they are the mask, as a matte if the element is not in the picture",
                ("colours", "matte"),
            )
        if not colours or alpha.min() < 1:
            if mode == "auto":
                check_matte(path, alpha, pixel_type)
            return soft_plane(alpha)
    pixels = _read(path, picture, colours)
    if mode == "auto":
        mode = "colours" if np.ptp(pixels, axis=2).any() else "matte"
        if mode == "matte":
            check_matte(path, pixels, pixel_type)
    if mode == "matte":
        return soft_plane(pixels)
    if mode == "labels":
        return planes_of_labels(path, label_numbers(path, pixels, pixel_type))
    return planes_of_colours(path, pixels)


def _read(path: Path, picture: PictureSource, channels: Sequence[str]) -> FloatArray:
    """Read channels [H, W, C], clipped at 0; NaN counts as 0, infinity as 1."""
    read = read_channels(path, channels, picture.header.part)
    pixels: FloatArray = np.nan_to_num(read, posinf=1).clip(min=0)
    return pixels


def _name_planes(path: Path, count: int, elements: tuple[str, ...] | None) -> tuple[str, ...]:
    if elements is None:
        return tuple(f"element{number}" for number in range(1, count + 1))
    if len(elements) != count:
        raise UsageError(
            f"the mask {path} holds {counted(count, 'element')}, expected "
            f"{len(elements)}: {', '.join(elements)}"
        )
    return element_names(elements)
