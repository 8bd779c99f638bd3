"""What the hand does with the pen or the mouse, tool by tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from rde_roto.session.painting import Brush, Point, Stroke, filled, polygon, smoothed, within
from rde_roto.session.smart import Hints
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

ToolName: TypeAlias = Literal["brush", "eraser", "polygon", "lasso", "fill", "smart"]

_NEAR_PX = 8.0


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

    def select(self, hints: Hints) -> None:
        """Has a mask made of hints, which takes a moment."""


class Tool(Protocol):
    """A tool. What it is about to do is a line of plate points, for the eye."""

    @property
    def outline(self) -> Sequence[Point]:
        """A line to be drawn over the picture."""

    @property
    def is_closed(self) -> bool:
        """Whether that line is closed."""

    @property
    def handles(self) -> Sequence[Point]:
        """Points that can be moved."""

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
class _Plain:
    """A tool that prepares nothing."""

    @property
    def outline(self) -> Sequence[Point]:
        return ()

    @property
    def is_closed(self) -> bool:
        return False

    @property
    def handles(self) -> Sequence[Point]:
        return ()

    def press(self, easel: Easel, hand: Hand) -> None: ...

    def drag(self, easel: Easel, hand: Hand) -> None: ...

    def release(self, easel: Easel, hand: Hand) -> None: ...

    def confirm(self, easel: Easel) -> None: ...

    def cancel(self, easel: Easel) -> bool:
        return False


@dataclass
class Painter(_Plain):
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
class Lasso(_Plain):
    """A free line around what is to be inside, or with Alt outside."""

    points: list[Point] = field(default_factory=list)

    @property
    def outline(self) -> Sequence[Point]:
        return self.points

    def press(self, easel: Easel, hand: Hand) -> None:
        self.points = [hand.point]

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self.points and self.points[-1] != hand.point:
            self.points.append(hand.point)

    def release(self, easel: Easel, hand: Hand) -> None:
        points, self.points = self.points, []
        _draw(easel, points, hand.takes, "lasso")

    def cancel(self, easel: Easel) -> bool:
        had, self.points = bool(self.points), []
        return had


@dataclass
class Polygon(_Plain):
    """Points that can be moved until Enter; straight lines, or a smooth curve through them."""

    points: list[Point] = field(default_factory=list)
    smooth: bool = False
    takes: bool = False
    _held: int | None = None

    @property
    def outline(self) -> Sequence[Point]:
        return smoothed(self.points) if self.smooth else self.points

    @property
    def is_closed(self) -> bool:
        return len(self.points) > 2

    @property
    def handles(self) -> Sequence[Point]:
        return self.points

    def press(self, easel: Easel, hand: Hand) -> None:
        near = [place for place, point in enumerate(self.points) if _is_near(point, hand)]
        if near:
            self._held = near[-1]
            return
        if not self.points:
            self.takes = hand.takes
        self.points.append(hand.point)
        self._held = len(self.points) - 1

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self._held is not None:
            self.points[self._held] = hand.point

    def release(self, easel: Easel, hand: Hand) -> None:
        self._held = None

    def confirm(self, easel: Easel) -> None:
        points = list(self.outline)
        self.points, self._held = [], None
        _draw(easel, points, self.takes, "spline" if self.smooth else "polygon")

    def cancel(self, easel: Easel) -> bool:
        had, self.points, self._held = bool(self.points), [], None
        return had


@dataclass
class Fill(_Plain):
    """Fills the hole that is clicked on."""

    def press(self, easel: Easel, hand: Hand) -> None:
        easel.commit(None, filled(easel.pixels(), hand.point), "fill")


@dataclass
class Smart(_Plain):
    """A box around the element; Shift scribbles on what belongs to it, Alt on what does not."""

    points: list[Point] = field(default_factory=list)
    _is_box: bool = True

    @property
    def outline(self) -> Sequence[Point]:
        if not self._is_box or len(self.points) < 2:
            return self.points
        (left, top), (right, bottom) = self.points[0], self.points[-1]
        return [(left, top), (right, top), (right, bottom), (left, bottom)]

    @property
    def is_closed(self) -> bool:
        return self._is_box

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


def tool_named(name: ToolName) -> Tool:
    """A tool, with nothing begun."""
    match name:
        case "brush":
            return Painter()
        case "eraser":
            return Painter(erases=True)
        case "polygon":
            return Polygon()
        case "lasso":
            return Lasso()
        case "fill":
            return Fill()
        case "smart":
            return Smart()


def _draw(easel: Easel, points: Sequence[Point], takes: bool, label: str) -> None:
    """Adds what lies within a closed line, or takes it away."""
    pixels = easel.pixels()
    found = polygon(points, (pixels.shape[0], pixels.shape[1]))
    if found is None:
        return
    box, share = found
    part = pixels[within(box)]
    part[...] = part * (1 - share) if takes else part + share * (1 - part)
    easel.commit(box, pixels, label)


def _is_near(point: Point, hand: Hand) -> bool:
    reach = _NEAR_PX / hand.zoom
    return abs(point[0] - hand.point[0]) <= reach and abs(point[1] - hand.point[1]) <= reach


def _box_of(one: Point, other: Point) -> Window:
    left, right = sorted((round(one[0]), round(other[0])))
    top, bottom = sorted((round(one[1]), round(other[1])))
    return Window(left, top, right - left, bottom - top)
