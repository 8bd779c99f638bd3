"""Cut-outs and backgrounds for composites: from photographs, or out of noise.

A cut-out is float32 [T, 4, h, w]: RGB multiplied by alpha, and alpha; T is 1 where it keeps its
shape, else the frames of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.augment import reduced
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.footage.readers import Footage, StillSet

_LEAST_SHARE = 0.02
"""Of a photograph, that a subject must cover."""

_MARGIN = 0.15
"""Empty room round a subject, in its sizes, so that it can bend."""

_SHARPNESS = 1.25
"""Pixels of a cut-out for each pixel it is shown on."""

_TRIES = 100


def picked(sets: Sequence[StillSet], draws: RandomSource) -> Footage:
    """A still of one of the sets, which come as often as they weigh."""
    return draws.pick(draws.pick(sets, [a_set.weight for a_set in sets]).stills)


def subject(
    sets: Sequence[StillSet], long_px: float, device: torch.device, draws: RandomSource
) -> Tensor:
    """One object of a photograph [1, 4, h, w], not much longer than it is shown; perhaps shorter.

    The edge is that of the picture's own alpha where there is one.
    """
    still, label = _chosen(sets, draws)
    return _cut_out(still, [0], label, long_px, device)


def moving_subject(
    clip: Footage, indices: Sequence[int], long_px: float, device: torch.device, draws: RandomSource
) -> Tensor | None:
    """One object of a clip as it moves from frame to frame, as ``subject``: [T, 4, h, w].

    None where the first of the frames shows none that is large enough.
    """
    large = _large(clip.labels(indices[0]))
    return _cut_out(clip, indices, draws.pick(large), long_px, device) if large else None


def _cut_out(
    footage: Footage, indices: Sequence[int], label: int, long_px: float, device: torch.device
) -> Tensor:
    """An object in some frames, in what it fills in all of them: [T, 4, h, w].

    An edge that is known by labels alone is drawn in by a pixel, away from the colours behind it,
    and softened.
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


def _chosen(sets: Sequence[StillSet], draws: RandomSource) -> tuple[Footage, int]:
    """A photograph and the label of one of its larger objects, else of its largest."""
    for _ in range(_TRIES):
        still = picked(sets, draws)
        labels = still.labels(0)
        large = _large(labels)
        if large:
            return still, draws.pick(large)
    return still, 1 + int(torch.bincount(labels.flatten(), minlength=2)[1:].argmax())


def _large(labels: Tensor) -> list[int]:
    """The labels of the objects that are large enough to be cut out."""
    areas = torch.bincount(labels.flatten(), minlength=2)[1:]
    places = (areas >= _LEAST_SHARE * labels.numel()).nonzero().flatten().tolist()
    return [1 + place for place in places]


def _extent(occupied: Tensor) -> tuple[int, int]:
    """First place and one past the last; everything where none is occupied."""
    places = occupied.nonzero().flatten().tolist() or [0, len(occupied) - 1]
    return places[0], places[-1] + 1


def board(surface: Tensor) -> Tensor:
    """A cut-out with straight edges, of RGB [3, H, W]."""
    return F.pad(torch.cat([surface, torch.ones_like(surface[:1])]), (1, 1, 1, 1))[None]


def lump(surface: Tensor, draws: RandomSource) -> Tensor:
    """A cut-out with an uneven round edge, of a square RGB [3, H, H]."""
    side = surface.shape[1]
    line = torch.linspace(-1, 1, side, device=surface.device)
    radius = torch.hypot(line[:, None], line)
    uneven = 0.15 * _noise(1, 5, side, side, surface.device, draws)[0]
    alpha = ((0.7 + uneven - radius) * side / 4).clamp(0, 1) * (radius < 1)
    return torch.cat([surface * alpha, alpha[None]])[None]


def texture(height: int, width: int, device: torch.device, draws: RandomSource) -> Tensor:
    """RGB [3, H, W]: one colour, a gradient, and noise from coarse to fine."""
    colour = draws.between(0.1, 0.9) + draws.uniform(-0.15, 0.15, 3, 1, 1).to(device)
    layers = [colour + 0.08 * _noise(3, 2, height, width, device, draws)]
    contrast = draws.between(0.02, 0.15)
    for cells in (4, 9, 20, 45):
        grey = _noise(1, cells, height, width, device, draws)
        tint = _noise(3, cells, height, width, device, draws)
        layers.append(contrast * (grey + 0.4 * tint))
        contrast *= draws.between(0.4, 1.1)
    return torch.stack([layer.expand(3, height, width) for layer in layers]).sum(dim=0).clamp(0, 1)


def _noise(
    planes: int, cells: int, height: int, width: int, device: torch.device, draws: RandomSource
) -> Tensor:
    """Smooth noise [planes, H, W] round 0, with that many bumps along a side."""
    coarse = draws.normals(1, 1, planes, cells, cells).to(device)
    return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[0]
