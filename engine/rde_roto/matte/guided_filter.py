"""The guided filter: alpha as a linear function of a picture's colour within a few pixels.

He, Sun and Tang, "Guided Image Filtering", ECCV 2010, here with windows weighted by how well their
line fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_SLIGHT_VARIANCE = 5e-3
"""Variance of alpha in a window: where it is lower, as in motion blur, a line would only fit the
grain, so alpha changes less and less."""
_LEAST_VARIANCE = 1e-4
"""Variance of the plate's view, 0..1: below it (a hundredth of the range) colour means nothing."""
_LEAST_MISFIT = 1e-3
"""Squared error of alpha: windows whose line fits better than this have equal weight."""


def follow_colours(alpha: Tensor, view: Tensor, radius_px: int) -> Tensor:
    """Return a matte whose edges follow the plate's colours, float32 [H, W], 0..1.

    Nothing holds it to the coverage it had: hair and blur may appear around an edge that was drawn
    hard.

    Args:
        alpha: float32 [H, W], 0..1.
        view: the plate as the network sees it, float32 [H, W, 3].
        radius_px: how far an edge may reach; the wider, the softer where colours are alike.
    """
    colour = view.permute(2, 0, 1)[None].contiguous()
    return Guide.made_of(colour, radius_px).follow(alpha[None])[0]


@dataclass(frozen=True, eq=False)
class Guide:
    """Fits alpha = a . colour + b in every window of pictures."""

    radius: int
    colour: Tensor
    """Float32 [N, 3, H, W]."""
    mean: Tensor
    """[N, 3, H, W], over each window."""
    inverse: Tensor
    """[N, 6, H, W]: the distinct entries of the inverse of each window's covariance matrix."""

    @classmethod
    def made_of(cls, colour: Tensor, radius: int) -> Guide:
        """Look at every window of pictures, float32 [N, 3, H, W]."""
        mean = window_mean(colour, radius)
        covariance = window_mean(_products(colour), radius) - _products(mean)
        covariance[:, ::3] += _LEAST_VARIANCE
        covariance[:, 5] += _LEAST_VARIANCE
        rr, rg, rb, gg, gb, bb = covariance.unbind(dim=1)
        cofactors = torch.stack(
            [
                gg * bb - gb * gb,
                rb * gb - rg * bb,
                rg * gb - rb * gg,
                rr * bb - rb * rb,
                rg * rb - rr * gb,
                rr * gg - rg * rg,
            ],
            dim=1,
        )
        determinant = (covariance[:, :3] * cofactors[:, :3]).sum(dim=1, keepdim=True)
        return cls(radius, colour, mean, cofactors / determinant)

    def of(self, places: Tensor) -> Guide:
        """Return the guide of some of the pictures, by their sorted numbers, int [M], in which none
        is left out; one may come more than once.
        """
        if len(places) == len(self.colour):
            return self
        return Guide(self.radius, self.colour[places], self.mean[places], self.inverse[places])

    def follow(self, alpha: Tensor) -> Tensor:
        """Make alpha [N, H, W] follow the pictures' colours; the result is in 0..1."""
        planes = alpha[:, None]
        seen = torch.cat([planes, planes * planes, self.colour * planes], dim=1)
        mean, square, shared = window_mean(seen, self.radius).split([1, 1, 3], dim=1)
        shared = shared - self.mean * mean
        rr, rg, rb, gg, gb, bb = self.inverse.unbind(dim=1)
        red, green, blue = shared.unbind(dim=1)
        slope = torch.stack(
            [
                rr * red + rg * green + rb * blue,
                rg * red + gg * green + gb * blue,
                rb * red + gb * green + bb * blue,
            ],
            dim=1,
        )
        offset = mean - (slope * self.mean).sum(dim=1, keepdim=True)
        variance = (square - mean * mean).clamp(min=0)
        misfit = (variance - (slope * shared).sum(dim=1, keepdim=True)).clamp(min=0)
        weight = 1 / (misfit + _LEAST_MISFIT)
        fits = window_mean(torch.cat([slope * weight, offset * weight, weight], dim=1), self.radius)
        slope, offset, weight = fits.split([3, 1, 1], dim=1)
        line = ((slope * self.colour).sum(dim=1, keepdim=True) + offset) / weight
        drawn = torch.lerp(planes, line, variance / (variance + _SLIGHT_VARIANCE))
        return drawn[:, 0].clamp(0, 1)


def _products(planes: Tensor) -> Tensor:
    """The six distinct products of three planes [N, 3, H, W]: 00, 01, 02, 11, 12, 22."""
    red, green, blue = planes.split(1, dim=1)
    return torch.cat([red * planes, green * planes[:, 1:], blue * blue], dim=1)


def window_mean(planes: Tensor, radius: int) -> Tensor:
    """The mean over the window around each pixel [..., H, W], with the border repeated."""
    padded = F.pad(planes, [radius] * 4, mode="replicate")
    return over_window(padded, radius, torch.add) / (2 * radius + 1) ** 2


def over_window(padded: Tensor, radius: int, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Combine the pixels of each window of 2 radius + 1, of planes padded by ``radius``."""
    for axis in (-1, -2):
        padded = _along(padded, axis, 2 * radius + 1, combine)
    return padded


def _along(
    planes: Tensor, axis: int, width: int, combine: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Combine each ``width`` neighbours along an axis, which becomes so much shorter.

    Spans of 2, 4, 8, … are made of two of the size before, and the width of such spans: the work
    grows with its logarithm.
    """
    places = planes.shape[axis] - width + 1
    combined, done, span = planes.narrow(axis, 0, places), 1, 1
    while True:
        # ``width`` is odd: the first pixel is taken, the spans of its other binary digits follow
        span *= 2
        if span > width:
            return combined
        length = planes.shape[axis] - span // 2
        planes = combine(planes.narrow(axis, 0, length), planes.narrow(axis, span // 2, length))
        if width & span:
            combined = combine(combined, planes.narrow(axis, done, places))
            done += span
