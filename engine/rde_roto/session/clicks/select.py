"""Select an element by clicks, scribbles or a box, with the network that answers clicks.

The network looks at the whole frame first. Once there is something, it looks at the part around it,
where a small object is large. What it answers is drawn at the plate's own size by the filter that
finishes tracked mattes.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
import torch

from rde_roto.matte.finish import finish
from rde_roto.model.click_model import ClickModel
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.session.clicks.look import Look, drawn_part
from rde_roto.session.clicks.rules import Decision, added, boxed, joined, removed
from rde_roto.session.drawing.painting import Point, within
from rde_roto.session.drawing.selection import Change, Click, Hints
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, Window
from rde_roto.values.preset import Finish

_LINES = 480
"""Height at which the network looks at a whole frame."""
_PART_PX = 400 * 400
"""Pixels at which it looks at a part of one."""
_MOST_ENLARGED = 2.0
_MOST_SHARE = 0.5
"""The largest part, as a share of the frame. A larger object is looked at in the whole frame."""
_ROOM = 0.4
"""Room around the object, as a share of its size."""
_GRID = 16
"""Parts begin and end at a sixteenth of the frame, so that a small change keeps the part."""
_GUESS = 0.77
"""Axes of the ellipse that is the first guess in a box, as a share of the box's sides."""
_LEAST_SIDE_PX = 4
_KEPT_LOOKS = 3


class ClickSelector:
    """Select on the frames of a plate: a ``selection.Selector``.

    Equal hints on equal pixels always give the same change: what is kept only saves time.

    Args: plate; load, which loads the network when it is first needed.
    """

    def __init__(self, plate: Plate, load: Callable[[], ClickModel]) -> None:
        self._plate, self._load = plate, load
        self._model: ClickModel | None = None
        self._picture: tuple[str, Picture] | None = None
        self._looks: OrderedDict[tuple[str, Geometry], Look] = OrderedDict()

    @torch.inference_mode()
    def look_at(self, frame: int) -> None:
        """See ``selection.Selector``."""
        self._look(frame, None)

    @torch.inference_mode()
    def select(self, frame: int, before: FloatArray, hints: Hints) -> Change | None:
        """See ``selection.Selector``."""
        _check(hints, before.shape)
        if hints.box is not None:
            return self._select_box(frame, before.shape, hints.box)
        clicks = (*_seeds(before, hints.earlier), *hints.earlier, *hints.clicks)
        look = self._look(frame, self._part(_corners(before), clicks))
        answer = self._answer(look, before, clicks)
        if not (before >= 0.5).any():
            found = joined(answer >= 0.5, look.dots(hints.clicks))
            first = look.raw(answer * found).at_plate()[0]
            closer = self._look(frame, self._part(_corners(first), clicks))
            if closer is not look:  # it is small: look again from nearby
                look, answer = closer, self._answer(closer, first, clicks)
        dots = look.dots(hints.clicks)
        others = look.dots(click for click in hints.earlier if click.adds is not hints.adds)
        answer = np.where(others & ~dots, np.float32(not hints.adds), answer)
        rule = added if hints.adds else removed
        return self._change(frame, look, rule(answer, look.cells_of(before), dots), hints)

    def _select_box(self, frame: int, shape: tuple[int, ...], box: Window) -> Change | None:
        """Select what a box is drawn around: an ellipse in it is the first guess."""
        corners = (box.x, box.y), (box.x + box.width, box.y + box.height)
        middle = Click((box.x + box.width / 2, box.y + box.height / 2), True)
        guess = np.zeros(shape, np.float32)
        axes = max(1, round(_GUESS * box.width / 2)), max(1, round(_GUESS * box.height / 2))
        cv2.ellipse(guess, [round(place) for place in middle.point], axes, 0, 0, 360, (1.0,), -1)
        look = self._look(frame, self._part(corners, ()))
        answer = self._answer(look, guess, (middle,))
        return self._change(frame, look, boxed(answer, look.inside(box)), Hints(box))

    def _change(
        self, frame: int, look: Look, decision: Decision | None, hints: Hints
    ) -> Change | None:
        """Return what a decision means at plate size."""
        if decision is None:
            return None
        box, raw, share = drawn_part(look, decision)
        mask = finish(raw, self._seen(frame).within(within(box)), Finish())[0]
        return Change(hints.kind, box, mask, share)

    def _answer(self, look: Look, previous: FloatArray, clicks: Iterable[Click]) -> FloatArray:
        """Return the network's mask in cells, given a previous mask [H, W] of the plate."""
        answer = self._network.answer(look.frame, look.planes(previous, clicks))
        cells: FloatArray = look.geometry.unpadded(answer).numpy()
        return cells

    @property
    def _network(self) -> ClickModel:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _seen(self, frame: int) -> Picture:
        """Return the frame; it is read again only if it has changed."""
        digest = self._plate.digest(frame)
        if self._picture is None or self._picture[0] != digest:
            self._picture = digest, Picture.of(self._plate, frame)
        return self._picture[1]

    def _look(self, frame: int, part: Window | None) -> Look:
        geometry = self._geometry(part)
        key = self._plate.digest(frame), geometry
        look = self._looks.get(key)
        if look is None:
            encoded = self._network.encode(self._seen(frame), geometry)
            look = self._looks[key] = Look(geometry, encoded)
        self._looks.move_to_end(key)
        while len(self._looks) > _KEPT_LOOKS:
            self._looks.popitem(last=False)
        return look

    def _geometry(self, part: Window | None) -> Geometry:
        """Return the size at which a part is looked at, or the whole frame."""
        size, aspect = self._plate.format.data.shape, self._plate.format.pixel_aspect
        if part is None:
            return Geometry.of(size, _LINES, aspect)
        scale = min(_MOST_ENLARGED, (_PART_PX / (part.width * aspect * part.height)) ** 0.5)
        working = max(1, round(part.height * scale)), max(1, round(part.width * aspect * scale))
        return Geometry(size, working, part)

    def _part(self, corners: Sequence[Point], clicks: Sequence[Click]) -> Window | None:
        """Return the part to look at, around an object and clicks; None for the whole frame."""
        if not corners:
            return None
        height, width = self._plate.format.data.shape
        xs, ys = zip(*corners, *(click.point for click in clicks), strict=True)
        left, right = _widened(min(xs), max(xs), width)
        top, bottom = _widened(min(ys), max(ys), height)
        part = Window(left, top, right - left, bottom - top)
        return part if part.width * part.height <= _MOST_SHARE * width * height else None


