"""Redraws the edges of a matte at plate resolution, guided by the plate.

The network's matte says how much of each cell an element covers, not where in the cell it lies. Two
constraints add that. A cell is the mean of its pixels, so the result must reproduce the network's
matte when it is reduced again: back-projection (Irani and Peleg, "Improving Resolution by Image
Registration", CVGIP 1991). And within a few pixels alpha is a linear function of the plate's
colour: the guided filter (He, Sun and Tang, "Guided Image Filtering", ECCV 2010), here with windows
weighted by how well their line fits.

Only tiles that contain an edge are processed, so time and memory depend on the edges, not on the
size of the plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.model.geometry import resized
from rde_roto.model.network_view import Picture

SOFT = 1 / 512
"""A matte closer to 0 or 1 than this counts as flat: half a code value of 8 bits."""

_SLIGHT_VARIANCE = 5e-3
"""Variance of alpha in a window: where it is lower, as in motion blur, a line would only fit the
grain, so alpha changes less and less."""
_TILE = 64
"""Cells of the network's matte."""
_MARGIN = 8
"""Cells around a tile that are processed with it, so that no seam shows: back-projection carries a
change about one cell per round and weakens it each time."""
_ROUNDS = 10
_LEAST_VARIANCE = 1e-4
"""Variance of the plate's view, 0..1: below it (a hundredth of the range) colour means nothing."""
_LEAST_MISFIT = 1e-3
"""Squared error of alpha: windows whose line fits better than this have equal weight."""


def redraw_edges(alpha: Tensor, cells: Tensor, plate: Picture) -> None:
    """Redraw the edges of a matte in place; flat areas keep every bit.

    An edge is where alpha is further than `SOFT` from 0 and 1, and one cell around. The result is
    in 0..1; elements whose cells add up to at most 1 do so at every pixel, up to rounding.

    Args:
        alpha: the cells enlarged bilinearly, float32 [K, H, W], 0..1.
        cells: the network's matte, float32 [K, h, w], 0..1; smaller in at least one dimension.
        plate: the plate frame, [H, W]; only tiles with an edge are read.
    """
    rows = _axis(alpha.shape[1], cells.shape[1])
    columns = _axis(alpha.shape[2], cells.shape[2])
    corners = product(range(0, rows.cells, _TILE), range(0, columns.cells, _TILE))
    for top, left in corners:
        down, across = rows.part(top), columns.part(left)
        tile_cells = cells[:, down.cells, across.cells]
        if not _with_edge(tile_cells).any():
            continue
        start = down.spread @ tile_cells @ across.spread.T
        reach = round(_scale(start, tile_cells))
        inside = (slice(None), down.inside, across.inside)
        is_edge = _near_soft(start, reach)[inside]
        if is_edge.any():  # not in the margin alone
            view = plate.within((down.pixels, across.pixels)).to_network_view()
            drawn = _draw_tile(start, tile_cells, view, down, across)
            target = alpha[:, down.core, across.core]
            target.copy_(torch.where(is_edge, drawn[inside], target))


def follow_colours(alpha: Tensor, view: Tensor, radius_px: int) -> Tensor:
    """Return a matte whose edges follow the plate's colours, float32 [H, W], 0..1.

    Unlike `redraw_edges` it may change how much is covered: hair and blur appear around an edge
    that was drawn hard.

    Args:
        alpha: float32 [H, W], 0..1.
        view: the plate as the network sees it, float32 [H, W, 3].
        radius_px: how far an edge may reach; the wider, the softer where colours are alike.
    """
    return _Guide(view.permute(2, 0, 1).contiguous(), radius_px).follow(alpha)


@dataclass(frozen=True, eq=False)
class _Part:
    """A tile along one axis: its cells and pixels with the margin, and its core."""

    cells: slice
    pixels: slice
    core: slice
    """The tile without its margin, in pixels of the picture."""
    inside: slice
    """The core, counted from the first of ``pixels``."""
    mean: Tensor
    """[cells, pixels]: each row averages over a cell."""
    spread: Tensor
    """[pixels, cells]: linear interpolation."""


