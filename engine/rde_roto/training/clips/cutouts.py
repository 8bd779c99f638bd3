"""Cut-outs and backgrounds for composites, from photographs or noise.

A cut-out is premultiplied RGBA, float32 [T, 4, h, w]; T is 1 if it keeps its shape, else the number
of frames of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.augment import reduced
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.footage.sets import Footage, StillSet

_LEAST_SHARE = 0.02
"""The share of a photograph that a subject must cover."""

_MARGIN = 0.15
"""Empty margin around a subject, as a share of its size, so that it can bend."""

_SHARPNESS = 1.25
"""Pixels of a cut-out for each pixel on which it is shown."""

_TRIES = 100


def pick_still(sets: Sequence[StillSet], random: RandomSource) -> Footage:
    """Pick a still from one of the sets, according to their weights."""
    return random.pick(random.pick(sets, [a_set.weight for a_set in sets]).stills)


def subject(
    sets: Sequence[StillSet], long_px: float, device: torch.device, random: RandomSource
) -> Tensor:
    """Cut one object out of a photograph: [1, 4, h, w], at most a little larger than it is shown.

    The edge is that of the picture's own alpha, if it has one.
    """
    still, label = _pick_subject(sets, random)
    return _cut_out(still, [0], label, long_px, device)


def moving_subject(
    clip: Footage,
    indices: Sequence[int],
    long_px: float,
    device: torch.device,
    random: RandomSource,
) -> Tensor | None:
    """Cut one moving object out of a clip, like ``subject``: [T, 4, h, w].

    None if the first of the frames has no object that is large enough.
    """
    large = _large_labels(clip.labels(indices[0]))
    return _cut_out(clip, indices, random.pick(large), long_px, device) if large else None


def _cut_out(
    footage: Footage, indices: Sequence[int], label: int, long_px: float, device: torch.device
) -> Tensor:
    """Cut an object out of some frames, cropped to its extent over all of them: [T, 4, h, w].

    If only labels are known, the edge is moved inwards by a pixel, away from the background's
    colours, and softened.
    """
    masks = torch.stack([footage.labels(index) == label for index in indices])
    (top, bottom), (left, right) = (_extent(masks.any(dim=0).any(dim=side)) for side in (1, 0))
    part = (..., slice(top, bottom), slice(left, right))
    pictures = torch.stack([footage.frame(index)[part] for index in indices]).to(device) / 255
    soft = [footage.alpha(index) for index in indices]
    if soft[0] is not None:
        alpha = torch.stack([a[part] for a in soft if a is not None])[:, None].to(device) / 255
    else:
        alpha = masks[part][:, None].to(device).float()
        alpha = (2 * F.avg_pool2d(F.pad(alpha, (1, 1, 1, 1)), 3, 1) - 1).clamp(min=0)
    cutout = torch.cat([pictures * alpha, alpha], dim=1)
    cutout = reduced(cutout, _SHARPNESS * long_px / max(cutout.shape[2:]))
    rim = 1 + int(_MARGIN * max(cutout.shape[2:]))
    return F.pad(cutout, (rim, rim, rim, rim))


def _pick_subject(sets: Sequence[StillSet], random: RandomSource) -> tuple[Footage, int]:
    """Pick a photograph and the label of one of its large objects, or else of its largest one."""
    for _ in range(_TRIES):
        still = pick_still(sets, random)
        labels = still.labels(0)
        large = _large_labels(labels)
        if large:
            return still, random.pick(large)
    return still, 1 + int(torch.bincount(labels.flatten(), minlength=2)[1:].argmax())


def _large_labels(labels: Tensor) -> list[int]:
    """The labels of objects that are large enough to be cut out."""
    areas = torch.bincount(labels.flatten(), minlength=2)[1:]
    places = (areas >= _LEAST_SHARE * labels.numel()).nonzero().flatten().tolist()
    return [1 + place for place in places]


def _extent(occupied: Tensor) -> tuple[int, int]:
    """The first occupied place and one past the last; everything if none is occupied."""
    places = occupied.nonzero().flatten().tolist() or [0, len(occupied) - 1]
    return places[0], places[-1] + 1


def board(surface: Tensor) -> Tensor:
    """Make a cut-out with straight edges from RGB [3, H, W]."""
    return F.pad(torch.cat([surface, torch.ones_like(surface[:1])]), (1, 1, 1, 1))[None]


def lump(surface: Tensor, random: RandomSource) -> Tensor:
    """Make a cut-out with an irregular round edge from a square RGB [3, H, H]."""
    side = surface.shape[1]
    line = torch.linspace(-1, 1, side, device=surface.device)
    radius = torch.hypot(line[:, None], line)
    uneven = 0.15 * _noise(1, 5, side, side, surface.device, random)[0]
    alpha = ((0.7 + uneven - radius) * side / 4).clamp(0, 1) * (radius < 1)
    return torch.cat([surface * alpha, alpha[None]])[None]


def texture(height: int, width: int, device: torch.device, random: RandomSource) -> Tensor:
    """Make a texture, RGB [3, H, W]: one colour, a gradient, and noise from coarse to fine."""
    colour = random.between(0.1, 0.9) + random.uniform(-0.15, 0.15, 3, 1, 1).to(device)
    layers = [colour + 0.08 * _noise(3, 2, height, width, device, random)]
    contrast = random.between(0.02, 0.15)
    for cells in (4, 9, 20, 45):
        grey = _noise(1, cells, height, width, device, random)
        tint = _noise(3, cells, height, width, device, random)
        layers.append(contrast * (grey + 0.4 * tint))
        contrast *= random.between(0.4, 1.1)
    return torch.stack([layer.expand(3, height, width) for layer in layers]).sum(dim=0).clamp(0, 1)


def _noise(
    planes: int, cells: int, height: int, width: int, device: torch.device, random: RandomSource
) -> Tensor:
    """Smooth noise [planes, H, W] around 0, with ``cells`` bumps along a side."""
    coarse = random.normals(1, 1, planes, cells, cells).to(device)
    return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[0]
