"""The tool for polygons and curves, whose points can be moved while and after they are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rde_roto.session.drawing.lines import INWARDS, OUTWARDS, Line
from rde_roto.session.drawing.painting import Point
from rde_roto.session.drawing.tools import PaintTarget, PenEvent, Plain, Trace

_REACH_PX = 8.0
"""How close the pen must come to a point, in screen pixels."""

BOTH: Final = 2
"""Beside `INWARDS` and `OUTWARDS`: a feather that is pulled on both sides."""


@dataclass(frozen=True)
class Grip:
    """What the pen holds of a drawn line: a point, one of its handles (0 left, 1 right), or the end
    of its feather on a side, `BOTH` for one that is pulled out of the point; with `point` None the
    whole line.
    """

    place: int
    line: Line
    point: int | None
    at: Point
    handle: int | None = None
    feather: int | None = None
    is_alone: bool = False

    def pulled(self, to: Point) -> Grip:
        """Return the grip with what is held moved to the pen."""
        point, line = self.point, self.line
        if point is not None and self.feather is not None:
            line = line.feathered_to(point, to, None if self.feather == BOTH else self.feather)
        elif point is not None and self.handle is not None:
            line = line.with_handle(point, self.handle, to, self.is_alone)
        else:
            line = line.moved((to[0] - self.at[0], to[1] - self.at[1]), point)
        return replace(self, line=line, at=to)

    @property
    def label(self) -> str:
        """What moving it does, in words."""
        if self.feather is not None:
            return "feather"
        if self.handle is not None:
            return "move handle"
        return "move line" if self.point is None else "move point"


@dataclass
class Polygon(Plain):
    """Clicks set points until Enter. Drawn lines stay editable: pull a point to move it; Alt or the
    right button deletes it; Shift pulls its feather out of it, inserts a point on the line, or
    moves the whole line from inside. The ends of a feather can be pulled and deleted as a point
    can, and so can the handles of the point that was touched last; Shift pulls one of them alone.
    """

    points: list[Point] = field(default_factory=list)
    smooth: bool = False
    subtracts: bool = False
    _held: int | None = None
    _grip: Grip | None = None
    _last: Line | None = None  # the line that was touched or drawn last
    _last_point: int | None = None  # the point of it whose handles are shown

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        if self.points:
            line = self._line
            return [Trace(line.drawn, len(self.points) > 2, self.points, line.subtracts)]
        lines = list(target.lines)
        if self._grip is not None and self._grip.place < len(lines):
            lines[self._grip.place] = self._grip.line
        carried = target.are_carried
        traces = [
            Trace(line.drawn, True, line.points, line.subtracts, is_carried=carried)
            for line in lines
        ]
        ends = [
            Trace(fade, True, _ends(line, side), line.subtracts, is_faint=True)
            for line in lines
            for side, fade in enumerate(line.fades)
        ]
        return [*ends, *traces, *self._handles(lines)]

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        if self.points or not self._touch(target, pen):
            self._set(pen)

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        if self._held is not None:
            self.points[self._held] = pen.point
        elif self._grip is not None:
            self._grip = self._grip.pulled(pen.point)

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        grip, self._grip, self._held = self._grip, None, None
        if grip is not None:
            self._change(target, grip.place, grip.line, grip.label)

    def confirm(self, target: PaintTarget) -> None:
        line = self._line
        self.points, self._held = [], None
        if len(line.points) > 2:
            self._last, self._last_point = line, None
            target.draw_line(line, "curve" if line.handles else "polygon")

    def cancel(self, target: PaintTarget) -> bool:
        had = bool(self.points) or self._grip is not None
        self.points, self._held, self._grip = [], None, None
        return had

    def toggle_smooth(self, target: PaintTarget) -> bool:
        """Switch between a curve and straight lines, and return whether it is a curve now.

        That applies to the points being set, else to the line touched last, else to lines to come.
        """
        lines = list(target.lines)
        if not self.points and self._last is not None and self._last in lines:
            place, line = lines.index(self._last), self._last
            self.smooth = not line.handles
            other = line.curved() if self.smooth else line.straight()
            self._change(target, place, other, "curve or straight")
        else:
            self.smooth = not self.smooth
        return self.smooth

    @property
    def _line(self) -> Line:
        line = Line(tuple(self.points), subtracts=self.subtracts)
        return line.curved() if self.smooth else line

    def _handles(self, lines: Sequence[Line]) -> Iterator[Trace]:
        """The handles of the point that was touched last."""
        for place, line in enumerate(lines):
            held = self._grip is not None and self._grip.place == place
            if held or line == self._last:
                point = self._grip.point if self._grip is not None else self._last_point
                if point is not None and point < len(line.handles):
                    left, at, right = line.handle_ends(point)
                    ends = [end for end in (left, right) if end != at]
                    yield Trace((left, at, right), handles=ends, is_handle=True)
                return

    def _set(self, pen: PenEvent) -> None:
        """Set a point of a new line, or grab one."""
        near = _near(self.points, pen)
        if near is None:
            self.subtracts = self.subtracts if self.points else pen.subtracts
            self.points.append(pen.point)
        self._held = len(self.points) - 1 if near is None else near

    def _touch(self, target: PaintTarget, pen: PenEvent) -> bool:
        """Grab a drawn line; whether there is one under the pen."""
        for place, line in reversed(list(enumerate(target.lines))):
            shown = self._last_point if line == self._last else None
            grip = _grip_of(place, line, pen, shown)
            if grip is None:
                continue
            if pen.reverses:
                self._delete(target, grip)
            else:
                self._last, self._last_point, self._grip = line, grip.point, grip
            return True
        return False

    def _delete(self, target: PaintTarget, grip: Grip) -> None:
        """Delete what a grip holds."""
        line, point = grip.line, grip.point
        assert point is not None
        if grip.feather is not None:
            self._change(target, grip.place, line.hardened(point), "delete feather")
        elif grip.handle is not None:
            drawn_in = line.with_handle(point, grip.handle, line.points[point], alone=True)
            self._change(target, grip.place, drawn_in, "delete handle")
        else:
            self._last_point = None
            self._change(target, grip.place, line.without_point(point), "delete point")

    def _change(self, target: PaintTarget, place: int, line: Line | None, label: str) -> None:
        lines = target.lines  # carried ones may have come anew meanwhile
        if place < len(lines) and line != lines[place]:
            target.change_line(place, line, label)
        self._last = line


def _grip_of(place: int, line: Line, pen: PenEvent, shown: int | None) -> Grip | None:
    """What the pen takes hold of: a point, a handle of the point of which they are `shown`, or the
    end of a feather that is under it; with Shift a new point on the line, or from inside the whole
    line.
    """
    point = _near(line.points, pen)
    if shown is not None and shown < len(line.handles):
        left, _, right = line.handle_ends(shown)
        handle = _near((left, right), pen)
        if handle is not None and _is_nearer((left, right)[handle], line, point, pen):
            return Grip(place, line, shown, pen.point, handle=handle, is_alone=pen.alternate)
    if point is not None:
        pulls = pen.alternate and not pen.reverses
        return Grip(place, line, point, line.points[point], feather=BOTH if pulls else None)
    for side in (OUTWARDS, INWARDS):
        end = _near(line.feather_ends(side), pen)
        if end is not None:
            return Grip(place, line, end, pen.point, feather=side)
    if not pen.alternate or pen.reverses:
        return None
    new = line.place_of(pen.point, _REACH_PX / pen.zoom)
    if new is not None:
        return Grip(place, line.with_point(new, pen.point), new, pen.point)
    return Grip(place, line, None, pen.point) if line.encloses(pen.point) else None


def _is_nearer(handle: Point, line: Line, point: int | None, pen: PenEvent) -> bool:
    """Whether the pen is nearer to the end of a handle than to a point: short ones hide there."""
    to_hand = math.dist(handle, pen.point)
    return point is None or to_hand < math.dist(line.points[point], pen.point)


def _ends(line: Line, side: int) -> Sequence[Point]:
    """Where the feathers of a line end on a side that have a width."""
    ends = zip(line.feather_ends(side), line.widths, strict=True)
    return [end for end, widths in ends if widths[side]]


def _near(points: Sequence[Point], pen: PenEvent) -> int | None:
    """Return the point under the pen, the last one set if there are several."""
    reach = _REACH_PX / pen.zoom
    for number in reversed(range(len(points))):
        x, y = points[number]
        if abs(x - pen.point[0]) <= reach and abs(y - pen.point[1]) <= reach:
            return number
    return None
