"""The pixels of a mask as planes: one soft matte, or one plane for each label or colour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray, MaskModeError

MATTES_BELOW = 2.0
"""A filter overshoots 1 by less than this; label numbers and 0 to 255 reach it."""

_MOST_ELEMENTS = 64
_LABEL = "label"
_FAINT = 32 / 255  # label numbers stay below this, mattes of visible elements do not
_LARGEST = {
    "uint8": 255,
    "int8": 127,
    "uint16": 65535,
    "int16": 32767,
    "uint": 4294967295,
    "int": 2147483647,
}
"""What OpenImageIO's integer types read as 1."""


@dataclass(frozen=True)
class MaskPlanes:
    """The planes [K, H, W] of a file, as large as that is, and what told them apart there: `label
    2` or `colour #00ff00`; a soft matte has no such marks.
    """

    planes: FloatArray
    marks: tuple[str, ...] = ()


def labels_in(marks: Iterable[str]) -> tuple[int, ...]:
    """Return the label numbers among the marks of planes."""
    parts = [mark.split(" ") for mark in marks]
    return tuple(int(number) for kind, number in parts if kind == _LABEL)


def check_matte(path: Path, pixels: FloatArray, pixel_type: str) -> None:
    """Raise MaskModeError if a matte's values look like label numbers."""
    largest, most = _LARGEST.get(pixel_type), float(pixels.max())
    if largest is not None and 0 < most < _FAINT:
        raise MaskModeError(
            f"no pixel of the mask {path} is above {round(most * largest)} of {largest}: read it "
            "as labels if these are label numbers, as a matte if it is one",
            ("labels", "matte"),
        )
    if largest is None and most >= MATTES_BELOW:
        raise MaskModeError(
            f"the mask {path} has values up to {most:g}, a matte has 0 to 1: read it as labels if "
            "these are label numbers, as a matte if all above 1 counts as 1",
            ("labels", "matte"),
        )


def soft_plane(pixels: FloatArray) -> MaskPlanes:
    """Return one plane [1, H, W] in 0..1: the largest of the channels of [H, W, C]."""
    return MaskPlanes(pixels.max(axis=2).clip(max=1)[None])


def label_numbers(path: Path, pixels: FloatArray, pixel_type: str) -> NDArray[Any]:
    """Return the labels [H, W] of an image's pixels [H, W, C], integers that were read as 0..1.

    Raises MaskModeError if they are no whole numbers.
    """
    scaled = pixels * np.float64(_LARGEST.get(pixel_type, 1))
    whole = np.rint(scaled)
    if np.ptp(pixels, axis=2).any() or np.abs(scaled - whole).max() > 0.01:
        raise MaskModeError(
            f"the mask {path} holds no label numbers: expected an indexed PNG or one channel of "
            "integers; read it as colours or as a matte",
            ("colours", "matte"),
        )
    numbers: NDArray[Any] = whole[..., 0].astype(np.int64)
    return numbers


def planes_of_labels(path: Path, numbers: NDArray[Any]) -> MaskPlanes:
    """Return a plane of 0 and 1 for each label of [H, W] except 0, ascending. Raises InputError for
    none, or too many.
    """
    return _split(path, numbers, lambda number: f"{_LABEL} {number}")


def planes_of_colours(path: Path, pixels: FloatArray) -> MaskPlanes:
    """Return a plane of 0 and 1 for each colour of [H, W, C] except black, by blue, then green,
    then red. Raises InputError for none, or too many.
    """
    pixels = pixels.clip(max=1)
    red, green, blue = np.rint(np.broadcast_to(pixels, (*pixels.shape[:2], 3)) * 255).T.astype(int)
    return _split(path, (blue << 16 | green << 8 | red).T, _colour)


def _split(path: Path, numbers: NDArray[Any], mark: Callable[[int], str]) -> MaskPlanes:
    """Split into planes [K, H, W] of 0 and 1, one for each number except 0, ascending."""
    kinds = np.unique(numbers)
    kinds = kinds[kinds != 0]
    if len(kinds) > _MOST_ELEMENTS:
        raise MaskModeError(
            f"the mask {path} holds {len(kinds)} different colours or labels, at most "
            f"{_MOST_ELEMENTS} are possible: read it as a matte if its edges are soft, else as "
            "labels",
            ("matte", "labels"),
        )
    if len(kinds) == 0:
        raise InputError(f"the mask {path} is empty: no pixel is above 0")
    planes: FloatArray = (numbers[None] == kinds[:, None, None]).astype(np.float32)
    return MaskPlanes(planes, tuple(mark(int(number)) for number in kinds))


def _colour(number: int) -> str:
    red, green, blue = number & 255, number >> 8 & 255, number >> 16
    return f"colour #{red:02x}{green:02x}{blue:02x}"
