"""The artist's masks: a file becomes one soft plane per element, over the plate's data window."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rde_roto.images.files import (
    ImageHeader,
    check_input,
    read_channels,
    read_header,
    read_headers,
)
from rde_roto.images.layers import FIRST_PICTURE, Picture, PictureName, view_within
from rde_roto.images.orientation import turn_of
from rde_roto.images.scaling import reduced
from rde_roto.images.windows import placed
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import FloatArray, MaskMode
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.regular_files import PICTURE_BYTES

_MOST_ELEMENTS = 64
_ORIENTATION_TAG = 274  # TIFF 6.0
_LARGER = 4  # times the plate's pixels: what an EXR's overscan may hold
_FAINT = 32 / 255  # no matte of an element one can see stays below this; label numbers do


def read_mask(
    path: Path,
    plate_format: PlateFormat,
    mode: MaskMode = "auto",
    elements: tuple[str, ...] | None = None,
    proxy: int = 1,
    *,
    view: str | None = None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """Read a mask as float32 [K, H, W] in 0..1 over the plate's data window, and K names.

    - `labels`: each number but 0 is an element, in ascending order, also 255 (a mask of 0 and 255
      is one element). An indexed PNG gives its indices, another image its one channel.
    - `colours`: each colour but black is an element, ordered by blue, then green, then red: red,
      green, yellow, blue, magenta, cyan, white; this is the label order of the usual palette, and
      the same for every keyframe with the same colours.
    - `matte`: one soft element, kept at the precision of the file: the alpha channel, else the one
      channel, else the largest of red, green and blue. An alpha that is 1 everywhere is no mask
      and is passed over. It may be empty, which says that the element is not in the picture.
    - `auto`: an indexed PNG is `labels`; an image with alpha, or without colour, `matte`; any
      other `colours`. 8-bit grey that stays below 32 of 255 may be either, and is refused.

    A file is read upright, and of an EXR with several layers the one that `PictureName.find_mask`
    takes; of one with views, the plate's `view`. An EXR is placed by its windows, 0 outside them:
    its display window lies over the plate's and must be as large. Any other file must be as large
    as the plate's data window or as its display window, and lies over that. Where the plate is a
    proxy, its sides `proxy` times
    smaller, a mask may be as large as the full plate too and is averaged down. `elements` names the
    planes; without it they are `element1`, `element2`, … Names come back fit for EXR layers.

    Raises InputError for a file that is missing, damaged, of the wrong size, of other views,
    without a label or colour, or unfit for the mode; UsageError for names that do not fit the mask.
    """
    _check_extent(path, plate_format, proxy)
    indices = _palette_indices(path, mode) if mode in ("auto", "labels") else None
    if indices is not None:
        planes, windows = _split(path, indices), None
    else:
        headers = read_headers(path)
        picture = _mask_picture(path, headers, PictureName(view_within(view, headers)), mode)
        planes = _planes(path, picture, mode)
        windows = picture.header.format if picture.header.kind == "openexr" else None
    if windows is None:
        planes = _sized(path, planes, plate_format, proxy)
    else:
        planes = _placed(path, planes, windows, (plate_format, proxy))
    return planes, _name_planes(path, len(planes), elements)


def read_labels(path: Path) -> NDArray[Any]:
    """The label of every pixel, whole numbers [H, W], 0 the background, row 0 on top.

    An indexed PNG gives its indices, any other image the numbers of its one channel. Raises
    InputError for a file that is missing, damaged, or holds no labels.
    """
    indices = _palette_indices(path)
    if indices is not None:
        return indices
    picture = FIRST_PICTURE.find(path, read_headers(path))
    pixels = _read(path, picture, picture.channels)
    return _label_numbers(path, pixels, picture.header.pixel_type)


def element_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names fit for EXR layers: letters without accents, digits and `_`, no digit first.

    Raises UsageError when a name keeps no letter or digit or two become the same.
    """
    clean: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name.strip())
        plain = "".join(char for char in plain if not unicodedata.combining(char))
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", plain)
        if not re.search(r"[A-Za-z0-9]", plain):
            raise UsageError(f"'{name}' cannot name an element: use letters a-z, digits and _")
        plain = f"_{plain}" if plain[0].isdigit() else plain
        if plain in clean:
            raise UsageError(f"two elements would be named '{plain}': give each its own name")
        clean.append(plain)
    return tuple(clean)


