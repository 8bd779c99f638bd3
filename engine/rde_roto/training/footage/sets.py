"""Footage and sets of it, as the training sees them: no files, no folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Footage(Protocol):
    """Consecutive frames of one picture: a clip, or a still of length 1.

    Tensors are shared between callers: never write into them. Reading a frame raises InputError
    when its file is damaged or differs in size from the first.
    """

    @property
    def name(self) -> str:
        """The sequence's name, or ``FOLDER/PICTURE`` for a still."""

    @property
    def has_labels(self) -> bool:
        """False for a still without a mask, which is used as a background only."""

    def __len__(self) -> int:
        """The number of frames."""

    def frame(self, index: int) -> Tensor:
        """uint8 [3, H, W] RGB, planar"""

    def labels(self, index: int) -> Tensor:
        """uint8 [H, W], 0 the background; the numbers mean the same in all frames of a clip"""

    def alpha(self, index: int) -> Tensor | None:
        """uint8 [H, W], the coverage of the only subject; None if there are only labels"""


@dataclass(frozen=True)
class VideoSet:
    """The clips of one source; weight and jump_factor as in the recipe."""

    clips: tuple[Footage, ...]
    weight: float
    jump_factor: float


@dataclass(frozen=True)
class StillSet:
    """The stills of one source; weight is the relative probability of drawing from it."""

    stills: tuple[Footage, ...]
    weight: float


@dataclass(frozen=True)
class FootageSet:
    """All training data.

    videos: real footage with masks; subjects: photographs with masks; cutouts: those and pictures
    with alpha; backgrounds: all photographs; moving_cutouts: clips with alpha.
    """

    videos: tuple[VideoSet, ...]
    subjects: tuple[StillSet, ...]
    cutouts: tuple[StillSet, ...]
    backgrounds: tuple[StillSet, ...]
    moving_cutouts: tuple[VideoSet, ...] = ()
