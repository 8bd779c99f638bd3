"""Redraws the edges of a matte at plate resolution, guided by the plate.

The network's matte says how much of each cell an element covers, not where in the cell it lies. Two
constraints add that. A cell is the mean of its pixels, so the result must reproduce the network's
matte when it is reduced again: back-projection (Irani and Peleg, "Improving Resolution by Image
Registration", CVGIP 1991). And within a few pixels alpha is a linear function of the plate's
colour: the guided filter.

Only small tiles along the edges are processed, so time and memory depend on the length of the
edges, not on the size of the plate. All tiles have one shape, so several are processed at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.matte.edge_clues import clues, reach_px, surroundings
from rde_roto.matte.guided_filter import Guide, over_window
from rde_roto.model.devices import CPU, to_device
from rde_roto.model.geometry import resized
from rde_roto.model.network_view import Picture
from rde_roto.net.edge_net import EdgeNet

SOFT = 1 / 512
"""A matte closer to 0 or 1 than this counts as flat: half a code value of 8 bits."""

_TILE = 24
"""Cells of the network's matte."""
_MARGIN = 4
"""Cells around a tile that are processed with it, so that no seam shows: back-projection carries a
change about one cell per round and weakens it each time. With a margin of 20 no pixel of a 2K frame
of the demo shot differs by more than 0.0006, a sixth of a code value of 8 bits."""
_SMALL_CELL_PX = 1.3
_MARGIN_OF_SMALL = 8
"""The margin for cells that are hardly larger than pixels, also along one axis alone, as of a
squeezed plate: there each round mixes neighbours, and a change weakens more slowly."""
_AROUND = 3
"""Cells around a tile in which an edge may lie that changes pixels of the tile: one for the pixels
next to an edge, one for the interpolation between cells, one for what is rounded."""
_PIXELS_AT_ONCE = 1 << 16
"""Pixels of the tiles that are processed together: intermediate results stay in the CPU's cache."""
_PIXELS_AT_ONCE_ELSEWHERE = 1 << 18
"""The same on another device, where each operation has to be worth its start."""
_ROUNDS = 10
_LEAST_SHARE = 1e-6
"""A pixel just outside a tile's cells has no share of any of them: it becomes 0, not NaN."""


def redraw_edges(
    alpha: Tensor, cells: Tensor, plate: Picture, learned: EdgeNet | None = None
) -> None:
    """Redraw the edges of a matte in place; flat areas keep every bit.

    An edge is where alpha is further than `SOFT` from 0 and 1, and one cell around. The result is
    in 0..1; elements whose cells add up to at most 1 do so at every pixel, up to rounding.

    Args:
        alpha: the cells enlarged bilinearly, float32 [K, H, W], 0..1; on its device the edges are
            drawn.
        cells: the network's matte on the CPU, float32 [K, h, w], 0..1; smaller in at least one
            dimension.
        plate: the plate frame, [H, W]; only tiles with an edge are read, all of it with a network.
        learned: corrects what was drawn after the plate; on alpha's device.
    """
    for tiles in edge_tiles(cells, plate, alpha.device, with_clues=learned is not None):
        drawn = tiles.drawn if learned is None else tiles.corrected(learned)
        drawn /= drawn.sum(dim=1, keepdim=True).clamp(min=1)
        for (one, two), new, changes in zip(tiles.parts, drawn, tiles.changes, strict=True):
            target, inside = alpha[:, one.core, two.core], (slice(None), one.inside, two.inside)
            target.copy_(torch.where(changes[inside], new[inside], target))


@dataclass(frozen=True, eq=False)
class EdgeTiles:
    """Some tiles along the edges of a matte of K elements, drawn after the plate.

    parts: where each of the N tiles lies, down and across. drawn: the matte, [N, K, H, W]. changes:
    which pixels may change, bool. pairs: the tiles and elements that have an edge, two times int
    [M]. clues: for the edge network, [M, CLUES, H, W], if asked.
    """

    parts: list[tuple[_Tile, _Tile]]
    drawn: Tensor
    changes: Tensor
    pairs: tuple[Tensor, Tensor]
    clues: Tensor | None = None

    def corrected(self, learned: EdgeNet) -> Tensor:
        """Return what is drawn after the plate, corrected by a network in the tiles' cores:
        [N, K, H, W].
        """
        assert self.clues is not None
        drawn, (height, width) = self.drawn.clone(), self.drawn.shape[2:]
        down = _around_cores([one.inside for one, _ in self.parts], height, learned.reach_px)
        across = _around_cores([two.inside for _, two in self.parts], width, learned.reach_px)
        places = list(zip(*(each.tolist() for each in self.pairs), strict=True))
        seen = [
            clues[:, down[n], across[n]] for clues, (n, _) in zip(self.clues, places, strict=True)
        ]
        for correction, (n, k) in zip(learned(torch.stack(seen)), places, strict=True):
            drawn[n, k, down[n], across[n]] += correction
        return drawn.clamp_(0, 1)


