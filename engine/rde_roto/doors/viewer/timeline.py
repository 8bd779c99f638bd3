"""The time line: all frames of a shot, to look at and to go through with the mouse."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from rde_roto.doors.viewer.style import ACCENT, GROUND, INK, SMALLEST_TEXT_PX
from rde_roto.doors.viewer.timeline_plot import RULER_PX, TimeLinePlot
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.session import Session

_HEIGHT_PX = 96
_REACH_PX = 5
_LEAST_DRAG_PX = 3


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
        self._plot = TimeLinePlot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
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
        self.setFixedHeight(_HEIGHT_PX)
        self.setMouseTracking(True)
        self.setToolTip(
            "green: up to date · amber: out of date · blue: in progress · "
            "light blue: keyframe · violet: locked\nwhite: confidence of the track, over its own "
            "range · grey: size of the element · pink: drift from the keyframe, lost above the "
            "dotted line\norange marks: frames to correct, the filled one first\n"
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
            self._plot.show_whole(*self._ends)
        self._plot.refresh(session)
        self.show_frame()

    def show_frame(self) -> None:
        """Show which frame is current. Scrolls to it if it is out of sight."""
        if self.session is None or self._shown is not self.session:
            return
        self._plot.show_current(self.session.frame)
        self._place_label()

    def place(self, frame: float) -> float:
        """Return where the middle of a frame is, from the left, in pixels."""
        return self._plot.place(frame)

    def frame_at(self, x: float) -> int:
        """Return the frame at a position."""
        return round(self._plot.frame_at(x))

    @property
    def visible_frames(self) -> tuple[int, int]:
        """The first and the last frame that can be seen."""
        left, right = self._plot.edges
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
        if not event.buttons():  # a release that a dialog has swallowed
            self._dragged, self._is_click = "", False
        if self._dragged == "line":
            frames = self._plot.frames_per_px * (self._last.x() - at.x())
            left, right = self._plot.edges
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
        left, right = self._plot.edges
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not turn.y():
            by = -turns * (right - left) / 8
            self._show_range(left + by, right + by)
            return
        about = self._plot.frame_at(event.position().x())
        factor = 0.8**turns
        self._show_range(about + (left - about) * factor, about + (right - about) * factor)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._place_label()

    # Private.

    def _show_range(self, left: float, right: float) -> None:
        self._plot.show_edges(left, right)
        self._place_label()

    def _place_label(self) -> None:
        if self.session is None or self._shown is not self.session:
            return
        self._label.setText(str(self.session.frame))
        self._label.resize(self._label.sizeHint().width(), RULER_PX - 3)
        wide = self._label.width()
        x = self.place(self.session.frame) - wide / 2
        left = round(min(max(x, 0), self.width() - wide))
        self._label.move(left, 0)
        self._plot.cover(left - wide / 2, left + wide + wide / 2)  # numbers are no wider
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
        drift = session.quality.drift_near(session.element, frame)
        state, locked = session.state(frame), session.draft.locked(frame)
        names = [one.name for one in session.draft.elements if one.id in locked]
        words = [str(frame), state.value]
        words += [] if state is FrameState.LOCKED else [f"{name} is locked" for name in names]
        words += [] if sure is None else [f"confidence {sure:.2f}"]
        words += [] if size is None else [f"{100 * size:.1f} % of the picture"]
        words += [] if drift is None else [f"drift {drift:.2f}"]
        self.reading.setText("   ".join(words))
        self.reading.adjustSize()
        x = self.place(frame) + 8
        right = self.width() - self.reading.width()
        self.reading.move(QPoint(round(min(x, right)), _HEIGHT_PX - self.reading.height() - 2))
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
        edge = self._plot.frame_at(x)
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
