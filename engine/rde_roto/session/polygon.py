"""The tool of points: polygons and curves; points can be moved while and after they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rde_roto.session.painting import Line, Point
from rde_roto.session.tools import Easel, Hand, Plain, Trace

_REACH_PX = 8.0
"""Of the pen, in pixels of the screen."""


@dataclass(frozen=True)
class Grip:
    """What the pen holds of a line that is drawn: one of its points, or with None all of it."""

    place: int
    line: Line
    point: int | None
    at: Point

    def pulled(self, to: Point) -> Grip:
        """The same with what is held under the pen."""
        x, y = to[0] - self.at[0], to[1] - self.at[1]
        points = tuple(
            (one[0] + x, one[1] + y) if self.point in (None, number) else one
            for number, one in enumerate(self.line.points)
        )
        return replace(self, line=replace(self.line, points=points), at=to)


@dataclass
class Polygon(Plain):
    """Clicks set points until Enter. Lines that are drawn stay: pull a point to move it, Alt takes
    it away, Shift sets one on the line, or moves the whole line from within.
    """

    points: list[Point] = field(default_factory=list)
    smooth: bool = False
    takes: bool = False
    _held: int | None = None
    _grip: Grip | None = None
    _last: Line | None = None  # the line that was touched or drawn last

    def traces(self, easel: Easel) -> Sequence[Trace]:
        if self.points:
            line = self._line
            return [Trace(line.drawn, len(self.points) > 2, self.points)]
        lines = list(easel.lines)
        if self._grip is not None and self._grip.place < len(lines):
            lines[self._grip.place] = self._grip.line
        return [Trace(line.drawn, True, line.points) for line in lines]

    def press(self, easel: Easel, hand: Hand) -> None:
        if self.points or not self._touch(easel, hand):
            self._set(hand)

    def drag(self, easel: Easel, hand: Hand) -> None:
        if self._held is not None:
            self.points[self._held] = hand.point
        elif self._grip is not None:
            self._grip = self._grip.pulled(hand.point)

    def release(self, easel: Easel, hand: Hand) -> None:
        grip, self._grip, self._held = self._grip, None, None
        if grip is not None:
            self._change(easel, grip.place, grip.line, "move line" if grip.point is None else "")

    def confirm(self, easel: Easel) -> None:
        line = self._line
        self.points, self._held = [], None
        if len(line.points) > 2:
            self._last = line
            easel.draw_line(line, "curve" if line.smooth else "polygon")

    def cancel(self, easel: Easel) -> bool:
        had = bool(self.points) or self._grip is not None
        self.points, self._held, self._grip = [], None, None
        return had

    def toggle_smooth(self, easel: Easel) -> bool:
        """A curve in place of straight lines, or back: of the points being set, else of the line
        touched last, else of those to come. Whether it is a curve now.
        """
        lines = list(easel.lines)
        if not self.points and self._last is not None and self._last in lines:
            place, line = lines.index(self._last), self._last
            self.smooth = not line.smooth
            self._change(easel, place, replace(line, smooth=self.smooth), "curve or straight")
        else:
            self.smooth = not self.smooth
        return self.smooth

    @property
    def _line(self) -> Line:
        return Line(tuple(self.points), self.smooth, self.takes)

    def _set(self, hand: Hand) -> None:
        """Sets a point of a new line, or takes hold of one."""
        near = _near(self.points, hand)
        if near is None:
            self.takes = self.takes if self.points else hand.takes
            self.points.append(hand.point)
        self._held = len(self.points) - 1 if near is None else near

    def _touch(self, easel: Easel, hand: Hand) -> bool:
        """Takes hold of a line that is drawn; whether there is one under the pen."""
        for place, line in reversed(list(enumerate(easel.lines))):
            point = _near(line.points, hand)
            if point is not None and hand.takes:
                rest = (*line.points[:point], *line.points[point + 1 :])
                shorter = replace(line, points=rest) if len(rest) > 2 else None
                self._change(easel, place, shorter, "delete point")
            elif point is not None:
                self._grip = Grip(place, line, point, line.points[point])
            elif hand.marks and (after := _on(line, hand)) is not None:
                more = (*line.points[:after], hand.point, *line.points[after:])
                self._grip = Grip(place, replace(line, points=more), after, hand.point)
            elif hand.marks and line.encloses(hand.point):
                self._grip = Grip(place, line, None, hand.point)
            else:
                continue
            self._last = line
            return True
        return False

    def _change(self, easel: Easel, place: int, line: Line | None, label: str) -> None:
        if line != easel.lines[place]:
            easel.change_line(place, line, label or "move point")
        self._last = line


def _near(points: Sequence[Point], hand: Hand) -> int | None:
    """The point under the pen, the last one set if there are several."""
    reach = _REACH_PX / hand.zoom
    for number in reversed(range(len(points))):
        x, y = points[number]
        if abs(x - hand.point[0]) <= reach and abs(y - hand.point[1]) <= reach:
            return number
    return None


def _on(line: Line, hand: Hand) -> int | None:
    """Before which of its points one set here would come; None off the line."""
    starts = np.asarray(line.drawn, np.float64)
    runs = np.roll(starts, -1, axis=0) - starts
    to_hand = np.asarray(hand.point) - starts
    share = (to_hand * runs).sum(1) / np.maximum((runs * runs).sum(1), 1e-12)
    away = np.hypot(*(to_hand - runs * share.clip(0, 1)[:, None]).T)
    nearest = int(away.argmin())
    if away[nearest] > _REACH_PX / hand.zoom:
        return None
    return nearest * len(line.points) // len(starts) + 1
