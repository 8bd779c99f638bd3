"""Published formulas from code values to linear light, without a colour configuration."""

from __future__ import annotations

from typing import Final

import numpy as np

from rde_roto.values.matte import FloatArray

WHITE_NITS: Final = 203.0
"""The luminance of diffuse white in HDR pictures, which is 1 here (ITU-R BT.2408)."""

_HLG_PEAK_NITS: Final = 1000.0
_HLG_GAMMA: Final = 1.2  # of the system, at that peak


def srgb_to_linear(pixels: FloatArray) -> FloatArray:
    """Return the inverse of the sRGB curve (IEC 61966-2-1); linear below 0."""
    curve = (np.maximum(pixels, 0) + np.float32(0.055)) / np.float32(1.055)
    linear: FloatArray = np.where(pixels <= 0.04045, pixels / np.float32(12.92), curve**2.4)
    return linear


def cineon_to_linear(pixels: FloatArray) -> FloatArray:
    """Kodak Cineon: white at code 685, black at 95, 0.002 density per code, gamma 0.6."""
    black = np.float32(10 ** ((95 - 685) * 0.002 / 0.6))
    exponent = pixels * np.float32(1023 * 0.002 / 0.6)
    exponent -= np.float32(685 * 0.002 / 0.6)
    linear: FloatArray = np.power(np.float32(10), exponent, out=exponent)
    linear -= black
    linear /= 1 - black
    return linear


def pq_to_linear(pixels: FloatArray) -> FloatArray:
    """PQ, SMPTE ST 2084 (ITU-R BT.2100): display light, 1 at `WHITE_NITS`."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c2, c3 = 2413 / 4096 * 32, 2392 / 4096 * 32
    c1 = c3 - c2 + 1
    root = pixels.clip(0, 1).astype(np.float64) ** (1 / m2)
    light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return (light * (10_000 / WHITE_NITS)).astype(np.float32)


def hlg_to_linear(pixels: FloatArray, luminance: FloatArray) -> FloatArray:
    """Hybrid log-gamma (ITU-R BT.2100): light of a display of 1000 nits, 1 at `WHITE_NITS`.

    `luminance` holds the luminance weights of red, green and blue, float32 [3].
    """
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    codes = pixels.clip(0, 1).astype(np.float64)
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    gain = (scene @ luminance.astype(np.float64))[..., None] ** (_HLG_GAMMA - 1)
    return (scene * gain * (_HLG_PEAK_NITS / WHITE_NITS)).astype(np.float32)
