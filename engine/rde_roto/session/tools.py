"""What the hand does with the pen or the mouse: what tools are, and all but that of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rde_roto.session.painting import Brush, Line, Point, Stroke, filled, within
from rde_roto.session.smart_select import Hints
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


@dataclass(frozen=True)
class Hand:
    """Where the pen is on the plate, how hard it presses (0..1), and which keys are held.

    `takes` (Alt) turns a tool round: it takes away. `marks` (Shift) is a second use of a tool.
    `zoom` is how many pixels of the screen a pixel of the plate is.
    """

    point: Point
    pressure: float = 1.0
    takes: bool = False
    marks: bool = False
    zoom: float = 1.0


class Easel(Protocol):
    """What a tool works on."""

    @property
    def brush(self) -> Brush:
        """The brush as it is set."""

    def pixels(self) -> FloatArray:
        """The chosen element at this frame, float32 [H, W], the caller's own."""

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Shows pixels that are not done yet; what of them is new lies in the box."""

    def commit(self, box: Window | None, pixels: FloatArray, label: str) -> None:
        """Draws pixels [H, W], of which only those of the box are new, as one step of undo."""

    def drop(self) -> None:
        """Shows what is drawn again."""

    @property
    def lines(self) -> Sequence[Line]:
        """The lines of the chosen element at this frame that can be moved."""

    def draw_line(self, line: Line, label: str) -> None:
        """Draws one more of them, as one step of undo."""

    def change_line(self, place: int, line: Line | None, label: str) -> None:
        """Draws another in place of one, or none, as one step of undo."""

    def select(self, hints: Hints) -> None:
        """Has a mask made of hints, which takes a moment."""


@dataclass(frozen=True)
class Trace:
    """A line of plate points over the picture, for the eye; `handles` can be pulled."""

    points: Sequence[Point]
    is_closed: bool = False
    handles: Sequence[Point] = ()


class Tool(Protocol):
    """A tool."""

    def traces(self, easel: Easel) -> Sequence[Trace]:
        """What it is about to do, and what of it can be moved."""

    def press(self, easel: Easel, hand: Hand) -> None:
        """The pen touches."""

    def drag(self, easel: Easel, hand: Hand) -> None:
        """The pen moves while it touches."""

    def release(self, easel: Easel, hand: Hand) -> None:
        """The pen is lifted."""

    def confirm(self, easel: Easel) -> None:
        """Enter: what was prepared is done."""

    def cancel(self, easel: Easel) -> bool:
        """Escape: what was prepared is dropped; whether there was anything."""


@dataclass
class Plain:
    """A tool that prepares nothing."""

    def traces(self, easel: Easel) -> Sequence[Trace]:
        return ()

    def press(self, easel: Easel, hand: Hand) -> None: ...

    def drag(self, easel: Easel, hand: Hand) -> None: ...

    def release(self, easel: Easel, hand: Hand) -> None: ...

    def confirm(self, easel: Easel) -> None: ...

    def cancel(self, easel: Easel) -> bool:
        return False


@dataclass
class Painter(Plain):
    """Brush or eraser; Alt makes the one the other."""

    erases: bool = False
    _stroke: Stroke | None = None
    _label: str = ""

    def press(self, easel: Easel, hand: Hand) -> None:
        erases = self.erases != hand.takes
        self._label = "eraser stroke" if erases else "brush stroke"
        self._stroke = Stroke(easel.pixels(), easel.brush, erases)
        self.drag(easel, hand)

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self._stroke is not None:
            box = self._stroke.to(hand.point, hand.pressure)
            if box is not None:
                easel.show(self._stroke.pixels, box)

    def release(self, easel: Easel, hand: Hand) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.box is None:
            easel.drop()
        else:
            easel.commit(stroke.box, stroke.pixels, self._label)

    def cancel(self, easel: Easel) -> bool:
        was_painting = self._stroke is not None
        self._stroke = None
        if was_painting:
            easel.drop()
        return was_painting


@dataclass
class Lasso(Plain):
    """A free line around what is to be inside, or with Alt outside."""

    points: list[Point] = field(default_factory=list)

    def traces(self, easel: Easel) -> Sequence[Trace]:
        return [Trace(self.points)] if self.points else []

    def press(self, easel: Easel, hand: Hand) -> None:
        self.points = [hand.point]

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self.points and self.points[-1] != hand.point:
            self.points.append(hand.point)

    def release(self, easel: Easel, hand: Hand) -> None:
        points, self.points = self.points, []
        pixels, line = easel.pixels(), Line(tuple(points), takes=hand.takes)
        shape = (pixels.shape[0], pixels.shape[1])
        box = line.box(shape)
        if box is not None:
            part = pixels[within(box)]
            part[...] = line.over(part, box, shape)
            easel.commit(box, pixels, "lasso")

    def cancel(self, easel: Easel) -> bool:
        had, self.points = bool(self.points), []
        return had


@dataclass
class Fill(Plain):
    """Fills the hole that is clicked on."""

    def press(self, easel: Easel, hand: Hand) -> None:
        pixels = filled(easel.pixels(), hand.point)
        easel.commit(Window(0, 0, pixels.shape[1], pixels.shape[0]), pixels, "fill")


@dataclass
class Smart(Plain):
    """A box around the element; Shift scribbles on what belongs to it, Alt on what does not."""

    points: list[Point] = field(default_factory=list)
    _is_box: bool = True

    def traces(self, easel: Easel) -> Sequence[Trace]:
        if not self._is_box or len(self.points) < 2:
            return [Trace(self.points)] if self.points else []
        (left, top), (right, bottom) = self.points[0], self.points[-1]
        return [Trace([(left, top), (right, top), (right, bottom), (left, bottom)], True)]

    def press(self, easel: Easel, hand: Hand) -> None:
        self._is_box = not (hand.marks or hand.takes)
        self.points = [hand.point]

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self.points:
            self.points.append(hand.point)

    def release(self, easel: Easel, hand: Hand) -> None:
        points, self.points = self.points, []
        if not points:
            return
        width = easel.brush.radius_px
        if self._is_box:
            easel.select(Hints(box=_box_of(points[0], points[-1])))
        elif hand.takes:
            easel.select(Hints(outside=(points,), width_px=width))
        else:
            easel.select(Hints(inside=(points,), width_px=width))

    def cancel(self, easel: Easel) -> bool:
        had, self.points = bool(self.points), []
        return had


def _box_of(one: Point, other: Point) -> Window:
    left, right = sorted((round(one[0]), round(other[0])))
    top, bottom = sorted((round(one[1]), round(other[1])))
    return Window(left, top, right - left, bottom - top)
