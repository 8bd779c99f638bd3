"""The brush that refines an edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.painting import Point
from rde_roto.session.drawing.tools import PaintTarget, PenEvent, Plain, Trace


@dataclass
class RefineEdge(Plain):
    """A brush that marks where an edge is hair, blur or defocus."""

    _pen: list[tuple[Point, float]] = field(default_factory=list)

    def traces(self, target: PaintTarget) -> Sequence[Trace]:
        return [Trace([point for point, _ in self._pen])] if self._pen else []

    def press(self, target: PaintTarget, pen: PenEvent) -> None:
        self._pen = [(pen.point, pen.pressure)]

    def drag(self, target: PaintTarget, pen: PenEvent) -> None:
        if self._pen:
            self._pen.append((pen.point, pen.pressure))

    def release(self, target: PaintTarget, pen: PenEvent) -> None:
        marked, self._pen = self._pen, []
        if marked:
            target.refine(EdgeMark(tuple(marked), target.brush))

    def cancel(self, target: PaintTarget) -> bool:
        had, self._pen = bool(self._pen), []
        return had
