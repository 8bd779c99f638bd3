"""A matte: the alpha of every element at one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.errors import InputError

FloatArray: TypeAlias = NDArray[np.float32]
Floating = TypeVar("Floating", bound=np.floating)
HalfOrFloatArray: TypeAlias = NDArray[np.float16 | np.float32]

MaskMode: TypeAlias = Literal["auto", "labels", "colours", "matte"]
"""How to read a mask file; see `images.masks.read_mask`."""


class MaskModeError(InputError):
    """A mask that could be read in several ways: `modes`, the likeliest first."""

    def __init__(self, sentence: str, modes: tuple[MaskMode, ...]) -> None:
        super().__init__(sentence, keys=("mask_as",))
        self.modes = modes


def check_unit_range(alpha: NDArray[np.floating], expected: str) -> None:
    """Raise InputError for an alpha with values outside 0..1, or NaN; `expected` begins it."""
    if alpha.size and not (alpha.min() >= 0 and alpha.max() <= 1):  # NaN compares as False
        raise InputError(f"{expected}, its values go from {alpha.min():g} to {alpha.max():g}")


@dataclass(frozen=True, eq=False)
class Matte:
    """The delivered matte of one frame.

    `frame` is the plate's frame number. `alpha` is float32 [K, H, W] in 0..1, row 0 on top, the
    plate's data window, one plane per element (no background) in the order of `elements`. `digest`
    covers everything that the pixels were made from. Raises ValueError when the numbers of planes
    and names differ.
    """

    frame: int
    alpha: FloatArray
    elements: tuple[str, ...]
    digest: str

    def __post_init__(self) -> None:
        if self.alpha.ndim != 3 or len(self.alpha) != len(self.elements):
            raise ValueError(
                f"expected alpha [{len(self.elements)}, H, W] for the elements "
                f"{', '.join(self.elements)}, got {list(self.alpha.shape)}"
            )
