"""3x3 convolutions with fewer multiplications: Winograd's F(4x4, 3x3).

A square of 16 pixels takes 36 channel products instead of 144: kernel and map are treated as
polynomials, multiplied at some points, and the result's coefficients are interpolated from there
(Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", section 4). On a CPU in
float32 this is faster from about 256 channels on, where the products cost more than the transforms.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.fused import Activation, FusedConv, Kernel, activate_

_SIDE = 4
_SPAN = _SIDE + 2
_POINTS = (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
"""The points, besides infinity. Their rounding error is less than half that of the usual 0, 1, -1,
2, -2."""

_LEAST_CHANNELS = 256
_TILES = 256
"""Tiles per pass: more do not fit into a CPU's cache, fewer make its threads wait."""


def is_faster(kernel: Kernel) -> bool:
    """Return whether ``WinogradConv`` can take a kernel and is faster with it."""
    out, per_group, *sides = kernel.weight.shape
    plain = (kernel.stride, kernel.padding, kernel.dilation, kernel.groups) == (1, 1, 1, 1)
    return sides == [3, 3] and plain and min(out, per_group) >= _LEAST_CHANNELS


class WinogradConv(nn.Module):
    """``activation(conv(x) + plus)`` like ``fused.FusedConv``, for kernels where it ``is_faster``.

    Each map is processed alone, so its bits do not depend on the rest of the batch.
    """

    weight: Tensor
    bias: Tensor
    spread: Tensor
    collect: Tensor

    def __init__(self, kernel: Kernel, activation: Activation = "none") -> None:
        super().__init__()
        wide, at = kernel.weight.detach().double(), _powers(3)
        at_points = torch.einsum("ai,bj,ocij->abco", at, at, wide)
        self.register_buffer("weight", at_points.flatten(0, 1).float().contiguous())
        bias = wide.new_zeros(len(wide)) if kernel.bias is None else kernel.bias.detach()
        self.register_buffer("bias", bias.float())
        spread, collect = _powers(_SPAN).inverse().T, _powers(_SIDE).T
        self.register_buffer("spread", torch.kron(spread, spread).float())  # [36, 36]
        self.register_buffer("collect", torch.kron(collect, collect).float())  # [16, 36]
        self._activation = activation

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """x [N, in, h, w], plus of the result's shape -> [N, out, h, w], channels last."""
        count, _, height, width = x.shape
        down, across = -(-height // _SIDE), -(-width // _SIDE)
        margins = (0, 0, 1, 1 + _SIDE * across - width, 1, 1 + _SIDE * down - height)
        padded = F.pad(x.permute(0, 2, 3, 1), margins)
        tiles = padded.unfold(1, _SPAN, _SIDE).unfold(2, _SPAN, _SIDE)
        result = x.new_empty(count, height, width, self.weight.shape[2])
        added = None if plus is None else plus.permute(0, 2, 3, 1)
        rows = max(1, _TILES // across)
        for place in range(count):
            for row in range(0, down, rows):
                here = slice(_SIDE * row, _SIDE * (row + rows))
                made = self._convolve_tiles(tiles[place, row : row + rows])
                band = result[place, here]
                made = made[: band.shape[0], :width]
                if added is None:
                    band.copy_(made)
                else:
                    torch.add(made, added[place, here], out=band)
                activate_(band, self._activation)
        return result.permute(0, 3, 1, 2)

    def _convolve_tiles(self, tiles: Tensor) -> Tensor:
        """Convolve tiles [down, across, in, 6, 6] -> the result there [4 down, 4 across, out]."""
        down, across, channels = tiles.shape[:3]
        rows = tiles.permute(3, 4, 0, 1, 2).reshape(_SPAN**2, -1)
        at_points = (self.spread @ rows).view(_SPAN**2, down * across, channels)
        products = torch.bmm(at_points, self.weight).view(_SPAN**2, -1)
        places = (self.collect @ products).view(_SIDE, _SIDE, down, across, -1)
        made = places.new_empty(down, _SIDE, across, _SIDE, places.shape[4])
        torch.add(places.permute(2, 0, 3, 1, 4), self.bias, out=made)
        return made.view(_SIDE * down, _SIDE * across, -1)


def _powers(count: int) -> Tensor:
    """The powers of each point, from the 0th on, and of infinity: [6, count], float64."""
    rows = [[point**power for power in range(count)] for point in _POINTS]
    rows.append([0.0] * (count - 1) + [1.0])
    return torch.tensor(rows, dtype=torch.float64)


Conv = FusedConv | WinogradConv
Make = Callable[[Kernel, Activation], Conv]
"""Makes a convolution from a kernel, fused with the activation that follows it."""
