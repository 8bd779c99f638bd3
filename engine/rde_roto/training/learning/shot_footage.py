"""The truths of a shot as footage, from which training draws its clips and composites."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.footage.sets import Footage, FootageSet, StillSet, VideoSet
from rde_roto.training.learning.lesson_data import LessonData, Truth

_THRESHOLD = 0.5

_CROP_SCALE = 2.5
"""Side of a clip's crop, relative to the elements' longer side."""

_MIN_SIDE_PX, _MAX_SIDE_PX = 128, 288
"""Limits of the side of a clip's frames, at the working size of tracking."""

_MIN_COVERAGE = 0.04
"""Least share of the crop that an element covers; around a smaller one the crop is tighter."""

_STRIDE = 16


@dataclass(frozen=True, eq=False)
class LoadedFootage:
    """Footage in RAM: frames of one size, with labels if they are known."""

    name: str
    pictures: tuple[Tensor, ...]
    masks: tuple[Tensor, ...] = ()

    @property
    def has_labels(self) -> bool:
        return bool(self.masks)

    def __len__(self) -> int:
        return len(self.pictures)

    def frame(self, index: int) -> Tensor:
        """Return uint8 [3, H, W] RGB."""
        return self.pictures[index]

    def labels(self, index: int) -> Tensor:
        """Return uint8 [H, W], 0 the background."""
        return self.masks[index]

    def alpha(self, index: int) -> Tensor | None:
        """Return None: at a soft edge the plate's colours include the background's."""
        return None


@dataclass(frozen=True)
class ShotFootage:
    """The footage of a shot, and the side of square frames that suits its elements."""

    footage: FootageSet
    size_px: int


def shot_footage(
    data: LessonData, check_cancelled: Callable[[], None] = lambda: None
) -> ShotFootage:
    """Make footage of the truths: elements and backgrounds as stills, all truths as one clip.

    An element that is partly hidden in a truth makes no still.

    Args: check_cancelled, called for each truth; raises to stop.
    """
    whole = []
    for truth in data.truths:
        check_cancelled()
        whole.append(_whole(data, truth))
    subjects: list[Footage] = []
    backgrounds: list[Footage] = []
    sides = []
    for truth, (picture, labels) in zip(data.truths, whole, strict=True):
        name = f"frame {truth.frame}"
        backgrounds.append(LoadedFootage(name, (_filled(picture, labels > 0),)))
        for label in filter(None, labels.unique().tolist()):
            if not data.is_whole(truth, label - 1):
                continue
            mask = (labels == label).to(torch.uint8)
            sides.append(_side(mask))
            rows, columns = _around(mask, sides[-1])
            still = LoadedFootage(name, (picture[:, rows, columns],), (mask[rows, columns],))
            subjects.append(still)
    videos = (VideoSet((_pairs(whole),), 1.0, 1.0),) if len(whole) > 1 else ()
    size = sorted(sides)[len(sides) // 2]
    size_px = min(max(size, _MIN_SIDE_PX), _MAX_SIDE_PX) // _STRIDE * _STRIDE
    stills = (StillSet(tuple(subjects), 1.0),)
    grounds = (StillSet(tuple(backgrounds), 1.0),)
    return ShotFootage(FootageSet(videos, stills, stills, grounds), size_px)


def _pairs(whole: Sequence[tuple[Tensor, Tensor]]) -> Footage:
    """Return the truths as one clip, each cropped around its elements, as in tracking."""
    side = max(_side(labels > 0) for _, labels in whole)
    parts = [_around(labels > 0, side) for _, labels in whole]
    seen = list(zip(whole, parts, strict=True))
    return LoadedFootage(
        "truths",
        tuple(picture[:, rows, columns] for (picture, _), (rows, columns) in seen),
        tuple(labels[rows, columns] for (_, labels), (rows, columns) in seen),
    )


def _whole(data: LessonData, truth: Truth) -> tuple[Tensor, Tensor]:
    """Return a truth as the tracker sees it: uint8 [3, h, w], and its labels [h, w]."""
    geometry = data.tracking_geometry(truth)
    most, element = data.planes(truth, geometry).max(dim=0)
    labels = torch.where(most >= _THRESHOLD, element + 1, 0).to(torch.uint8)
    return (data.picture(truth.frame, geometry) * 255).round().to(torch.uint8), labels


def _side(mask: Tensor) -> int:
    """Return the side of a square with room to move; a thin element gets a tighter one."""
    places = mask.nonzero()
    if not len(places):
        return _MIN_SIDE_PX
    long = int((places.amax(dim=0) - places.amin(dim=0)).max()) + 1
    thin = math.sqrt(len(places) / _MIN_COVERAGE)
    return max(_STRIDE, round(min(max(_MIN_SIDE_PX, _CROP_SCALE * long), thin)))


def _around(mask: Tensor, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of a square of this side, within the picture.

    Its centre is the element's own pixel nearest to its middle, or the picture's middle if there
    is no element.
    """
    height, width = mask.shape
    places = mask.nonzero().float()
    if not len(places):
        places = torch.tensor([[height / 2, width / 2]])
    middle = (places.amin(dim=0) + places.amax(dim=0)) / 2
    y, x = places[(places - middle).square().sum(dim=1).argmin()].int().tolist()
    return _within(y, side, height), _within(x, side, width)


def _within(middle: int, side: int, length: int) -> slice:
    begin = min(max(0, middle - side // 2), max(0, length - side))
    return slice(begin, min(length, begin + side))


def _filled(picture: Tensor, hole: Tensor) -> Tensor:
    """Fill the hole [h, w] of a uint8 picture [3, h, w] with a blur of what surrounds it.

    Pyramid of means: each level fills what the finer one could not.
    """
    known = F.max_pool2d(hole[None, None].float(), 5, stride=1, padding=2)[0] == 0
    levels = [(picture.float() * known, known.float())]
    while min(levels[-1][1].shape[1:]) > 1:
        colour, weight = levels[-1]
        half = F.avg_pool2d(colour, 2, ceil_mode=True), F.avg_pool2d(weight, 2, ceil_mode=True)
        levels.append(half)
    filled = levels[-1][0] / levels[-1][1].clamp(min=1e-6)
    for colour, weight in reversed(levels[:-1]):
        coarse = F.interpolate(filled[None], colour.shape[1:], mode="bilinear")[0]
        filled = torch.where(weight > 0, colour / weight.clamp(min=1e-6), coarse)
    return filled.round().clamp(0, 255).to(torch.uint8)