def _check_extent(path: Path, plate: PlateFormat, proxy: int) -> None:
    """Raises InputError for a mask that no plate of that size can have, before it is unpacked: a
    small file may hold a giant picture.
    """
    own = read_header(path).format.data
    most = _LARGER * proxy**2 * max(plate.data.width, plate.display.width)
    if own.width * own.height > most * max(plate.data.height, plate.display.height):
        raise InputError(
            f"the mask {path} is {own.width}x{own.height}, the plate {plate.display.width}x"
            f"{plate.display.height}{_of_proxy(proxy)}: it was made for another size"
        )


def _mask_picture(
    path: Path, headers: Sequence[ImageHeader], named: PictureName, mode: MaskMode
) -> Picture:
    """The picture of a mask. Beside other channels, an alpha that is 1 everywhere is none unless
    that is said: programs write such a one beside a roto that lies in a layer.
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
        raise InputError(
            f"the alpha of the mask {path} is 1 everywhere, and no one other layer is a mask: say "
            "--mask-as matte (mask_as) if the whole picture is meant"
        ) from error


def _palette_indices(path: Path, mode: MaskMode = "labels") -> NDArray[Any] | None:
    """The indices [H, W] of an indexed PNG (which OIIO would turn into colours), else None.

    With `auto`, raises InputError where the palette says that 0 is no background.
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
                raise InputError(
                    f"the palette of the mask {path} has a colour at index 0 and black at another: "
                    "say --mask-as labels if index 0 is the background, --mask-as colours if black"
                )
            return turn_of(image.getexif().get(_ORIENTATION_TAG, 1)).upright(indices)
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is damaged, cut short or too large: {error}") from error


def _is_black_elsewhere(indices: NDArray[Any], palette: Sequence[int]) -> bool:
    """Whether index 0 has a colour, and one of the others that are there has none."""
    used = [3 * int(index) for index in np.unique(indices) if index]
    black = [any(palette[at : at + 3]) is False and at < len(palette) for at in used]
    return any(palette[:3]) and any(black)


def _planes(path: Path, picture: Picture, mode: MaskMode) -> FloatArray:
    colours, pixel_type = picture.channels, picture.header.pixel_type
    if picture.alpha is not None and (mode in ("auto", "matte") or not colours):
        alpha = _read(path, picture, [picture.alpha])
        is_empty = mode == "auto" and colours and not alpha.any()
        if is_empty and _read(path, picture, colours).any():
            raise InputError(
                f"the mask {path}: its alpha is empty, its colours are not: say mask_as/--mask-as, "
                "matte if the element is not in the picture, colours if they are the mask"
            )
        if not colours or alpha.min() < 1:
            return _soft(alpha)
    pixels = _read(path, picture, colours)
    if mode == "auto":
        mode = "colours" if np.ptp(pixels, axis=2).any() else "matte"
        faint = pixel_type == "uint8" and 0 < pixels.max() < _FAINT
        if mode == "matte" and faint:
            raise InputError(
                f"no pixel of the mask {path} is above {round(pixels.max() * 255)} of 255: say "
                "--mask-as labels if these are label numbers, --mask-as matte if it is a matte"
            )
    if mode == "matte":
        return _soft(pixels)
    if mode == "labels":
        return _split(path, _label_numbers(path, pixels, pixel_type))
    pixels = pixels.clip(max=1)
    red, green, blue = np.rint(np.broadcast_to(pixels, (*pixels.shape[:2], 3)) * 255).T.astype(int)
    return _split(path, (blue << 16 | green << 8 | red).T)


def _read(path: Path, picture: Picture, channels: Sequence[str]) -> FloatArray:
    """Channels [H, W, C], at least 0; what is no number counts as 0, infinity as 1."""
    read = read_channels(path, channels, picture.header.part)
    pixels: FloatArray = np.nan_to_num(read, posinf=1).clip(min=0)
    return pixels


def _soft(pixels: FloatArray) -> FloatArray:
    """One plane [1, H, W] in 0..1: the largest of the channels of [H, W, C]."""
    plane: FloatArray = pixels.max(axis=2).clip(max=1)[None]
    return plane


