"""What the edge network is given: the matte, the plate, and the colours around each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from rde_roto.matte.guided_filter import window_mean
from rde_roto.net.edge_net import EdgeNet

_COLOUR_CELLS = (4, 11)
"""Radii of the windows over which the colours of element and background are averaged."""
_MEAN_CELLS = (2, 5, 12)
"""Radii of the windows over which the matte is averaged."""
_NEAR_CELLS = 1.8
"""The same for colours near a pixel, rounded to pixels, at least 2."""
_DETAIL_CELLS = 0.9
"""Radius of the window with whose mean the colour of a pixel is compared."""

_LEAST_WEIGHT = 1e-3
"""Where there is less of an element or of the background around, its colour fades to black."""
_LEAST_DISTANCE = 2e-3
"""Squared difference of two colours, 0..1, below which the line between them tells little."""


def surroundings(cells: Tensor, view: Tensor) -> Tensor:
    """Return what lies around each cell of a matte.

    Args: cells, the network's matte, [K, h, w]; view, the plate's colours reduced to the cells,
        [3, h, w].

    Returns: [K, 15, h, w]: twice the colours of element and background, then the matte's means.
    """
    found = []
    for alpha in cells[:, None, None]:
        colours = (part for r in _COLOUR_CELLS for part in _two_colours(alpha, view[None], r))
        means = (window_mean(alpha, r) for r in _MEAN_CELLS)
        found.append(torch.cat([*colours, *means], dim=1))
    return torch.cat(found)


def clues(colour: Tensor, start: Tensor, drawn: Tensor, around: Tensor, scale: float) -> Tensor:
    """Return the planes for the network, [M, CLUES, H, W].

    Args:
        colour: the plate, [M, 3, H, W].
        start: the network's matte enlarged, [M, H, W]; drawn: after the plate.
        around: `surroundings`, enlarged, [M, 15, H, W].
        scale: pixels a cell.
    """
    detail = colour - window_mean(colour, max(1, round(_DETAIL_CELLS * scale)))
    near = _two_colours(drawn[:, None], colour, _near_radius(scale))
    wide = [around[:, first : first + 3] for first in range(0, 6 * len(_COLOUR_CELLS), 3)]
    pairs = (near, *zip(wide[::2], wide[1::2], strict=True))
    lines = (part for pair in pairs for part in _along_line(colour, *pair))
    means = around[:, 6 * len(_COLOUR_CELLS) :]
    planes = (colour - 0.5, 3 * detail, start[:, None], drawn[:, None], *lines, means)
    return torch.cat(planes, dim=1)


def reach_px(scale: float) -> int:
    """How many pixels around one decide what the network draws there, besides `surroundings`."""
    return EdgeNet.reach_px + _near_radius(scale)


def _near_radius(scale: float) -> int:
    return max(2, round(_NEAR_CELLS * scale))


def _two_colours(alpha: Tensor, colour: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """The colours of element and background around each pixel, [M, 3, H, W], of planes [M, 1, H, W]
    and [M, 3, H, W]. Pixels that are mostly one of them count most.
    """
    inside, outside = alpha * alpha, (1 - alpha) * (1 - alpha)
    planes = torch.cat([inside * colour, inside, outside * colour, outside], dim=1)
    own, weight, other, rest = window_mean(planes, radius).split([3, 1, 3, 1], dim=1)
    return own / (weight + _LEAST_WEIGHT), other / (rest + _LEAST_WEIGHT)


def _along_line(colour: Tensor, own: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Where a colour lies on the line from the background's, 0, to the element's, 1; and how far
    apart those two are.
    """
    line = own - other
    square = (line * line).sum(dim=1, keepdim=True)
    place = ((colour - other) * line).sum(dim=1, keepdim=True) / (square + _LEAST_DISTANCE)
    return place.clamp(-0.5, 1.5), square.sqrt()
