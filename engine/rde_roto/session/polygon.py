"""The tool for polygons and curves, whose points can be moved while and after they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rde_roto.session.lines import Line
from rde_roto.session.painting import Point
from rde_roto.session.tools import PaintTarget, PenEvent, Plain, Trace

_REACH_PX = 8.0
"""How close the pen must come to a point, in screen pixels."""


@dataclass(frozen=True)
class Grip:
    """What the pen holds of a drawn line: one of its points, the feather of that point, or with
    `point` None the whole line.
    """

    place: int
    line: Line
    point: int | None
    at: Point
    is_feather: bool = False

    def pulled(self, to: Point) -> Grip:
        """Return the grip with what is held moved to the pen."""
        if self.is_feather and self.point is not None:
            line = self.line.feathered_to(self.point, to)
        else:
            line = self.line.moved((to[0] - self.at[0], to[1] - self.at[1]), self.point)
        return replace(self, line=line, at=to)

    @property
    def label(self) -> str:
        """What moving it does, in words."""
        return "feather" if self.is_feather else "move line" if self.point is None else "move point"


@dataclass
class Polygon(Plain):
    """Clicks set points until Enter. Drawn lines stay editable: pull a point to move it; Alt or the
    right button deletes it; Shift pulls its feather out of it, inserts a point on the line, or
    moves the whole line from inside. The end of a feather can be pulled and deleted as a point can.
    """

    points: list[Point] = field(default_factory=list)
    smooth: bool = False
    subtracts: bool = False
    _held: int | None = None
    _grip: Grip | None = None
    _last: Line | None = None  # the line that was touched or drawn last

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
        ends = (Trace(one.fade, True, _ends(one), one.subtracts, is_faint=True) for one in lines)
        return [*(trace for trace in ends if trace.points), *traces]

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
            self._last = line
            target.draw_line(line, "curve" if line.smooth else "polygon")

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
            self.smooth = not line.smooth
            self._change(target, place, replace(line, smooth=self.smooth), "curve or straight")
        else:
            self.smooth = not self.smooth
        return self.smooth

    @property
    def _line(self) -> Line:
        return Line(tuple(self.points), self.smooth, self.subtracts)

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
            point, end = _near(line.points, pen), _near(line.feather_ends, pen)
            if pen.reverses and point is not None:
                self._change(target, place, line.without_point(point), "delete point")
            elif pen.reverses and end is not None:
                hard = line.feathered_to(end, line.points[end])
                self._change(target, place, hard, "delete feather")
            elif grip := _grip_of(place, line, pen, point, end):
                self._last, self._grip = line, grip
            else:
                continue
            return True
        return False

    def _change(self, target: PaintTarget, place: int, line: Line | None, label: str) -> None:
        lines = target.lines  # carried ones may have come anew meanwhile
        if place < len(lines) and line != lines[place]:
            target.change_line(place, line, label)
        self._last = line


def _grip_of(
    place: int, line: Line, pen: PenEvent, point: int | None, end: int | None
) -> Grip | None:
    """What the pen takes hold of: a point or the end of a feather that is under it, or with Shift
    a new point on the line, or from inside the whole line.
    """
    if point is not None:
        return Grip(place, line, point, line.points[point], is_feather=pen.alternate)
    if end is not None:
        return Grip(place, line, end, pen.point, is_feather=True)
    if not pen.alternate:
        return None
    new = line.place_of(pen.point, _REACH_PX / pen.zoom)
    if new is not None:
        return Grip(place, line.with_point(new, pen.point), new, pen.point)
    return Grip(place, line, None, pen.point) if line.encloses(pen.point) else None


def _ends(line: Line) -> Sequence[Point]:
    """Where the feathers of a line end that have a width."""
    return [end for end, width in zip(line.feather_ends, line.widths, strict=True) if width]


def _near(points: Sequence[Point], pen: PenEvent) -> int | None:
    """Return the point under the pen, the last one set if there are several."""
    reach = _REACH_PX / pen.zoom
    for number in reversed(range(len(points))):
        x, y = points[number]
        if abs(x - pen.point[0]) <= reach and abs(y - pen.point[1]) <= reach:
            return number
    return None
