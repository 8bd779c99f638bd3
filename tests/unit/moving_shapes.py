"""Shapes that move in a known way: polygons whose points are the same ones in every frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.raster import coverage
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window

WINDOW = Window(0, 0, 320, 200)
FORMAT = PlateFormat(WINDOW, WINDOW)
TURN = np.linspace(0, 2 * np.pi, 900, endpoint=False)

Polygon = NDArray[np.float64]


def blob(frame: int, breathes: float = 0.0) -> Polygon:
    """A body with three lobes that drifts and turns, [900, 2]; with ``breathes`` px it also changes
    its form.
    """
    radius = 55 + 14 * np.cos(3 * TURN + 0.4) + 5 * np.cos(7 * TURN)
    radius += breathes * np.sin(frame / 6) * np.cos(2 * TURN)
    return placed(radius * np.cos(TURN), 0.8 * radius * np.sin(TURN), frame)


def placed(x: Polygon, y: Polygon, frame: int) -> Polygon:
    """Points around the origin, brought to where the body is in a frame."""
    turn = 0.02 * frame
    across = 120 + 2.5 * frame + x * np.cos(turn) - y * np.sin(turn)
    return np.stack([across, 100 + 3 * np.sin(frame / 5) + x * np.sin(turn) + y * np.cos(turn)], 1)


def disk(x: float, y: float, radius: float) -> Polygon:
    """A circle, [900, 2]."""
    return np.stack([x + radius * np.cos(TURN), y + radius * np.sin(TURN)], axis=1)


def matte(*parts: Polygon, holes: tuple[Polygon, ...] = (), window: Window = WINDOW) -> FloatArray:
    """The exact coverage of parts without holes, float32 [H, W]."""
    plane = np.zeros(window.shape, np.float32)
    for part in parts:
        plane += coverage(part, window)
    for hole in holes:
        plane -= coverage(hole, window)
    return plane.clip(0, 1)


def iou(found: FloatArray, truth: FloatArray) -> float:
    """Intersection over union of what is above one half; 1 if both are empty."""
    one, other = found > 0.5, truth > 0.5
    return float((one & other).sum() / max(1, (one | other).sum())) if other.any() else 1.0


def soft_mattes(seed: int, frames: int = 2, size: tuple[int, int] = (96, 160)) -> FloatArray:
    """Mattes that are soft from one side to the other, as those of a random network, [T, H, W]."""
    random = np.random.default_rng(seed)
    coarse_px, contrast = random.uniform(2, 25), random.uniform(0.15, 1.5)
    across = [np.fft.fftfreq(count) for count in size]
    kernel = np.exp(-2 * (np.pi * coarse_px) ** 2 * (across[0][:, None] ** 2 + across[1] ** 2))
    noise = random.normal(size=(1 + frames, *size))
    smooth = np.fft.ifft2(np.fft.fft2(noise) * kernel).real
    planes = smooth[0] + 0.4 * smooth[1:]
    planes /= planes.std(axis=(1, 2), keepdims=True)
    result: FloatArray = (0.5 + contrast * planes).clip(0, 1).astype(np.float32)
    return result
