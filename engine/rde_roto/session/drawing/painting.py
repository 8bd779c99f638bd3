"""What tools do to the pixels of a plane.

Points are plate coordinates in pixels, x to the right and y down: (0, 0) is the top left corner of
the data window, and the centre of its first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

Point: TypeAlias = tuple[float, float]

MOST_RADIUS_PX = 500.0
_LEAST_RADIUS_PX = 0.5
_HD_LINES = 1080


@dataclass(frozen=True)
class Brush:
    """A round brush. `hardness`, 0..1, is the part of the radius at which it begins to fade out."""

    radius_px: float = 20.0
    hardness: float = 0.8

    @classmethod
    def for_plate(cls, height: int) -> Brush:
        """Return a brush that looks alike on every plate: larger above the lines of HD."""
        return cls(cls.radius_px * max(1.0, height / _HD_LINES))

    def sized(self, radius_px: float) -> Brush:
        """Return the brush with another radius, limited to the allowed range."""
        return Brush(min(max(radius_px, _LEAST_RADIUS_PX), MOST_RADIUS_PX), self.hardness)


class Stroke:
    """A stroke that is being painted on a plane's pixels, visible as it goes.

    Args:
        base: float32 [H, W], the pixels before. The stroke owns them and paints into ``pixels``.
        brush: its radius shrinks with lower pressure.
        erases: whether to remove instead of add.
    """

    def __init__(self, base: FloatArray, brush: Brush, erases: bool = False) -> None:
        self.pixels = base
        self.box: Window | None = None
        self._base = base.copy()
        self._cover = np.zeros_like(base)
        self._brush = brush
        self._erases = erases
        self._last: Point | None = None

    def to(self, point: Point, pressure: float = 1.0) -> Window | None:
        """Continue in a straight line. Returns the box that may have changed, None outside the
        plane.
        """
        start, self._last = self._last or point, point
        radius = max(_LEAST_RADIUS_PX, self._brush.radius_px * pressure)
        box = box_of_points((start, point), radius + 1, self.pixels.shape)
        if box is None:
            return None
        rows, columns = within(box)
        cover = self._cover[rows, columns]
        fresh = _covered(box, start, point, radius, self._brush.hardness)
        np.maximum(cover, fresh, out=cover)
        base = self._base[rows, columns]
        shown = base * (1 - cover) if self._erases else base + cover * (1 - base)
        self.pixels[rows, columns] = shown
        self.box = box if self.box is None else together(self.box, box)
        return box


def filled(alpha: FloatArray, point: Point) -> FloatArray:
    """Return the plane with the hole around a point filled: the connected pixels below one half.

    The hole's soft edge is filled with it, up to two pixels beyond its middle. A point above one
    half is not in a hole: nothing changes.
    """
    x, y = int(point[0]), int(point[1])
    if not (0 <= y < alpha.shape[0] and 0 <= x < alpha.shape[1]) or alpha[y, x] >= 0.5:
        unchanged: FloatArray = alpha.copy()
        return unchanged
    free = (alpha < 0.5).astype(np.uint8)
    _, hole, _, _ = cv2.floodFill(free, None, (x, y), 2)
    reached = cv2.dilate((np.asarray(hole) == 2).astype(np.uint8), np.ones((5, 5), np.uint8))
    whole: FloatArray = np.where(reached > 0, np.float32(1), alpha)
    return whole


def grown(alpha: FloatArray, by_px: int) -> FloatArray:
    """Return the plane with its edge moved outwards by whole pixels, inwards if negative."""
    reach = abs(by_px)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    change = cv2.dilate if by_px > 0 else cv2.erode
    moved: FloatArray = np.asarray(change(alpha, disk), np.float32)
    return moved


def within(box: Window, whole: Window | None = None) -> tuple[slice, slice]:
    """Return the rows and columns of a box, in a plane or in another box around it."""
    x, y = (box.x, box.y) if whole is None else (box.x - whole.x, box.y - whole.y)
    return slice(y, y + box.height), slice(x, x + box.width)


def shared(one: Window, other: Window) -> Window | None:
    """Return the intersection of two boxes, None if they do not meet."""
    x, y = max(one.x, other.x), max(one.y, other.y)
    right = min(one.x + one.width, other.x + other.width)
    bottom = min(one.y + one.height, other.y + other.height)
    return Window(x, y, right - x, bottom - y) if right > x and bottom > y else None


def together(one: Window, other: Window) -> Window:
    """Return the smallest box around two boxes."""
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Window(x, y, right - x, bottom - y)


def box_of_points(points: Sequence[Point], margin: float, shape: tuple[int, ...]) -> Window | None:
    """Return the box of whole pixels around points, cut to the plane; None if that is empty."""
    if not points:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    left, top = max(0, math.floor(min(xs) - margin)), max(0, math.floor(min(ys) - margin))
    right = min(shape[1], math.ceil(max(xs) + margin))
    bottom = min(shape[0], math.ceil(max(ys) + margin))
    if right <= left or bottom <= top:
        return None
    return Window(left, top, right - left, bottom - top)


def _covered(box: Window, start: Point, end: Point, radius: float, hardness: float) -> FloatArray:
    """Return how much a brush that moves in a straight line covers each pixel of a box, 0..1."""
    across = np.arange(box.x, box.x + box.width, dtype=np.float32)[None] + 0.5
    down = np.arange(box.y, box.y + box.height, dtype=np.float32)[:, None] + 0.5
    run, rise = end[0] - start[0], end[1] - start[1]
    length = run * run + rise * rise
    along: FloatArray = (across - start[0]) * run + (down - start[1]) * rise
    share = (along / length).clip(0, 1) if length else np.zeros_like(along)
    distance = np.hypot(across - start[0] - share * run, down - start[1] - share * rise)
    # even a hard brush fades over one pixel, so that its edge is not jagged
    fade = max(1.0, radius * (1 - hardness))
    inside = ((radius + 0.5 - distance) / fade).clip(0, 1)
    cover: FloatArray = (inside * inside * (3 - 2 * inside)).astype(np.float32)
    return cover
