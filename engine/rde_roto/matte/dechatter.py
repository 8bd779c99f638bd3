"""De-chatter: what a matte does for one frame alone while the picture goes on is taken out of it.

A frame is set beside the one before and the one behind, as they came from the network: never beside
what was de-chattered already, so nothing trails. The picture says where each of its places lies in
either: Lucas and Kanade, "An Iterative Image Registration Technique", IJCAI 1981, from coarse to
fine. Where it looks alike in both, and the matte stands out from both in the same direction, it is
drawn towards them. What changes in one direction all the while, as an edge that passes by does, or
what no longer looks alike, keeps its every bit.
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
grain that is left at the network's size, below what an edge makes that lies elsewhere."""

_REACH = 2
"""Cells around a place whose motion is its own."""
_LEVELS = 4
"""Each half as large as the one before: motion of eight times a cell or two is found."""
_LEAST_SIDE = 16
_ROUNDS = 2
_LEAST_SLOPE = 1e-4
"""Squared, of the picture a cell: where it is flatter, nothing is known of its motion, and no step
is made."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A frame that another is set beside.

    Args:
        raw: the network's own matte, or the artist's mask.
        picture: the plate.
        exists: bool [K], which elements there are at this frame: of others it says nothing.
    """

    raw: RawMatte
    picture: Picture
    exists: tuple[bool, ...]


@torch.inference_mode()
def steadied(
    raw: RawMatte, picture: Picture, neighbours: Sequence[Neighbour], strength: float
) -> RawMatte:
    """A frame's matte without its chatter, at the same part of the plate.

    Args:
        raw: the network's own matte.
        picture: the plate, as of a neighbour.
        neighbours: the frame before and the one behind, in either order.
        strength: 0 leaves the matte as it is; at 1 it goes half of the way to the mean of the
            neighbours, but no further than the nearer of them: what alternates is gone then.

    Elements that added up to 1 at most still do.
    """
    geometry = raw.geometry
    own, view = geometry.unpadded(torch.from_numpy(raw.planes)), _view(picture, geometry)
    (one, trust), (two, other_trust) = (
        _compared(own, view, neighbour, geometry) for neighbour in neighbours
    )
    nearer = torch.minimum(one.abs(), two.abs())
    way = torch.where(one * two > 0, ((one + two) / 4).clamp(-nearer, nearer), 0)
    drawn = own + strength * (trust * other_trust) * way
    most = own.sum(dim=0).clamp(min=1)  # rounding may leave a little more than 1
    planes = torch.from_numpy(raw.planes.copy())
    geometry.unpadded(planes).copy_(drawn * (most / drawn.sum(dim=0)).clamp(max=1))
    return RawMatte(planes.numpy(), geometry)


def _compared(
    own: Tensor, view: Tensor, other: Neighbour, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """What each place of a matte lacks of a neighbour's, [K, h, w], and how far the pictures agree
    there that it is the same place, [1, h, w], 0..1.
    """
    theirs = geometry.unpadded(torch.from_numpy(other.raw.within(geometry).planes))
    beside = _view(other.picture, geometry)
    place = _followed(view, beside)
    moved = _taken(torch.cat([beside, theirs[None]], dim=1), place)[0]
    unlike = _mean((moved[:3] - view[0]).square().mean(dim=0, keepdim=True)[None], 1)[0]
    exists = torch.tensor(other.exists)[:, None, None]
    return (moved[3:] - own) * exists, torch.exp(-unlike / (2 * _ALIKE**2))


def _view(picture: Picture, geometry: Geometry) -> Tensor:
    """What the network sees of a picture, [1, 3, h, w] at the working size."""
    seen = picture.within(geometry.part).to_network_view()
    return resized(seen.permute(2, 0, 1)[None], geometry.working)


def _followed(picture: Tensor, other: Tensor) -> Tensor:
    """[1, 2, h, w]: how far right and down each place of a picture lies in the other. Cells."""
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
        motion = _nearer(one, two, enlarged * scale[:, None, None])
    return motion


def _nearer(picture: Tensor, other: Tensor, motion: Tensor) -> Tensor:
    """The motion after a few rounds of Lucas and Kanade, all colours together."""
    framed = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    across = (framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]) / 2
    down = (framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]) / 2
    products = [across * across, across * down, down * down]
    xx, xy, yy = _mean(torch.stack([p.sum(dim=1) for p in products], dim=1), _REACH).split(1, dim=1)
    xx, yy = xx + _LEAST_SLOPE, yy + _LEAST_SLOPE
    for _ in range(_ROUNDS):
        missing = picture - _taken(other, motion)
        shared = [(slope * missing).sum(dim=1) for slope in (across, down)]
        x, y = _mean(torch.stack(shared, dim=1), _REACH).split(1, dim=1)
        step = torch.cat([yy * x - xy * y, xx * y - xy * x], dim=1) / (xx * yy - xy * xy)
        motion = motion + step.clamp(-1, 1)
    return _mean(motion, 1)


def _taken(planes: Tensor, motion: Tensor) -> Tensor:
    """What lies where each place has gone, the border repeated."""
    height, width = planes.shape[-2:]
    x = torch.arange(width) + motion[:, 0]
    y = torch.arange(height)[:, None] + motion[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def _mean(planes: Tensor, reach: int) -> Tensor:
    """Over the square about each place, the border repeated."""
    framed = F.pad(planes, (reach,) * 4, mode="replicate")
    return F.avg_pool2d(framed, 2 * reach + 1, stride=1)