def _around_cores(cores: list[slice], length: int, reach: int) -> list[slice]:
    """What a network has to see of an axis to correct the cores: as many pixels for each."""
    side = min(length, max(core.stop - core.start for core in cores) + 2 * reach)
    firsts = (min(max(0, core.start - reach), length - side) for core in cores)
    return [slice(first, first + side) for first in firsts]


def edge_tiles(
    cells: Tensor, plate: Picture, device: torch.device, with_clues: bool = False
) -> Iterator[EdgeTiles]:
    """Draw the tiles along a matte's edges after the plate, some at a time.

    Args: as of `redraw_edges`; with_clues, whether a network is going to correct them.
    """
    shape = plate.pixels.shape[:2]
    scales = [pixels / count for pixels, count in zip(shape, cells.shape[1:], strict=True)]
    scale = max(scales)
    more = math.ceil(reach_px(scale) / min(scales)) if with_clues else 0
    rows = _axis(shape[0], cells.shape[1], _TILE, device, more)
    columns = _axis(shape[1], cells.shape[2], _TILE, device, more)
    has_edge = _tiles_with_edge(cells)
    tiles = has_edge.any(dim=0).nonzero()
    if not len(tiles):
        return
    around = _surroundings(cells, plate, device) if with_clues else None
    most = _PIXELS_AT_ONCE if device == CPU else _PIXELS_AT_ONCE_ELSEWHERE
    at_once = max(1, most // (rows.tile_pixels * columns.tile_pixels))
    for some in tiles.split(at_once):
        down, across = rows.at(some[:, 0]), columns.at(some[:, 1])
        parts = list(zip(down.tiles, across.tiles, strict=True))
        stacked = torch.stack([cells[:, one.cells, two.cells] for one, two in parts])
        tile_cells = to_device(stacked, device)
        pictures = (plate.within((one.pixels, two.pixels)) for one, two in parts)
        views = [picture.to_network_view(device) for picture in pictures]
        start = down.spread[:, None] @ tile_cells @ across.spread.mT[:, None]
        colour = torch.stack(views).permute(0, 3, 1, 2).contiguous()
        guide = Guide.made_of(colour, radius=max(1, round(scale)))
        place, element = has_edge[:, some[:, 0], some[:, 1]].T.nonzero(as_tuple=True)
        axes = rows.at(some[place, 0]), columns.at(some[place, 1])
        drawn, is_edge = start.clone(), _near_soft(start, reach=round(scale))
        drawn[place, element] = _draw(
            start[place, element], tile_cells[place, element], guide.of(place), axes
        )
        if around is None:
            yield EdgeTiles(parts, drawn, is_edge, (place, element))
            continue
        drawn = torch.where(is_edge, drawn, start)
        wide = [
            around[k, :, parts[n][0].cells, parts[n][1].cells]
            for n, k in zip(place.tolist(), element.tolist(), strict=True)
        ]
        enlarged = axes[0].spread[:, None] @ torch.stack(wide) @ axes[1].spread.mT[:, None]
        pairs = start[place, element], drawn[place, element]
        seen = clues(colour[place], *pairs, enlarged, scale)
        yield EdgeTiles(parts, drawn, is_edge, (place, element), seen)


def _surroundings(cells: Tensor, plate: Picture, device: torch.device) -> Tensor:
    """What lies around each cell, for a network: see `surroundings`."""
    view = plate.to_network_view(device).permute(2, 0, 1)[None]
    height, width = cells.shape[1:]
    return surroundings(to_device(cells, device), resized(view, (height, width))[0])


@dataclass(frozen=True)
class _Tile:
    """Where a tile lies along one axis."""

    cells: slice
    """With the margin; as many in all tiles."""
    pixels: slice
    """All pixels of ``cells``; as many in all tiles."""
    core: slice
    """The pixels without those of the margin."""
    inside: slice
    """The core, counted from the first of ``pixels``."""


@dataclass(frozen=True, eq=False)
class _Tiles:
    """Tiles along one axis, and the conversion of their pixels to cells and back."""

    tiles: tuple[_Tile, ...]
    mean: Tensor
    """[N, cells, pixels]: each row averages over a cell."""
    spread: Tensor
    """[N, pixels, cells]: linear interpolation."""
    scale: float
    """How many pixels a cell has."""

    @property
    def tile_pixels(self) -> int:
        """How many pixels each tile has."""
        return self.spread.shape[1]

    def at(self, places: Tensor) -> _Tiles:
        """Return some of the tiles, by their numbers, int [M]; one may come more than once."""
        chosen = tuple(self.tiles[place] for place in places.tolist())
        return _Tiles(chosen, self.mean[places], self.spread[places], self.scale)


@lru_cache(maxsize=8)
def _axis(pixels: int, cells: int, size: int, device: torch.device, more: int = 0) -> _Tiles:
    """Cut an axis into tiles of ``size`` cells, all of one shape: at the ends of the axis the
    margins, so many cells ``more`` than usual, lie on one side. The matrices lie on a device.
    """
    mean, spread = _conversion(pixels, cells)
    scale = pixels / cells
    margin = more + (_MARGIN_OF_SMALL if scale < _SMALL_CELL_PX else _MARGIN)
    cells_each = min(size + 2 * margin, cells)
    pixels_each = min(math.ceil(cells_each * scale) + 1, pixels)
    tiles, means, spreads = [], [], []
    for first in range(0, cells, size):
        low = min(max(0, first - margin), cells - cells_each)
        start = min(low * pixels // cells, pixels - pixels_each)
        mine, seen = slice(low, low + cells_each), slice(start, start + pixels_each)
        last = min(first + size, cells)
        core = slice(first * pixels // cells, last * pixels // cells)
        tiles.append(_Tile(mine, seen, core, slice(core.start - start, core.stop - start)))
        means.append(mean[mine, seen])
        here = spread[seen, mine]
        spreads.append(here / here.sum(dim=1, keepdim=True).clamp(min=_LEAST_SHARE))
    mean, spread = (to_device(torch.stack(each), device) for each in (means, spreads))
    return _Tiles(tuple(tiles), mean, spread, scale)


def _conversion(pixels: int, cells: int) -> tuple[Tensor, Tensor]:
    """From the pixels of an axis to its cells, [cells, pixels], the mean over each cell, and back,
    [pixels, cells], the linear interpolation.
    """
    scale = pixels / cells
    begin = torch.arange(cells, dtype=torch.float64)[:, None] * scale
    at = torch.arange(pixels, dtype=torch.float64)[None]
    shared = (torch.minimum(begin + scale, at + 1) - torch.maximum(begin, at)).clamp(min=0)
    spread = resized(torch.eye(cells)[None, None], (pixels, cells))[0, 0]
    return (shared / scale).float(), spread


def _tiles_with_edge(cells: Tensor) -> Tensor:
    """Tell which elements are neither empty nor full in and around each tile of a matte [K, h, w]:
    bool [K, tiles down, tiles across].
    """
    size = _TILE + 2 * _AROUND
    most, least = (
        F.max_pool2d(planes, size, stride=_TILE, padding=_AROUND, ceil_mode=True)
        for planes in (cells, -cells)
    )
    return (most > SOFT) & (-least < 1 - SOFT)


def _near_soft(alpha: Tensor, reach: int) -> Tensor:
    """Where alpha [..., H, W] is soft, and so many pixels around, as a bool mask."""
    is_soft = ((alpha > SOFT) & (alpha < 1 - SOFT)).to(torch.uint8)
    return over_window(F.pad(is_soft, [reach] * 4), reach, torch.bitwise_or) > 0


def _draw(start: Tensor, cells: Tensor, guide: Guide, axes: tuple[_Tiles, _Tiles]) -> Tensor:
    """Redraw tiles [N, H, W], their linearly enlarged cells, after the plate."""
    sharp = _back_project(start, cells, axes)
    return _back_project(guide.follow(sharp), cells, axes)


def _back_project(alpha: Tensor, cells: Tensor, axes: tuple[_Tiles, _Tiles]) -> Tensor:
    """Adjust alpha [N, H, W], 0..1, until its cell means nearly match the network's matte."""
    down, across = axes
    for _ in range(_ROUNDS):
        missing = cells - down.mean @ alpha @ across.mean.mT
        alpha = (down.spread @ missing @ across.spread.mT).add_(alpha).clamp_(0, 1)
    return alpha
