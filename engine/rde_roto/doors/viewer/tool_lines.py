"""Draws the guide lines of the tool: what it is about to do, and what can be pulled."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from rde_roto.doors.viewer.style import ADDS, SUBTRACTS
from rde_roto.session.drawing.tools import Trace
from rde_roto.session.session import Session


def draw_tool(painter: QPainter, session: Session, transform: QTransform) -> None:
    """Draw the guide lines of the tool. The painter is the widget's."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for trace in session.paint.tool.traces(session.paint):
        line = transform.map(QPolygonF([QPointF(x, y) for x, y in trace.points]))
        colour = SUBTRACTS if trace.subtracts else ADDS
        colour = QColor("white") if trace.is_handle else colour
        painter.setBrush(Qt.BrushStyle.NoBrush)
        wide = 1 if trace.is_faint or trace.is_carried or trace.is_handle else 2
        style = Qt.PenStyle.DashLine if trace.subtracts else Qt.PenStyle.SolidLine
        style = Qt.PenStyle.DotLine if trace.is_faint else style
        for shade, width in ((QColor(0, 0, 0, 180), 2 * wide), (colour, wide)):
            painter.setPen(QPen(shade, width, style))
            if trace.is_closed:
                painter.drawPolygon(line)
            else:
                painter.drawPolyline(line)
        for x, y in trace.handles:
            _draw_handle(painter, transform.map(QPointF(x, y)), trace)


def _draw_handle(painter: QPainter, at: QPointF, trace: Trace) -> None:
    """Draw what can be pulled: a point, hollow on a carried line, or the round end of a feather or
    of a handle.
    """
    if trace.is_faint or trace.is_handle:
        painter.setPen(QPen(Qt.GlobalColor.black, 1))
        painter.setBrush(Qt.GlobalColor.white)
        painter.drawEllipse(at, 3.5, 3.5)
        return
    sides = [(8, QColor("black")), (6, QColor("white"))]
    if trace.is_carried:
        sides.append((3, QColor("black")))
    for side, colour in sides:
        painter.fillRect(QRectF(at.x() - side / 2, at.y() - side / 2, side, side), colour)
