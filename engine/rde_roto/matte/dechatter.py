"""De-chatter: removes what a matte does for one frame only, while the picture does not.

A frame is compared with the previous and the next one, as they came from the network and never as
de-chattered, so nothing trails. Optical flow finds each pixel in both neighbours: Lucas and Kanade,
"An Iterative Image Registration Technique", IJCAI 1981, from coarse to fine. Where the picture
looks the same in both and the matte differs from both in the same direction, the matte is moved
towards them. A steady change, such as a passing edge, and whatever looks different keep every bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry, resized
from rde_roto.model.network_view import Picture

_ALIKE = 0.06
"""Root mean squared difference of the pictures, 0..1, in a patch of three by three: well above the
grain that is left at the network's size, below that of a displaced edge."""

_REACH = 2
"""Cells around a cell that share its motion."""
_LEVELS = 4
"""Levels of the pyramid, each half as large as the one before: finds motion of 8 to 16 cells."""
_LEAST_SIDE = 16
_ROUNDS = 2
_LEAST_SLOPE = 1e-4
"""Squared gradient of the picture per cell: where it is flatter the motion is unknown, and no step
is made."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A frame that another is compared with.

    Args:
        raw: the network's own matte, or the artist's mask.
        picture: the plate frame.
        exists: bool [K], which elements exist at this frame; the others are not compared.
    """

    raw: RawMatte
    picture: Picture
    exists: tuple[bool, ...]


@torch.inference_mode()
def dechattered(
    raw: RawMatte, picture: Picture, neighbours: Sequence[Neighbour], strength: float
) -> RawMatte:
    """Remove the chatter from a frame's matte; returns the same part of the plate.

    Args:
        raw: the network's own matte.
        picture: the plate frame.
        neighbours: the previous and the next frame, in either order.
        strength: 0 changes nothing; 1 goes half of the way to the mean of the neighbours, but no
            further than the nearer of them, which removes any alternation.

    Elements that add up to at most 1 still do.
    """
    geometry = raw.geometry
    own, view = geometry.unpadded(torch.from_numpy(raw.planes)), _view(picture, geometry)
    (one, trust), (two, other_trust) = (
        _compare_with(own, view, neighbour, geometry) for neighbour in neighbours
    )
    nearer = torch.minimum(one.abs(), two.abs())
    step = torch.where(one * two > 0, ((one + two) / 4).clamp(-nearer, nearer), 0)
    smoothed = own + strength * (trust * other_trust) * step
    most = own.sum(dim=0).clamp(min=1)  # rounding may leave a little more than 1
    planes = torch.from_numpy(raw.planes.copy())
    geometry.unpadded(planes).copy_(smoothed * (most / smoothed.sum(dim=0)).clamp(max=1))
    return RawMatte(planes.numpy(), geometry)


def _compare_with(
    own: Tensor, view: Tensor, other: Neighbour, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """How much each cell of a matte lies below the neighbour's, [K, h, w], and how well the
    pictures agree there, [1, h, w], 0..1.
    """
    other_matte = geometry.unpadded(torch.from_numpy(other.raw.within(geometry).planes))
    other_view = _view(other.picture, geometry)
    motion = _motion_to(view, other_view)
    aligned = _sample_at(torch.cat([other_view, other_matte[None]], dim=1), motion)[0]
    difference = _mean((aligned[:3] - view[0]).square().mean(dim=0, keepdim=True)[None], 1)[0]
    exists = torch.tensor(other.exists)[:, None, None]
    return (aligned[3:] - own) * exists, torch.exp(-difference / (2 * _ALIKE**2))


def _view(picture: Picture, geometry: Geometry) -> Tensor:
    """The network's view of a picture, [1, 3, h, w] at the working size."""
    seen = picture.within(geometry.part).to_network_view()
    return resized(seen.permute(2, 0, 1)[None], geometry.working)


def _motion_to(picture: Tensor, other: Tensor) -> Tensor:
    """Optical flow [1, 2, h, w]: how far right and down each cell lies in the other picture."""
    levels = [(picture, other)]
    while len(levels) < _LEVELS and min(levels[-1][0].shape[-2:]) >= 2 * _LEAST_SIDE:
        height, width = levels[-1][0].shape[-2:]
        half = height // 2, width // 2
        levels.append((resized(levels[-1][0], half), resized(levels[-1][1], half)))
    motion = torch.zeros(1, 2, *levels[-1][0].shape[-2:])
    for one, two in reversed(levels):
        height, width = one.shape[-2:]
        scale = torch.tensor([width / motion.shape[-1], height / motion.shape[-2]])
        enlarged = F.interpolate(motion, (height, width), mode="bilinear", align_corners=False)
        motion = _refine_motion(one, two, enlarged * scale[:, None, None])
    return motion


def _refine_motion(picture: Tensor, other: Tensor, motion: Tensor) -> Tensor:
    """Refine the motion by a few rounds of Lucas and Kanade, over all colours."""
    framed = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    across = (framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]) / 2
    down = (framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]) / 2
    products = [across * across, across * down, down * down]
    xx, xy, yy = _mean(torch.stack([p.sum(dim=1) for p in products], dim=1), _REACH).split(1, dim=1)
    xx, yy = xx + _LEAST_SLOPE, yy + _LEAST_SLOPE
    for _ in range(_ROUNDS):
        missing = picture - _sample_at(other, motion)
        shared = [(slope * missing).sum(dim=1) for slope in (across, down)]
        x, y = _mean(torch.stack(shared, dim=1), _REACH).split(1, dim=1)
        step = torch.cat([yy * x - xy * y, xx * y - xy * x], dim=1) / (xx * yy - xy * xy)
        motion = motion + step.clamp(-1, 1)
    return _mean(motion, 1)


def _sample_at(planes: Tensor, motion: Tensor) -> Tensor:
    """Sample planes where the motion leads, with the border repeated."""
    height, width = planes.shape[-2:]
    x = torch.arange(width) + motion[:, 0]
    y = torch.arange(height)[:, None] + motion[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def _mean(planes: Tensor, reach: int) -> Tensor:
    """The mean over the square around each cell, with the border repeated."""
    framed = F.pad(planes, (reach,) * 4, mode="replicate")
    return F.avg_pool2d(framed, 2 * reach + 1, stride=1)