def _corners(mask: FloatArray) -> tuple[Point, ...]:
    """Return two opposite corners of what a mask [H, W] covers; nothing if it is empty."""
    rows, columns = (np.flatnonzero((mask >= 0.5).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return ()
    (top, bottom), (left, right) = ((int(at[0]), int(at[-1]) + 1) for at in (rows, columns))
    return (left, top), (right, bottom)


def _widened(low: float, high: float, length: int) -> tuple[int, int]:
    """Return a range of pixels with room on both sides, on a coarse grid."""
    step = length / _GRID
    room = max((high - low) * _ROOM, step)
    first, last = math.floor((low - room) / step), math.ceil((high + room) / step)
    return round(max(0, first) * step), round(min(_GRID, last) * step)


def _seeds(mask: FloatArray, earlier: Sequence[Click]) -> tuple[Click, ...]:
    """Return a click for a mask that none has led to, where it is deepest."""
    if any(click.adds for click in earlier) or not (mask >= 0.5).any():
        return ()
    inside = np.pad((mask >= 0.5).astype(np.uint8), 1)
    depth = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3))
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return (Click((float(column) - 0.5, float(row) - 0.5), True),)


def _check(hints: Hints, shape: tuple[int, ...]) -> None:
    """Raise UsageError if hints are not sufficient for a picture of this shape."""
    height, width = shape
    box = hints.box
    if box is None:
        points = [click.point for click in hints.clicks]
        if not any(0 <= x < width and 0 <= y < height for x, y in points):
            raise UsageError("click on the element, or drag a box around it")
        return
    if min(box.width, box.height) < _LEAST_SIDE_PX:
        raise UsageError(f"the box is {box.width}x{box.height}: drag one around the whole element")
    right, bottom = min(width, box.x + box.width), min(height, box.y + box.height)
    if min(right - max(0, box.x), bottom - max(0, box.y)) < _LEAST_SIDE_PX:
        raise UsageError("that is outside the picture: drag a box around the element")
