"""What the network that answers clicks sees of a frame: all of it or a part, and what is where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.net import EncodedFrames, draw_click
from rde_roto.session.clicks.rules import Cells, Decision
from rde_roto.session.drawing.painting import Point, within
from rde_roto.session.drawing.selection import Click
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_DOT_PX = 2
"""Radius around a click that is as the click says in any case."""
_STEP = 20
"""Boxes of cells begin and end at multiples of it, which are whole pixels at usual sizes."""


@dataclass(frozen=True, eq=False)
class Look:
    """A part of a frame, or all of it, as the network sees it, in cells."""

    geometry: Geometry
    frame: EncodedFrames

    def planes(self, previous: FloatArray, clicks: Iterable[Click]) -> Tensor:
        """Return the network's planes [3, H, W], of the previous mask at plate size and clicks."""
        seen = F.pad(torch.from_numpy(self.cells_of(previous)), self.geometry.padding)
        planes = torch.stack([torch.zeros_like(seen), torch.zeros_like(seen), seen])
        left, _, top, _ = self.geometry.padding
        for click in clicks:
            row, column = self._place(click.point)
            draw_click(planes[0 if click.adds else 1], row + top, column + left)
        return planes

    def cells_of(self, mask: FloatArray) -> FloatArray:
        """Return a mask of the plate [H, W] in cells, float32 [h, w]."""
        return _resized(mask[self.geometry.part], self.geometry.working)

    def dots(self, clicks: Iterable[Click]) -> Cells:
        """Return the cells that clicks decide."""
        cells = np.zeros(self.geometry.working, np.uint8)
        for click in clicks:
            row, column = (round(place) for place in self._place(click.point))
            cv2.circle(cells, (column, row), _DOT_PX, (1,), -1)
        return cells > 0

    def inside(self, box: Window) -> Cells:
        """Return the cells inside a box of the plate."""
        top, left = self._place((box.x, box.y))
        bottom, right = self._place((box.x + box.width, box.y + box.height))
        rows, columns = np.ogrid[: self.geometry.working[0], : self.geometry.working[1]]
        inside: Cells = (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)
        return inside

    def around(self, wanted: Cells) -> tuple[Window, Window]:
        """Return a box of cells around some of them, and the same box on the plate."""
        window = self.geometry.window
        rows = _box_along(np.asarray(wanted.any(axis=1)), window.y, window.height)
        columns = _box_along(np.asarray(wanted.any(axis=0)), window.x, window.width)
        cells, pixels = (
            Window(x.start, y.start, len(x), len(y)) for x, y in zip(columns, rows, strict=True)
        )
        return cells, pixels

    def raw(self, mask: FloatArray) -> RawMatte:
        """Return cells [h, w] as a raw matte of the plate."""
        return _raw(mask, self.geometry)

    def _place(self, point: Point) -> tuple[float, float]:
        """Row and column of a point of the plate, from the middle of the first cell."""
        box, (height, width) = self.geometry.window, self.geometry.working
        row = (point[1] - box.y) * height / box.height
        return row - 0.5, (point[0] - box.x) * width / box.width - 0.5


def drawn_part(look: Look, decision: Decision) -> tuple[Window, RawMatte, FloatArray]:
    """Return the box of the plate where a decision counts, its mask as a raw matte of that box
    alone, and its share at plate size.
    """
    cells, box = look.around(decision.share > 0)
    raw = _raw(decision.mask[within(cells)], Geometry(box.shape, cells.shape))
    return box, raw, _resized(decision.share[within(cells)], box.shape)


def _raw(mask: FloatArray, geometry: Geometry) -> RawMatte:
    left, right, top, bottom = geometry.padding
    return RawMatte(np.pad(mask, ((top, bottom), (left, right)))[None], geometry)


def _box_along(wanted: NDArray[np.bool_], first_px: int, length_px: int) -> tuple[range, range]:
    """Return the range of cells around those that are wanted, and its pixels."""
    places, scale = np.flatnonzero(wanted), length_px / len(wanted)
    first = int(places[0]) // _STEP * _STEP
    last = min(len(wanted), -(-(int(places[-1]) + 1) // _STEP) * _STEP)
    pixels = range(first_px + round(first * scale), first_px + round(last * scale))
    return range(first, last), pixels


def _resized(mask: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Scale a mask to (height, width); much faster than `geometry.resized` where it is large."""
    how = cv2.INTER_AREA if size[0] < mask.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, size[::-1], interpolation=how), np.float32)
