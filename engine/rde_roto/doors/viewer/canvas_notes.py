"""What is drawn over the picture in screen pixels: the brush's ring, notes, the flash."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from rde_roto.doors.viewer.style import ACCENT, SUBTRACTS, TEXT

FIRST_STEPS: Final = "   ".join(
    sentence.replace(" ", "\N{NO-BREAK SPACE}")  # a narrow picture breaks lines between them
    for sentence in (
        "6: click on the element, or paint it: 1.",
        "P tracks it through the shot.",
        "? all keys",
    )
)
"""What an artist could begin with."""


def draw_ring(painter: QPainter, at: QPointF, radii: tuple[float, float], subtracts: bool) -> None:
    """Show the size of the brush, half its width and height, and whether it subtracts."""
    across, down = radii
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour in (QColor(0, 0, 0, 160), SUBTRACTS if subtracts else QColor(255, 255, 255, 220)):
        painter.setPen(QPen(colour, 1))
        painter.drawEllipse(at, across, down)
        smaller = max(0.5, down - 1)
        across, down = across * smaller / down, smaller


def draw_note(painter: QPainter, canvas: QRect, note: str) -> None:
    """Write something at the top of the canvas."""
    align = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    room = canvas.adjusted(28, 0, -28, 0)
    box = painter.boundingRect(room, align, note).adjusted(-14, -8, 14, 8)
    box.moveTop(14)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 190))
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(TEXT)
    painter.drawText(box, align, note)


def draw_flash(painter: QPainter, canvas: QRect) -> None:
    """Draw a border around the canvas: it shows another frame than the one that was looked at."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ACCENT, 6))
    painter.drawRect(canvas.adjusted(3, 3, -3, -3))
