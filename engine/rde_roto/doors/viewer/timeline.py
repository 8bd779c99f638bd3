"""The time line: states, keyframes, in and out, confidence and size, drawn by pyqtgraph."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsRectItem, QLabel, QVBoxLayout, QWidget

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
_HEIGHT = 96
_RULER = 20
_BAR = (1.25, 1.65)
"""The bar of states, in units of the curves below it, which go from 0 to 1."""
_BOTTOM, _TOP = -0.08, 1.7
_MARKS_Y = 1.45
_SUGGESTIONS_Y = 1.12
_REACH_PX = 5
_LEAST_DRAG_PX = 3
_FEWEST_FRAMES = 10
_LEAST_SURE = 0.5


class TimeLine(QWidget):
    """Show every frame of a session, or those that are zoomed into.

    ``asked`` reports the frame that was clicked or dragged to, ``bounds_asked`` the in and out that
    were dragged. The wheel zooms; with Shift, or with the middle button, the line scrolls.
    """

    asked = Signal(int)
    bounds_asked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self._shown: Session | None = None
        self._dragged: str = ""  # "frame", "in", "out" or "line"
        self._last = QPointF()
        self._pressed_px = 0.0
        self._is_click = False  # on an end that has not been dragged yet
        self._plot = pg.PlotWidget(background=GROUND, enableMenu=False)
        # Qt's own events drive it, so that a press acts at once and tests need no timers
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self._box = self._set_up_axes()
        self._add_items()
        self._label, self.reading = QLabel(self), QLabel(self)
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label.setStyleSheet(
            f"background: {ACCENT.name()}; color: {INK.name()}; border-radius: 4px; "
            f"font-weight: bold; font-size: {SMALLEST_TEXT_PX + 1}px; padding: 0 6px;"
        )
        self.reading.setStyleSheet(f"background: {GROUND.name()}; padding: 1px 6px;")
        for label in (self._label, self.reading):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.hide()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"TimeLine {{ background: {GROUND.name()}; }}")
        self.setFixedHeight(_HEIGHT)
        self.setMouseTracking(True)
        self.setToolTip(
            "green: up to date · amber: out of date · blue: in progress · "
            "light blue: keyframe · violet: locked\nwhite: confidence of the track · grey: size of "
            "the element · orange marks: frames to correct, the filled one first\n"
            "wheel: zoom · Shift and wheel, middle button: scroll · drag the white ends: in and out"
        )

    # What is shown.

    def refresh(self) -> None:
        """Redraw after a change of the shot."""
        session = self.session
        if session is None:
            self._plot.setVisible(False)
            self._label.hide()
            self.reading.hide()
            self._shown = None
            return
        self._plot.setVisible(True)
        if session is not self._shown:
            self._shown = session
            self._show_whole()
        self._show_states(session)
        self._show_bounds(*session.navigation.bounds)
        self._show_curves(session)
        self._show_marks(session)
        self.show_frame()

    def show_frame(self) -> None:
        """Show which frame is current. Scrolls to it if it is out of sight."""
        if self.session is None or self._shown is not self.session:
            return
        frame = self.session.frame
        left, right = self._box.viewRange()[0]
        if not left <= frame <= right:
            half = (right - left) / 2
            self._show_range(frame - half, frame + half)
        self._current.setValue(frame)
        self._place_label()

    def place(self, frame: float) -> float:
        """Return where the middle of a frame is, from the left, in pixels."""
        return float(self._box.mapViewToScene(QPointF(frame, 0)).x())

    def frame_at(self, x: float) -> int:
        """Return the frame at a position."""
        return round(float(self._box.mapSceneToView(QPointF(x, 0)).x()))

    @property
    def visible_frames(self) -> tuple[int, int]:
        """The first and the last frame that can be seen."""
        left, right = self._box.viewRange()[0]
        return round(left + 0.5), round(right - 0.5)

    # The mouse.

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        x, self._last = event.position().x(), event.position()
        if self.session is None:
            return
        if event.button() is Qt.MouseButton.MiddleButton:
            self._dragged = "line"
        elif event.button() is Qt.MouseButton.LeftButton:
            self._dragged, self._pressed_px = self._bound_at(x) or "frame", x
            self._is_click = self._dragged != "frame"
            if not self._is_click:
                self._drag_to(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        at = event.position()
        if self.session is None:
            return
        if self._dragged == "line":
            frames = self._frames_per_px * (self._last.x() - at.x())
            left, right = self._box.viewRange()[0]
            self._show_range(left + frames, right + frames)
        elif self._dragged:
            self._is_click &= abs(at.x() - self._pressed_px) < _LEAST_DRAG_PX
            if not self._is_click:
                self._drag_to(at.x())
        self._last = at
        on_bound = bool(self._bound_at(at.x()))
        self.setCursor(Qt.CursorShape.SizeHorCursor if on_bound else Qt.CursorShape.ArrowCursor)
        self._read(self.frame_at(at.x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._is_click and self.session is not None:
            self.asked.emit(self.frame_at(event.position().x()))
        self._dragged, self._is_click = "", False

    def leaveEvent(self, _event: object) -> None:  # noqa: N802
        self.reading.hide()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        turn = event.angleDelta()
        turns = (turn.y() or turn.x()) / 120
        left, right = self._box.viewRange()[0]
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not turn.y():
            by = -turns * (right - left) / 8
            self._show_range(left + by, right + by)
            return
        about = float(self._box.mapSceneToView(event.position()).x())
        factor = 0.8**turns
        self._show_range(about + (left - about) * factor, about + (right - about) * factor)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._place_label()

    # Private.

    def _set_up_axes(self) -> pg.ViewBox:
        plot = self._plot.getPlotItem()
        plot.hideButtons()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.showAxis("top")
        axis = plot.getAxis("top")
        axis.setHeight(_RULER)
        axis.setPen(pg.mkPen(LINE))
        axis.setTextPen(pg.mkPen(QUIET))
        axis.enableAutoSIPrefix(False)
        font = self.font()
        font.setPixelSize(SMALLEST_TEXT_PX + 1)
        axis.setStyle(tickFont=font, tickTextOffset=2, tickLength=-3, maxTickLevel=0)
        plot.layout.setContentsMargins(_MARGIN, 0, _MARGIN, 2)
        box = plot.getViewBox()
        box.disableAutoRange()
        box.setDefaultPadding(0)
        box.setYRange(_BOTTOM, _TOP, padding=0)
        return box

    def _add_items(self) -> None:
        self._states = pg.ImageItem(axisOrder="row-major")
        self._size = pg.PlotCurveItem(pen=pg.mkPen(QColor("#6c7380"), width=1), connect="finite")
        self._sure = pg.PlotCurveItem(
            pen=pg.mkPen(QColor("#d7dce5"), width=1.5), connect="finite", antialias=True
        )
        ink = pg.mkPen(INK)
        keyframe = pg.mkBrush(STATE_COLOURS[FrameState.KEYFRAME])
        self._keyframes = pg.ScatterPlotItem(symbol="d", size=13, pen=ink, brush=keyframe)
        self._suggestions = pg.ScatterPlotItem(symbol="t1", size=12)
        self._current = pg.InfiniteLine(pen=pg.mkPen(ACCENT, width=2))
        self._bounds = [pg.InfiniteLine(pen=pg.mkPen(TEXT, width=2)) for _ in range(2)]
        self._outside = [QGraphicsRectItem() for _ in range(2)]
        for shade in self._outside:
            shade.setBrush(QBrush(QColor(0, 0, 0, 140)))
            shade.setPen(pg.mkPen(None))
        self._none = pg.TextItem("confidence, once it is tracked", color=QUIET, anchor=(0.5, 0.5))
        levels = [pg.InfiniteLine(pos, angle=0, pen=pg.mkPen(LINE)) for pos in (0, 1)]
        curves = self._size, self._sure, self._none
        marks = *self._bounds, self._keyframes, self._suggestions, self._current
        for item in (*levels, self._states, *curves, *self._outside, *marks):
            self._box.addItem(item, ignoreBounds=True)

    def _show_whole(self) -> None:
        first, last = self._ends
        self._box.setLimits(xMin=first - 0.5, xMax=last + 0.5)
        self._box.setXRange(first - 0.5, last + 0.5, padding=0)

    def _show_range(self, left: float, right: float) -> None:
        """Show some frames: at least a few, and none beyond the ends."""
        first, last = self._ends[0] - 0.5, self._ends[1] + 0.5
        width = min(max(right - left, min(_FEWEST_FRAMES, last - first)), last - first)
        left = min(max((left + right - width) / 2, first), last - width)
        self._box.setXRange(left, left + width, padding=0)
        self._place_label()

    def _show_states(self, session: Session) -> None:
        first, last = self._ends
        colours = np.full((last - first + 1, 3), _rgb(GROUND), np.uint8)
        known = {state: _rgb(colour) for state, colour in STATE_COLOURS.items()}
        for frame, state in session.states().items():
            colours[frame - first] = known[state]
        self._states.setImage(colours[None], autoLevels=False, levels=None)
        low, high = _BAR
        self._states.setRect(QRectF(first - 0.5, low, len(colours), high - low))

    def _show_bounds(self, first: int, last: int) -> None:
        left, right = self._ends[0] - 0.5, self._ends[1] + 0.5
        ends = (left, first - 0.5), (last + 0.5, right)
        for shade, (begin, end) in zip(self._outside, ends, strict=True):
            shade.setRect(QRectF(begin, _BOTTOM, end - begin, _TOP - _BOTTOM))
        for line, at in zip(self._bounds, (first - 0.5, last + 0.5), strict=True):
            line.setValue(at)

    def _show_curves(self, session: Session) -> None:
        """Draw the confidence, from 0.5 at the bottom to 1, and the size as a share of the largest
        size.
        """
        frames = np.arange(self._ends[0], self._ends[1] + 1)
        sure = _curve(session.quality.confidences(session.element), frames)
        size = _curve(session.quality.areas(session.element), frames)
        largest = np.nanmax(size, initial=0.0)
        share = (sure - _LEAST_SURE) / (1 - _LEAST_SURE)
        self._sure.setData(frames, np.clip(share, 0, 1))
        self._size.setData(frames, size / largest if largest else size)
        left, right = self._box.viewRange()[0]
        self._none.setPos((left + right) / 2, 0.5)
        self._none.setVisible(int(np.isfinite(sure).sum()) < 2)

    def _show_marks(self, session: Session) -> None:
        drawn = [frame for frame in session.draft.drawings if frame in session.range]
        self._keyframes.setData(drawn, [_MARKS_Y] * len(drawn))
        found = [one.frame for one in session.quality.suggestions]
        self._suggestions.setData(
            found,
            [_SUGGESTIONS_Y] * len(found),
            pen=[pg.mkPen(WARNING)] * len(found),
            brush=[pg.mkBrush(None if place else WARNING) for place in range(len(found))],
        )

    def _place_label(self) -> None:
        if self.session is None or self._shown is not self.session:
            return
        self._label.setText(str(self.session.frame))
        self._label.resize(self._label.sizeHint().width(), _RULER - 3)
        x = self.place(self.session.frame) - self._label.width() / 2
        self._label.move(round(min(max(x, 0), self.width() - self._label.width())), 0)
        self._label.show()

    def _read(self, frame: int) -> None:
        """Show what is known of the frame under the mouse."""
        session = self.session
        if session is None or frame not in session.range:
            self.reading.hide()
            return
        sure, size = (
            session.quality.confidences(session.element).get(frame),
            session.quality.areas(session.element).get(frame),
        )
        words = [str(frame), session.state(frame).value]
        words += [] if sure is None else [f"confidence {sure:.2f}"]
        words += [] if size is None else [f"{100 * size:.1f} % of the picture"]
        self.reading.setText("   ".join(words))
        self.reading.adjustSize()
        x = self.place(frame) + 8
        right = self.width() - self.reading.width()
        self.reading.move(QPoint(round(min(x, right)), _HEIGHT - self.reading.height() - 2))
        self.reading.show()

    def _bound_at(self, x: float) -> str:
        """Return which end of in and out can be dragged at a position; "" if none."""
        assert self.session is not None
        first, last = self.session.navigation.bounds
        if abs(x - self.place(last + 0.5)) <= _REACH_PX:
            return "out"
        return "in" if abs(x - self.place(first - 0.5)) <= _REACH_PX else ""

    def _drag_to(self, x: float) -> None:
        assert self.session is not None
        first, last = self.session.navigation.bounds
        edge = float(self._box.mapSceneToView(QPointF(x, 0)).x())
        if self._dragged == "in":
            self.bounds_asked.emit(min(max(round(edge + 0.5), self._ends[0]), last), last)
        elif self._dragged == "out":
            self.bounds_asked.emit(first, max(min(round(edge - 0.5), self._ends[1]), first))
        else:
            self.asked.emit(self.frame_at(x))

    @property
    def _ends(self) -> tuple[int, int]:
        assert self.session is not None
        return self.session.range.first, self.session.range.last

    @property
    def _frames_per_px(self) -> float:
        left, right = self._box.viewRange()[0]
        return (float(right) - float(left)) / max(1.0, float(self._box.width()))


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _curve(values: dict[int, float], frames: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return a value for each frame, NaN where there is none."""
    return np.array([values.get(int(frame), np.nan) for frame in frames])
