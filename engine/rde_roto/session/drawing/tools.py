"""What tools do with the pen or the mouse: the interface of a tool, and all tools but the
polygon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np

from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import Brush, Point, Stroke, filled, within
from rde_roto.session.drawing.selection import Click, Hints
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_CLICK_PX = 4.0
"""Screen pixels that the pen may move in a click."""
_CLICKS_A_LINE = 8


@dataclass(frozen=True)
class PenEvent:
    """Where the pen is on the plate, how hard it presses (0..1), and which keys are held.

    `reverses` (Alt, the right button or the pen's other end) makes a tool do the opposite of what
    is chosen, and removes points. `subtracts`, which the paint controller finds out, makes it
    remove instead of add. `alternate` (Shift) is the second use of a tool. `zoom` is the number of
    screen pixels per plate pixel.
    """

    point: Point
    pressure: float = 1.0
    reverses: bool = False
    alternate: bool = False
    zoom: float = 1.0
    subtracts: bool = False


class PaintTarget(Protocol):
    """What a tool draws on."""

    @property
    def brush(self) -> Brush:
        """The current brush."""

    def pixels(self) -> FloatArray:
        """Return the chosen element at this frame, float32 [H, W], owned by the caller."""

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Show unfinished pixels. Only those in the box are new."""

    def commit(self, box: Window | None, pixels: FloatArray, label: str) -> None:
        """Draw pixels [H, W], of which only those in the box are new, as one step of undo."""

    def drop(self) -> None:
        """Show what is drawn again."""

    @property
    def lines(self) -> Sequence[Line]:
        """The editable lines of the chosen element at this frame."""

    @property
    def are_carried(self) -> bool:
        """Whether the lines are carried here, and drawn at another frame."""

    def draw_line(self, line: Line, label: str) -> None:
        """Draw one more line, as one step of undo."""

    def change_line(self, place: int, line: Line | None, label: str) -> None:
        """Replace a line, or delete it with None, as one step of undo."""

    def select(self, hints: Hints) -> None:
        """Select what hints say, which takes a moment."""

    def refine(self, mark: EdgeMark) -> None:
        """Find a marked edge anew from the plate, which takes a moment."""


@dataclass(frozen=True)
class Trace:
    """A guide line of plate points over the picture; `handles` can be pulled. One that `subtracts`
    has another colour. Where a feather ends is `is_faint`, `is_handle` those of a point of a curve;
    `is_carried` is drawn elsewhere.
    """

    points: Sequence[Point]
    is_closed: bool = False
    handles: Sequence[Point] = ()
    subtracts: bool = False
    is_faint: bool = False
    is_carried: bool = False
    is_handle: bool = False


class Tool(Protocol):
    """A tool."""

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        """Return the guide lines: what the tool is about to do, and what can be moved."""

    def changes_matte(self, pen: PenEvent) -> bool:
        """Whether pressing the pen begins to change what is there, rather than to replace it."""

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        """Handle the pen going down."""

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        """Handle the pen moving while it is down."""

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        """Handle the pen being lifted."""

    def confirm(self, target: PaintTarget) -> None:
        """Handle Enter: apply what was prepared."""

    def cancel(self, target: PaintTarget) -> bool:
        """Handle Escape: drop what was prepared; whether there was anything."""


@dataclass
class Plain:
    """A tool that prepares nothing."""

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        return ()

    def changes_matte(self, pen: PenEvent) -> bool:
        return True

    def press(self, target: PaintTarget, pen: PenEvent) -> None: ...

    def drag(self, target: PaintTarget, pen: PenEvent) -> None: ...

    def release(self, target: PaintTarget, pen: PenEvent) -> None: ...

    def confirm(self, target: PaintTarget) -> None: ...

    def cancel(self, target: PaintTarget) -> bool:
        return False


@dataclass
class Painter(Plain):
    """Brush or eraser. Alt swaps them."""

    erases: bool = False
    _stroke: Stroke | None = None
    _label: str = ""

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        erases = self.erases != pen.subtracts
        self._label = "eraser stroke" if erases else "brush stroke"
        self._stroke = Stroke(target.pixels(), target.brush, erases)
        self.drag(target, pen)

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        if self._stroke is not None:
            box = self._stroke.to(pen.point, pen.pressure)
            if box is not None:
                target.show(self._stroke.pixels, box)

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.box is None:
            target.drop()
        else:
            target.commit(stroke.box, stroke.pixels, self._label)

    def cancel(self, target: PaintTarget) -> bool:
        was_painting = self._stroke is not None
        self._stroke = None
        if was_painting:
            target.drop()
        return was_painting


@dataclass
class Lasso(Plain):
    """A free line around what is to be inside, or with Alt outside."""

    points: list[Point] = field(default_factory=list)
    _subtracts: bool = False

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        return [Trace(self.points, subtracts=self._subtracts)] if self.points else []

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        self.points, self._subtracts = [pen.point], pen.subtracts

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        if self.points and self.points[-1] != pen.point:
            self.points.append(pen.point)

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        points, self.points = self.points, []
        pixels, line = target.pixels(), Line(tuple(points), subtracts=self._subtracts)
        shape = (pixels.shape[0], pixels.shape[1])
        box = line.box(shape)
        if box is not None:
            part = pixels[within(box)]
            part[...] = line.over(part, box, shape)
            target.commit(box, pixels, "lasso")

    def cancel(self, target: PaintTarget) -> bool:
        had, self.points = bool(self.points), []
        return had


@dataclass
class Fill(Plain):
    """Fill the hole that is clicked on."""

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        pixels = filled(target.pixels(), pen.point)
        target.commit(Window(0, 0, pixels.shape[1], pixels.shape[0]), pixels, "fill")


@dataclass
class Smart(Plain):
    """Clicks on what belongs to the element, or subtracting on what does not; a box around it.

    Shift draws a line of clicks in place of the box, and so does a drag that subtracts.
    """

    points: list[Point] = field(default_factory=list)
    _is_box: bool = True
    _subtracts: bool = False

    def changes_matte(self, pen: PenEvent) -> bool:
        return pen.alternate or pen.subtracts

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        if not self._is_box or len(self.points) < 2:
            return [Trace(self.points, subtracts=self._subtracts)] if self.points else []
        (left, top), (right, bottom) = self.points[0], self.points[-1]
        return [Trace([(left, top), (right, top), (right, bottom), (left, bottom)], True)]

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        self._is_box, self._subtracts = not self.changes_matte(pen), pen.subtracts
        self.points = [pen.point]

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        if self.points:
            self.points.append(pen.point)

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        points, self.points = self.points, []
        if not points:
            return
        is_click = all(math.dist(point, points[0]) * pen.zoom <= _CLICK_PX for point in points)
        if self._is_box and not is_click:
            target.select(Hints(box=_box_of(points[0], points[-1])))
        else:
            places = points[:1] if is_click else _spread(points)
            adds = not self._subtracts
            target.select(Hints(clicks=tuple(Click(place, adds) for place in places)))

    def cancel(self, target: PaintTarget) -> bool:
        had, self.points = bool(self.points), []
        return had


def _box_of(one: Point, other: Point) -> Window:
    left, right = sorted((round(one[0]), round(other[0])))
    top, bottom = sorted((round(one[1]), round(other[1])))
    return Window(left, top, right - left, bottom - top)


def _spread(points: Sequence[Point]) -> list[Point]:
    """Return a few points of a line, equally far apart, with both ends."""
    lengths = [math.dist(*pair) for pair in pairwise(points)]
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.linspace(0, along[-1], _CLICKS_A_LINE)
    columns, rows = (np.interp(places, along, axis).tolist() for axis in zip(*points, strict=True))
    return list(zip(columns, rows, strict=True))
