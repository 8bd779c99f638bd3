"""The tool for polygons and curves, whose points can be moved while and after they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rde_roto.session.painting import Line, Point
from rde_roto.session.tools import PaintTarget, PenEvent, Plain, Trace

_REACH_PX = 8.0
"""How close the pen must come to a point, in screen pixels."""


@dataclass(frozen=True)
class Grip:
    """What the pen holds of a drawn line: one of its points, or with `point` None the whole
    line.
    """

    place: int
    line: Line
    point: int | None
    at: Point

    def pulled(self, to: Point) -> Grip:
        """Return the grip with what is held moved to the pen."""
        x, y = to[0] - self.at[0], to[1] - self.at[1]
        points = tuple(
            (one[0] + x, one[1] + y) if self.point in (None, number) else one
            for number, one in enumerate(self.line.points)
        )
        return replace(self, line=replace(self.line, points=points), at=to)


@dataclass
class Polygon(Plain):
    """Clicks set points until Enter. Drawn lines stay editable: pull a point to move it; Alt or the
    right button deletes it; Shift inserts one on the line, or moves the whole line from inside.
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
        return [Trace(line.drawn, True, line.points, line.subtracts) for line in lines]

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
            self._change(target, grip.place, grip.line, "move line" if grip.point is None else "")

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
            point = _near(line.points, pen)
            if point is not None and pen.reverses:
                rest = (*line.points[:point], *line.points[point + 1 :])
                shorter = replace(line, points=rest) if len(rest) > 2 else None
                self._change(target, place, shorter, "delete point")
            elif point is not None:
                self._grip = Grip(place, line, point, line.points[point])
            elif pen.alternate and (after := _on(line, pen)) is not None:
                more = (*line.points[:after], pen.point, *line.points[after:])
                self._grip = Grip(place, replace(line, points=more), after, pen.point)
            elif pen.alternate and line.encloses(pen.point):
                self._grip = Grip(place, line, None, pen.point)
            else:
                continue
            self._last = line
            return True
        return False

    def _change(self, target: PaintTarget, place: int, line: Line | None, label: str) -> None:
        if line != target.lines[place]:
            target.change_line(place, line, label or "move point")
        self._last = line


def _near(points: Sequence[Point], pen: PenEvent) -> int | None:
    """Return the point under the pen, the last one set if there are several."""
    reach = _REACH_PX / pen.zoom
    for number in reversed(range(len(points))):
        x, y = points[number]
        if abs(x - pen.point[0]) <= reach and abs(y - pen.point[1]) <= reach:
            return number
    return None


def _on(line: Line, pen: PenEvent) -> int | None:
    """Return before which of the line's points a point set here would go; None off the line."""
    starts = np.asarray(line.drawn, np.float64)
    runs = np.roll(starts, -1, axis=0) - starts
    to_hand = np.asarray(pen.point) - starts
    share = (to_hand * runs).sum(1) / np.maximum((runs * runs).sum(1), 1e-12)
    away = np.hypot(*(to_hand - runs * share.clip(0, 1)[:, None]).T)
    nearest = int(away.argmin())
    if away[nearest] > _REACH_PX / pen.zoom:
        return None
    return nearest * len(line.points) // len(starts) + 1