@dataclass(frozen=True, eq=False)
class _Axis:
    """Conversion from pixels to cells and back along one axis."""

    pixels: int
    cells: int
    mean: Tensor
    spread: Tensor

    def part(self, first: int) -> _Part:
        """The tile whose core begins at the cell ``first``."""
        last = min(first + _TILE, self.cells)
        low, high = max(0, first - _MARGIN), min(last + _MARGIN, self.cells)
        start, stop = low * self.pixels // self.cells, -(-high * self.pixels // self.cells)
        core = slice(first * self.pixels // self.cells, last * self.pixels // self.cells)
        spread = self.spread[start:stop, low:high]
        return _Part(
            cells=slice(low, high),
            pixels=slice(start, stop),
            core=core,
            inside=slice(core.start - start, core.stop - start),
            mean=self.mean[low:high, start:stop],
            spread=spread / spread.sum(dim=1, keepdim=True),
        )


@lru_cache(maxsize=8)
def _axis(pixels: int, cells: int) -> _Axis:
    size = pixels / cells
    begin = torch.arange(cells, dtype=torch.float64)[:, None] * size
    at = torch.arange(pixels, dtype=torch.float64)[None]
    shared = (torch.minimum(begin + size, at + 1) - torch.maximum(begin, at)).clamp(min=0)
    spread = resized(torch.eye(cells)[None, None], (pixels, cells))[0, 0]
    return _Axis(pixels, cells, (shared / size).float(), spread)


def _with_edge(cells: Tensor) -> Tensor:
    """Which elements of a tile [K, h, w] are neither empty nor full: bool [K]."""
    return (cells.amax((1, 2)) > SOFT) & (cells.amin((1, 2)) < 1 - SOFT)


def _scale(pixels: Tensor, cells: Tensor) -> float:
    """How many pixels [..., H, W] a cell [..., h, w] is wide or high, whichever is more."""
    return max(pixels.shape[1] / cells.shape[1], pixels.shape[2] / cells.shape[2])


def _near_soft(alpha: Tensor, reach: int) -> Tensor:
    """Where alpha [K, H, W] is soft, and so many pixels around, as a bool mask."""
    is_soft = ((alpha > SOFT) & (alpha < 1 - SOFT)).float()
    tall = F.max_pool2d(is_soft, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return F.max_pool2d(tall, (1, 2 * reach + 1), stride=1, padding=(0, reach)) > 0


def _draw_tile(start: Tensor, cells: Tensor, view: Tensor, down: _Part, across: _Part) -> Tensor:
    """Redraw a tile from its linearly enlarged cells; returns all elements, float32 [K, H, W]."""
    drawn = start.clone()
    guide = _Guide(view.permute(2, 0, 1).contiguous(), radius=max(1, round(_scale(start, cells))))
    for place in _with_edge(cells).nonzero()[:, 0].tolist():
        sharp = _back_project(start[place], cells[place], down, across)
        drawn[place] = _back_project(guide.follow(sharp), cells[place], down, across)
    drawn /= drawn.sum(dim=0).clamp(min=1)
    return drawn


def _back_project(alpha: Tensor, cells: Tensor, down: _Part, across: _Part) -> Tensor:
    """Adjust alpha [H, W], 0..1, until its cell means nearly match the network's matte."""
    for _ in range(_ROUNDS):
        missing = cells - down.mean @ alpha @ across.mean.T
        alpha = (down.spread @ missing @ across.spread.T).add_(alpha).clamp_(0, 1)
    return alpha


def _products(planes: Tensor) -> Tensor:
    """The six distinct products of three planes [3, H, W]: 00, 01, 02, 11, 12, 22."""
    products = planes.new_empty(6, *planes.shape[1:])
    torch.mul(planes[0], planes, out=products[:3])
    torch.mul(planes[1], planes[1:], out=products[3:5])
    torch.mul(planes[2], planes[2], out=products[5])
    return products


class _Guide:
    """Fits alpha = a . colour + b in every window of a picture, float32 [3, H, W]."""

    def __init__(self, colour: Tensor, radius: int) -> None:
        self._colour = colour
        self._radius = radius
        self._mean = self._smooth(colour)
        # the six distinct entries of the symmetric covariance matrices and of their inverses
        covariance = self._smooth(_products(colour))
        covariance -= _products(self._mean)
        for variance in (covariance[0], covariance[3], covariance[5]):
            variance += _LEAST_VARIANCE
        rr, rg, rb, gg, gb, bb = covariance
        cofactors = torch.stack(
            [
                gg * bb - gb * gb,
                rb * gb - rg * bb,
                rg * gb - rb * gg,
                rr * bb - rb * rb,
                rg * rb - rr * gb,
                rr * gg - rg * rg,
            ]
        )
        self._inverse = cofactors / (rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2])

    def follow(self, alpha: Tensor) -> Tensor:
        """Make alpha [H, W] follow the picture's colours; the result is in 0..1."""
        mean, square = self._smooth(torch.stack([alpha, alpha * alpha]))
        shared = self._smooth(self._colour * alpha) - self._mean * mean
        rr, rg, rb, gg, gb, bb = self._inverse
        red, green, blue = shared
        slope = torch.stack(
            [
                rr * red + rg * green + rb * blue,
                rg * red + gg * green + gb * blue,
                rb * red + gb * green + bb * blue,
            ]
        )
        offset = mean - (slope * self._mean).sum(dim=0)
        variance = (square - mean * mean).clamp(min=0)
        misfit = (variance - (slope * shared).sum(dim=0)).clamp(min=0)
        weight = 1 / (misfit + _LEAST_MISFIT)
        fits = self._smooth(torch.cat([slope * weight, torch.stack([offset * weight, weight])]))
        line = ((fits[:3] * self._colour).sum(dim=0) + fits[3]) / fits[4]
        return torch.lerp(alpha, line, variance / (variance + _SLIGHT_VARIANCE)).clamp(0, 1)

    def _smooth(self, planes: Tensor) -> Tensor:
        """The mean over the window around each pixel, with the border repeated."""
        reach, width = self._radius, 2 * self._radius + 1
        height, length = planes.shape[-2:]
        planes = F.pad(planes, (reach, reach, reach, reach), mode="replicate")
        total = planes[:, :, :length].clone()
        for offset in range(1, width):
            total += planes[:, :, offset : offset + length]
        mean = total[:, :height].clone()
        for offset in range(1, width):
            mean += total[:, offset : offset + height]
        return mean.div_(width * width)