def _label_numbers(path: Path, pixels: FloatArray, pixel_type: str) -> NDArray[Any]:
    most = {"uint8": 255, "uint16": 65535}.get(pixel_type, 1)
    scaled = pixels * np.float32(most)
    whole = np.rint(scaled)
    if np.ptp(pixels, axis=2).any() or np.abs(scaled - whole).max() > 0.01:
        raise InputError(
            f"the mask {path} holds no label numbers: expected an indexed PNG or one channel of "
            "whole numbers; say --mask-as colours or --mask-as matte"
        )
    numbers: NDArray[Any] = whole[..., 0].astype(np.int64)
    return numbers


def _split(path: Path, numbers: NDArray[Any]) -> FloatArray:
    """One plane [K, H, W] of 0 and 1 for each number but 0, ascending."""
    kinds = np.unique(numbers)
    kinds = kinds[kinds != 0]
    if len(kinds) > _MOST_ELEMENTS:
        raise InputError(
            f"the mask {path} holds {len(kinds)} different colours or labels, {_MOST_ELEMENTS} at "
            "most make sense: if its edges are soft, say --mask-as matte, or use --mask-as labels"
        )
    if len(kinds) == 0:
        raise InputError(f"the mask {path} is empty: no pixel is above 0")
    planes: FloatArray = (numbers[None] == kinds[:, None, None]).astype(np.float32)
    return planes


def _sized(path: Path, planes: FloatArray, plate: PlateFormat, proxy: int) -> FloatArray:
    """Planes of a file without windows over the data window of the plate, or of the full plate."""
    size = planes.shape[1:]
    fits = [one for one in (plate.data, plate.display) if _is_size(size, one.shape, proxy)]
    if not fits or len(set(fits)) > 1:
        shape = f"{size[1]}x{size[0]}"
        windows = f"data window is {plate.data}, its display window {plate.display}"
        if plate.data == plate.display:
            windows = f"data window is {plate.data.width}x{plate.data.height}"
        advice = "save it as an EXR, which says where it lies" if fits else "make it as large"
        raise InputError(
            f"the mask {path} is {shape}, the plate's {windows}{_of_proxy(proxy)}: {advice}"
        )
    if fits[0] == plate.data:
        return reduced(planes, plate.data.shape)
    over_display = Window(0, 0, size[1], size[0])
    return _placed(path, planes, PlateFormat(over_display, over_display), (plate, proxy))


def _placed(
    path: Path, planes: FloatArray, own: PlateFormat, plate_proxy: tuple[PlateFormat, int]
) -> FloatArray:
    """Planes over the plate's data window, the mask's display window lying over the plate's."""
    plate, proxy = plate_proxy
    if not _is_size(own.display.shape, plate.display.shape, proxy):
        raise InputError(
            f"the mask {path} has a display window of {own.display}, the plate one of "
            f"{plate.display}{_of_proxy(proxy)}: it was made for another size"
        )
    scale = 1 if own.display.shape == plate.display.shape else proxy
    x, y, width, height = (scale * side for side in astuple(plate.data))
    corner = own.display.x - scale * plate.display.x, own.display.y - scale * plate.display.y
    onto = Window(x + corner[0], y + corner[1], width, height)
    over = np.moveaxis(placed(np.moveaxis(planes, 0, 2), own.data, onto), 2, 0)
    return reduced(over, plate.data.shape)


def _is_size(size: Sequence[int], plate: tuple[int, int], proxy: int) -> bool:
    """Whether that is the plate's (height, width), or the one of which it is a proxy: a side that
    the factor does not divide may have been rounded either way.
    """
    full = all(abs(side - proxy * small) < proxy for side, small in zip(size, plate, strict=True))
    return tuple(size) == plate or full


def _of_proxy(proxy: int) -> str:
    return "" if proxy == 1 else f" or {proxy} times as large"


def _name_planes(path: Path, count: int, elements: tuple[str, ...] | None) -> tuple[str, ...]:
    if elements is None:
        return tuple(f"element{number}" for number in range(1, count + 1))
    if len(elements) != count:
        raise UsageError(
            f"the mask {path} holds {count} element{'s' * (count > 1)}, expected "
            f"{len(elements)}: {', '.join(elements)}"
        )
    return element_names(elements)
