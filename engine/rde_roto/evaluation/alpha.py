"""Measures how far a soft matte is from the true coverage, in space and over time.

Truth and matte are floating point [H, W], row 0 on top, 0..1. A region, bool [H, W], selects the
pixels that count (default: all); `edge_band` makes the region for edges.

All measures except the boundary F have one scale: the mean over the counted pixels, with alpha in
0..1, times 1000. Papers on video matting give MAD and MSE this way, but dtSSD times 100 and Grad as
a sum over pixels divided by 1000; means are comparable between picture sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.evaluation.metrics import BoolArray, boundary, boundary_accuracy, dilate
from rde_roto.values.errors import InputError

AlphaArray: TypeAlias = NDArray[np.floating[Any]]
Pair: TypeAlias = tuple[AlphaArray, AlphaArray]

SCALE = 1000.0
GRADIENT_SIGMA_PX = 1.4
GRADIENT_REACH_PX = 4
"""The distance at which a Gaussian of that sigma falls below 0.01."""
STILL = 1 / 255
"""A truth that changes by less than this between frames counts as still: one 8-bit code value."""


def mad(truth: AlphaArray, matte: AlphaArray, region: BoolArray | None = None) -> float:
    """Mean absolute difference, times 1000. nan when no pixel counts.

    Raises InputError when the arrays are not floating [H, W], and the region bool, of one size.
    """
    _check(truth, matte, region)
    return _mean(np.abs(_difference(truth, matte)), region)


def mse(truth: AlphaArray, matte: AlphaArray, region: BoolArray | None = None) -> float:
    """Mean squared difference, times 1000. nan when no pixel counts.

    Raises InputError as `mad` does.
    """
    _check(truth, matte, region)
    return _mean(_difference(truth, matte) ** 2, region)


def gradient_error(truth: AlphaArray, matte: AlphaArray, region: BoolArray | None = None) -> float:
    """Grad, the mean squared difference of the gradients' magnitudes, times 1000.

    The measure of Rhemann et al., "A Perceptually Motivated Online Benchmark for Image Matting",
    CVPR 2009, with q = 2, as a mean instead of the paper's sum. nan when no pixel counts.
    Raises InputError as `mad` does.
    """
    _check(truth, matte, region)
    return _mean(_difference(gradient(truth), gradient(matte)) ** 2, region)


def gradient(alpha: AlphaArray) -> NDArray[np.float32]:
    """Return the magnitude of the gradient, float32 [H, W], by derivatives of a Gaussian, sigma 1.4
    px.

    The two-dimensional kernels have unit energy, as in the usual evaluation programs: a ramp of
    slope s per pixel gives about 9.7 s. The border is repeated.
    """
    at = np.arange(-GRADIENT_REACH_PX, GRADIENT_REACH_PX + 1)
    bell = np.exp(-(at**2) / (2 * GRADIENT_SIGMA_PX**2))
    slope = at * bell
    # The two-dimensional kernel is an outer product, so its energy is the product of theirs.
    bell, slope = bell / np.linalg.norm(bell), slope / np.linalg.norm(slope)
    across = _correlate(_correlate(alpha, bell, axis=0), slope, axis=1)
    down = _correlate(_correlate(alpha, bell, axis=1), slope, axis=0)
    return np.hypot(across, down)


def edge_band(truth: AlphaArray, radius_px: int) -> BoolArray:
    """Return the pixels within `radius_px` (>= 0, Euclidean) of an edge of the truth, bool [H, W].

    An edge is where 0 < truth < 1, and where the contour of 0.5 passes between two pixels.
    Raises InputError when the truth is not floating point [H, W].
    """
    _check(truth, truth, None)
    partial = (truth > 0) & (truth < 1)
    return dilate(partial | boundary(truth >= 0.5), radius_px)


def dtssd(truths: Pair, mattes: Pair, region: BoolArray | None = None) -> float:
    """Root of the mean squared difference between the changes of matte and truth, times 1000.

    Each pair is the previous frame and this one. Erofeev et al., "Perceptually Motivated Benchmark
    for Video Matting", BMVC 2015. nan when no pixel counts. Raises InputError as `mad`.
    """
    _check(*truths, region)
    _check(*mattes, region)
    change = _difference(*truths) - _difference(*mattes)
    return math.sqrt(SCALE * _mean(change**2, region))


def flicker(truths: Pair, mattes: Pair, region: BoolArray | None = None) -> float:
    """Mean absolute change of the matte where the truth changes by less than 1/255, times 1000.

    Each pair is the previous frame and this one. Where nothing moves, nothing should change, so
    this does not depend on whether the matte is right. nan when no pixel counts. Raises InputError
    as `mad`.
    """
    _check(*truths, region)
    _check(*mattes, region)
    still = np.abs(_difference(*truths)) < STILL
    counted = still if region is None else still & region
    return _mean(np.abs(_difference(*mattes)), counted)


@dataclass(frozen=True)
class MatteScore:
    """The result of a `MatteMeter`: means over the frames; nan if no frame counted.

    `mad`, `mse`, `grad`, `dtssd` and `flicker` are times 1000, 0 is best; `boundary` is 0..1, 1 is
    best.
    """

    mad: float
    mse: float
    grad: float
    dtssd: float
    flicker: float
    boundary: float


class MatteMeter:
    """Measures the mattes of a shot frame by frame; keeps only the last frame in memory.

    Each measure is taken on each frame, `dtssd` and `flicker` on each pair of neighbours, and then
    averaged; a frame without a pixel that counts is left out. For a pair of frames, a pixel counts
    if it is in the region of either. `boundary` is the F of `metrics.boundary_accuracy` for the
    contours of 0.5 in the whole picture; regions do not apply to it.
    """

    def __init__(self) -> None:
        self._sums = {field.name: 0.0 for field in fields(MatteScore)}
        self._counts = dict.fromkeys(self._sums, 0)
        self._last: tuple[AlphaArray, AlphaArray, BoolArray | None] | None = None

    def add(self, truth: AlphaArray, matte: AlphaArray, region: BoolArray | None = None) -> None:
        """Add the next frame. The arrays are kept until the following frame and must not change.

        Raises InputError when truth and matte are not floating point [H, W] and the region bool, of
        one size, or when the size differs from the previous frame.
        """
        self._count("mad", mad(truth, matte, region))
        self._count("mse", mse(truth, matte, region))
        self._count("grad", gradient_error(truth, matte, region))
        self._count("boundary", boundary_accuracy(truth >= 0.5, matte >= 0.5))
        if self._last is not None:
            old_truth, old_matte, old_region = self._last
            truths, mattes = (old_truth, truth), (old_matte, matte)
            either = None if region is None or old_region is None else region | old_region
            self._count("dtssd", dtssd(truths, mattes, either))
            self._count("flicker", flicker(truths, mattes, either))
        self._last = truth, matte, region

    def score(self) -> MatteScore:
        """Return the means over the frames so far."""
        counts = self._counts
        means = {n: s / counts[n] if counts[n] else math.nan for n, s in self._sums.items()}
        return MatteScore(**means)

    def _count(self, name: str, value: float) -> None:
        if not math.isnan(value):
            self._sums[name] += float(value)
            self._counts[name] += 1


def _difference(first: AlphaArray, second: AlphaArray) -> AlphaArray:
    """The difference in at least float32, so that halves lose nothing."""
    return np.subtract(first, second, dtype=np.result_type(first, second, np.float32))


def _mean(values: AlphaArray, region: BoolArray | None) -> float:
    counted = values if region is None else values[region]
    return SCALE * float(counted.mean(dtype=np.float64)) if counted.size else math.nan


def _correlate(alpha: AlphaArray, taps: AlphaArray, axis: int) -> NDArray[np.float32]:
    reach, length = len(taps) // 2, alpha.shape[axis]
    around = [(0, 0), (0, 0)]
    around[axis] = (reach, reach)
    padded = np.moveaxis(np.pad(alpha.astype(np.float32, copy=False), around, mode="edge"), axis, 0)
    total = np.zeros((length, *padded.shape[1:]), np.float32)
    for offset, tap in enumerate(taps.astype(np.float32)):
        total += tap * padded[offset : offset + length]
    return np.moveaxis(total, 0, axis)


def _check(first: AlphaArray, second: AlphaArray, region: BoolArray | None) -> None:
    floating = all(np.issubdtype(alpha.dtype, np.floating) for alpha in (first, second))
    if first.shape != second.shape or first.ndim != 2 or not floating:
        raise InputError(
            "expected a true and a measured matte of one size, floating [H, W], got "
            f"{first.dtype} {list(first.shape)} and {second.dtype} {list(second.shape)}"
        )
    if region is not None and (region.shape != first.shape or region.dtype != np.dtype(bool)):
        raise InputError(
            f"expected a region bool {list(first.shape)}, the size of the mattes, got "
            f"{region.dtype} {list(region.shape)}"
        )
