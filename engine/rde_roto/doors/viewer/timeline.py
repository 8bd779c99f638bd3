"""The time line: frame numbers, states, keyframes, locks, confidence, in and out."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from rde_roto.doors.viewer.style import (
    ACCENT,
    GROUND,
    INK,
    LINE,
    QUIET,
    SMALLEST_TEXT_PX,
    STATE_COLOURS,
    TEXT,
    WARNING,
)
from rde_roto.session.frame_states import FrameState
from rde_roto.session.session import Session

_MARGIN = 16
_RULER = 20
_BAR = 14
_CURVE = 40
_HEIGHT = _RULER + _BAR + _CURVE + 14
_LABEL_PX = 64
_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000)


class TimeLine(QWidget):
    """Show every frame of a session. ``asked`` reports the frame that was clicked or dragged to."""

    asked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self._still: QPixmap | None = None
        self.setFixedHeight(_HEIGHT)
        self.setMouseTracking(True)
        self.setToolTip(
            "green: up to date · amber: out of date · blue: in progress · "
            "light blue: keyframe · violet: locked\nline: confidence of the track · "
            "orange marks: frames to correct, the filled one first"
        )

    def refresh(self) -> None:
        """Redraw after a change of the shot."""
        self._still = None
        self.update()

    def place(self, frame: float) -> float:
        """Return where the middle of a frame is, from the left, in pixels."""
        first, count = self._frames()
        return _MARGIN + (frame - first + 0.5) * (self.width() - 2 * _MARGIN) / count

    def frame_at(self, x: float) -> int:
        """Return the frame at a position."""
        first, count = self._frames()
        return first + int((x - _MARGIN) * count / max(1, self.width() - 2 * _MARGIN))

    def _frames(self) -> tuple[int, int]:
        assert self.session is not None
        whole = self.session.navigation.range
        return whole.first, whole.last - whole.first + 1

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if self.session is None:
            painter.fillRect(self.rect(), GROUND)
            return
        if self._still is None:
            self._still = self._drawn()
        painter.drawPixmap(0, 0, self._still)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = self.place(self.session.frame)
        label = QRectF(x - 26, 0, 52, _RULER - 3)
        painter.setFont(_font())
        self._draw_ruler(painter, label)
        painter.setPen(QPen(ACCENT, 2))
        painter.drawLine(QPointF(x, _RULER - 4), QPointF(x, _HEIGHT))
        painter.setBrush(ACCENT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(label, 4, 4)
        painter.setPen(INK)
        painter.setFont(_font(bold=True))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, str(self.session.frame))

    def _drawn(self) -> QPixmap:
        """Draw everything but the current frame and the numbers beside it."""
        ratio = self.devicePixelRatioF()
        still = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        still.setDevicePixelRatio(ratio)
        still.fill(GROUND)
        painter = QPainter(still)
        painter.setFont(_font())
        self._draw_states(painter)
        self._draw_bounds(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_curve(painter)
        self._draw_marks(painter)
        painter.end()
        return still

    def _draw_ruler(self, painter: QPainter, taken: QRectF) -> None:
        """Draw frame numbers, except those that would overlap `taken`."""
        first, count = self._frames()
        wide = (self.width() - 2 * _MARGIN) / count
        step = next((step for step in _STEPS if step * wide >= _LABEL_PX), _STEPS[-1])
        start = -(-first // step) * step
        for frame in range(start, first + count, step):
            x = self.place(frame)
            label = QRectF(x - 40, 0, 80, _RULER - 4)
            text = painter.boundingRect(label, Qt.AlignmentFlag.AlignCenter, str(frame))
            if not text.intersects(taken):
                painter.setPen(QUIET)
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, str(frame))
            painter.setPen(LINE)
            painter.drawLine(QPointF(x, _RULER - 3), QPointF(x, _RULER))

    def _draw_states(self, painter: QPainter) -> None:
        assert self.session is not None
        first, count = self._frames()
        wide = (self.width() - 2 * _MARGIN) / count
        gap = 1 if wide > 4 else 0
        for frame in range(first, first + count):
            left = _MARGIN + (frame - first) * wide
            is_there = frame in self.session.navigation.range
            colour = STATE_COLOURS[self.session.state(frame)] if is_there else GROUND
            painter.fillRect(QRectF(left, _RULER, max(1.0, wide - gap), _BAR), colour)

    def _draw_bounds(self, painter: QPainter) -> None:
        assert self.session is not None
        first, last = self.session.navigation.bounds
        half = (self.width() - 2 * _MARGIN) / self._frames()[1] / 2
        left, right = self.place(first) - half, self.place(last) + half
        shade = QColor(0, 0, 0, 120)
        painter.fillRect(QRectF(0, _RULER, left, _HEIGHT - _RULER), shade)
        painter.fillRect(QRectF(right, _RULER, self.width() - right, _HEIGHT - _RULER), shade)
        painter.setPen(QPen(TEXT, 2))
        for x, step in ((left, 5), (right, -5)):
            painter.drawPolyline(
                [QPointF(x + step, _RULER), QPointF(x, _RULER), QPointF(x, _RULER + _BAR)]
            )

    def _draw_curve(self, painter: QPainter) -> None:
        """Draw the confidence of the chosen element's track, from 0.5 at the bottom to 1."""
        assert self.session is not None
        top, bottom = _RULER + _BAR + 6, _RULER + _BAR + 6 + _CURVE
        painter.setPen(QPen(LINE, 1))
        painter.drawLine(QPointF(_MARGIN, top), QPointF(self.width() - _MARGIN, top))
        painter.drawLine(QPointF(_MARGIN, bottom), QPointF(self.width() - _MARGIN, bottom))
        lines: list[list[QPointF]] = [[]]
        for frame in self.session.navigation.range:
            sure = self.session.confidence(frame)
            if sure is not None:
                share = min(max((sure - 0.5) * 2, 0.0), 1.0)
                lines[-1].append(QPointF(self.place(frame), bottom - share * _CURVE))
            elif lines[-1]:
                lines.append([])
        painter.setPen(QPen(QColor("#d7dce5"), 1.5))
        for line in lines:
            painter.drawPolyline(line)
        if not any(len(line) > 1 for line in lines):
            painter.setPen(QUIET)
            where = QRectF(_MARGIN, top, self.width() - 2 * _MARGIN, _CURVE)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, "confidence, once it is tracked")

    def _draw_marks(self, painter: QPainter) -> None:
        assert self.session is not None
        middle = _RULER + _BAR / 2
        painter.setPen(QPen(INK, 1))
        for frame in self.session.draft.drawings:
            if frame in self.session.navigation.range:
                x = self.place(frame)
                painter.setBrush(STATE_COLOURS[FrameState.KEYFRAME])
                painter.drawPolygon(
                    QPolygonF(
                        [
                            QPointF(x - 6, middle),
                            QPointF(x, middle - 7),
                            QPointF(x + 6, middle),
                            QPointF(x, middle + 7),
                        ]
                    )
                )
        for place, suggested in enumerate(self.session.suggestions):
            x, y = self.place(suggested.frame), _RULER + _BAR + 3
            painter.setBrush(Qt.BrushStyle.NoBrush if place else WARNING)
            painter.setPen(QPen(WARNING if place else INK, 1))
            painter.drawPolygon(
                QPolygonF([QPointF(x, y), QPointF(x - 7, y + 12), QPointF(x + 7, y + 12)])
            )

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self.session is not None and event.button() is Qt.MouseButton.LeftButton:
            self.asked.emit(self.frame_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self.session is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.asked.emit(self.frame_at(event.position().x()))

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802
        self._still = None


def _font(bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(SMALLEST_TEXT_PX + 1)
    font.setBold(bold)
    return font
