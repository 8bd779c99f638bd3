"""The material as footage, for the clips and composites that all training draws from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.footage.readers import Footage, FootageSet, VideoSet
from rde_roto.training.learning.material import Material, Truth

_SEEN = 0.5

_ROOM = 2.5
"""A clip is made of what lies around the elements: so many times their longer side,"""

_LEAST_PX, _MOST_PX = 128, 288
"""and the side of its frames is within these, at the scale at which the tracker looks."""

_STRIDE = 16


@dataclass(frozen=True, eq=False)
class Frames:
    """Footage that lies in memory: frames of one size, and their labels where they are known."""

    name: str
    pictures: tuple[Tensor, ...]
    masks: tuple[Tensor, ...] = ()

    @property
    def has_labels(self) -> bool:
        return bool(self.masks)

    def __len__(self) -> int:
        return len(self.pictures)

    def frame(self, index: int) -> Tensor:
        """uint8 [3, H, W]"""
        return self.pictures[index]

    def labels(self, index: int) -> Tensor:
        """uint8 [H, W]: 0 the background, k + 1 the shot's element k"""
        return self.masks[index]


@dataclass(frozen=True)
class Scenery:
    """The footage of a shot, and the side of the square frames that fits its elements."""

    footage: FootageSet
    size_px: int


def scenery(material: Material) -> Scenery:
    """Stills of the truths, their pictures without the elements, and the truths as one clip."""
    whole = [_whole(material, truth) for truth in material.truths]
    sides = [_side(labels) for _, labels in whole]
    subjects: list[Footage] = []
    backgrounds: list[Footage] = []
    for truth, (picture, labels), side in zip(material.truths, whole, sides, strict=True):
        rows, columns = _around(labels, side)
        name = f"frame {truth.frame}"
        subjects.append(Frames(name, (picture[:, rows, columns],), (labels[rows, columns],)))
        backgrounds.append(Frames(name, (_filled(picture, labels > 0),)))
    videos: tuple[VideoSet, ...] = ()
    if len(whole) > 1:
        pictures, masks = zip(*whole, strict=True)
        videos = (VideoSet((Frames("truths", pictures, masks),), 1.0, 1.0),)
    size = sorted(sides)[len(sides) // 2]
    size_px = min(max(size, _LEAST_PX), _MOST_PX) // _STRIDE * _STRIDE
    return Scenery(FootageSet(videos, tuple(subjects), tuple(backgrounds)), size_px)


def _whole(material: Material, truth: Truth) -> tuple[Tensor, Tensor]:
    """A truth as the tracker looks at it: uint8 [3, h, w], and its labels [h, w]."""
    geometry = material.close(truth)
    most, element = material.planes(truth, geometry).max(dim=0)
    labels = torch.where(most >= _SEEN, element + 1, 0).to(torch.uint8)
    return (material.picture(truth.frame, geometry) * 255).round().to(torch.uint8), labels


def _box(labels: Tensor) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is labelled; of everything where nothing is."""
    rows = (labels > 0).any(dim=1).nonzero().flatten().tolist() or [0, labels.shape[0] - 1]
    columns = (labels > 0).any(dim=0).nonzero().flatten().tolist() or [0, labels.shape[1] - 1]
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _side(labels: Tensor) -> int:
    """The side of a square with room for the elements to move in."""
    top, bottom, left, right = _box(labels)
    return max(_LEAST_PX, round(_ROOM * max(bottom - top, right - left)))


def _around(labels: Tensor, side: int) -> tuple[slice, slice]:
    """Rows and columns of such a square about the elements, within the picture."""
    top, bottom, left, right = _box(labels)
    return (
        _within(top + bottom, side, labels.shape[0]),
        _within(left + right, side, labels.shape[1]),
    )


def _within(twice_middle: int, side: int, length: int) -> slice:
    begin = min(max(0, (twice_middle - side) // 2), max(0, length - side))
    return slice(begin, min(length, begin + side))


def _filled(picture: Tensor, hole: Tensor) -> Tensor:
    """A uint8 picture [3, h, w] whose hole [h, w] is filled with what lies around it, blurred.

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
