"""The canvas: shows the picture, and passes the pen to the tool."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPointingDevice,
    QResizeEvent,
    QTabletEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from rde_roto.doors.viewer.canvas_notes import FIRST_STEPS, draw_flash, draw_note, draw_ring
from rde_roto.doors.viewer.scene import Scene, part_seen
from rde_roto.doors.viewer.style import GROUND
from rde_roto.doors.viewer.text_editors import is_text_editor
from rde_roto.doors.viewer.tool_lines import draw_tool
from rde_roto.session.drawing.tools import PenEvent
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.session.session import Session
from rde_roto.values.plate import Window

_LEAST_ZOOM, _MOST_ZOOM = 0.02, 64.0
_WIPE_REACH_PX = 6
_FLASH_MS = 350
_NO_BUTTON = Qt.MouseButton.NoButton
_TOOL_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class Canvas(QWidget):
    """Show a session's frame, and pass pen events to its tool.

    ``hovered`` reports the position of the pen on the plate, in pixels. With `ignores_press` the
    next press does nothing: it only took the focus from a text editor.
    """

    hovered = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self.scene = Scene()
        self.zoom = 1.0
        self._offset = QPointF()
        self._is_fitted = True
        self._panned: QPointF | None = None
        self._wiping = False
        self._pen: QPointF | None = None
        self._held = Qt.MouseButton.NoButton  # the button of the tool that is drawing
        self._is_pen = False  # that presses it
        self._takes_focus_by_mouse = self.ignores_press = False
        self._flash = QTimer(self)
        self._flash.setSingleShot(True)
        self._flash.setInterval(_FLASH_MS)
        self._flash.timeout.connect(self.update)
        self._last: Bytes | None = None
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, 200)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # Position and zoom.

    def show_session(self, session: Session | None) -> None:
        """Show another shot, fitted to the widget."""
        self.session, self._last = session, None
        self._held, self._panned, self._wiping = _NO_BUTTON, None, False
        self.fit()

    def fit(self) -> None:
        """Show the whole plate as large as possible."""
        self._is_fitted = True
        if self.session is not None:
            height, width = self.session.size
            aspect = self._aspect()
            self.zoom = min(self.width() / (width * aspect), self.height() / height)
            self._centre(QPointF(width / 2, height / 2))

    def zoom_to(self, zoom: float, about: QPointF | None = None) -> None:
        """Set the zoom. What lies under ``about``, a point of the widget, stays there."""
        about = about or QPointF(self.width() / 2, self.height() / 2)
        still = self.to_plate(about)
        self.zoom = min(max(zoom, _LEAST_ZOOM), _MOST_ZOOM)
        self._is_fitted = False
        moved = self._transform().map(still)
        self._offset += about - moved
        self.update()

    def zoom_by(self, factor: float) -> None:
        """Zoom by a factor."""
        self.zoom_to(self.zoom * factor)

    def to_plate(self, point: QPointF) -> QPointF:
        """Convert a point of the widget to the plate, in pixels."""
        inverse, _ = self._transform().inverted()
        return inverse.map(point)

    def from_plate(self, x: float, y: float) -> QPointF:
        """Convert a point of the plate to the widget."""
        return self._transform().map(QPointF(x, y))

    def flash(self) -> None:
        """Draw attention to the frame, since it is another one than the artist looked at."""
        self._flash.start()
        self.update()

    def refresh(self, box: Window | None) -> None:
        """Draw the picture again, within a box of the plate or all of it."""
        if box is None:
            self.update()
            return
        area = QRectF(box.x - 1, box.y - 1, box.width + 2, box.height + 2)
        self.update(self._transform().mapRect(area).toAlignedRect().adjusted(-2, -2, 2, 2))

    def _aspect(self) -> float:
        return 1.0 if self.session is None else self.session.plate.format.pixel_aspect

    def _transform(self) -> QTransform:
        shift = QTransform.fromTranslate(self._offset.x(), self._offset.y())
        return QTransform.fromScale(self.zoom * self._aspect(), self.zoom) * shift

    def _centre(self, point: QPointF) -> None:
        self._offset = QPointF()
        self._offset = QPointF(self.width() / 2, self.height() / 2) - self._transform().map(point)
        self.update()

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        # an error's traceback must not keep the painter at work: Qt crashes at the next picture
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), GROUND)
            if self.session is not None:
                self._paint(painter, self.session, event.rect())

    def _paint(self, painter: QPainter, session: Session, part: QRect) -> None:
        """Draw what lies in a part of the canvas."""
        transform = self._transform()
        is_smaller = self.zoom * self.devicePixelRatioF() < 1
        smooth = is_smaller and not self.scene.is_hasty
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setTransform(transform)
        picture = session.navigation.picture()
        if picture is None:
            if self._last is not None:
                self.scene.draw_plate(painter, self._last, part_seen(transform, session, part))
            painter.resetTransform()
            error = session.navigation.error()
            reading = f"reading frame {session.frame}…"
            shown = f"frame {session.frame} cannot be shown: {error}" if error else reading
            self._draw_notes(painter, session, shown)
            return
        self._last = picture
        if self._held is not _NO_BUTTON:
            self.scene.forget()
        self.scene.draw(painter, session, picture, part)
        painter.resetTransform()
        draw_tool(painter, session, transform)
        if self._pen is not None and session.paint.tool_name in ("brush", "eraser", "refine"):
            radius = session.paint.brush.radius_px * self.zoom
            draw_ring(
                painter, self._pen, (radius * self._aspect(), radius), session.paint.is_erasing
            )
        note = session.paint.notice
        if not note and not session.draft.drawings and not session.paint.tool.traces(session.paint):
            note = FIRST_STEPS
        self._draw_notes(painter, session, note)

    def _draw_notes(self, painter: QPainter, session: Session, note: str) -> None:
        """Draw what the artist must know, waits for or could begin with, and the flash around the
        picture.
        """
        unsaved = session.editor.unsaved
        notes = [f"not saved: {unsaved}" if unsaved else "", session.editor.locking, note]
        if any(notes):
            draw_note(painter, self.rect(), "\n".join(filter(None, notes)))
        if self._flash.isActive():
            draw_flash(painter, self.rect())

    # The pen.

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._takes_focus_by_mouse = event.reason() is Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def focus_moved(self, before: QWidget | None, now: QWidget | None) -> None:
        """Note which widget had the focus before this one took it."""
        took = now is self and self._takes_focus_by_mouse
        self.ignores_press = took and is_text_editor(before)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        at, button = event.position(), event.button()
        if self.ignores_press:
            self.ignores_press = False
            return
        self._end_lost(event)
        pans = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if button is Qt.MouseButton.MiddleButton or (button is Qt.MouseButton.LeftButton and pans):
            self._panned = at
        elif button in _TOOL_BUTTONS and self._held is _NO_BUTTON and self.session is not None:
            if self._is_on_wipe(at):
                self._wiping = True
                return
            self._held = button
            self.session.paint.press(self._pen_event(at, event.modifiers()))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        at = event.position()
        self._end_lost(event)
        if self._panned is not None:
            self._offset += at - self._panned
            self._panned, self._is_fitted = at, False
            self.update()
        elif self._wiping:
            self.scene.wipe = min(max(at.x() / max(1, self.width()), 0.0), 1.0)
            self.update()
        elif self._held is not _NO_BUTTON and not self._is_pen and self.session is not None:
            self.session.paint.drag(self._pen_event(at, event.modifiers()))
        self._move_pen(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._panned, self._wiping = None, False
        if event.button() is self._held:
            self._lift(self._pen_event(event.position(), event.modifiers()))

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """Handle a pen that draws. A pen that hovers, pulls the wipe or clicks is left to the
        mouse.
        """
        hovers = event.type() is QTabletEvent.Type.TabletMove and not event.buttons()
        if hovers and self._is_pen:  # it was lifted where the canvas did not see it
            self._end_held(event)
        if hovers or self.session is None or (self._held is _NO_BUTTON and not self._begins(event)):
            event.ignore()
            return
        if self._held is _NO_BUTTON and is_text_editor(QApplication.focusWidget()):
            self.setFocus()  # that is all this press does, as with the mouse
            event.accept()
            return
        pen = self._pen_event(event.position(), event.modifiers(), event.pressure())
        if event.pointerType() is QPointingDevice.PointerType.Eraser:
            pen = replace(pen, reverses=not pen.reverses)
        if event.type() is QTabletEvent.Type.TabletPress:
            self._end_held(event)
            self._held, self._is_pen = Qt.MouseButton.LeftButton, True
            self.session.paint.press(pen)
        elif event.type() is QTabletEvent.Type.TabletRelease:
            self._lift(pen)
        else:
            self.session.paint.drag(pen)
        self._move_pen(event.position())
        event.accept()

    def leaveEvent(self, _event: object) -> None:  # noqa: N802
        self._pen = None
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        turns = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and self.session is not None:
            self.session.paint.scale_brush(1.1**turns)
        else:
            self.zoom_to(self.zoom * 1.25**turns, event.position())

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802
        if self._is_fitted:
            self.fit()

    def read_out(self) -> None:
        """Report the pen's position again, since what lies under it may have changed."""
        if self._pen is not None:
            point = self.to_plate(self._pen)
            self.hovered.emit(point.x(), point.y())

    def _lift(self, pen: PenEvent) -> None:
        """End what the tool is drawing."""
        self._held, self._is_pen = _NO_BUTTON, False
        if self.session is not None:
            self.session.paint.release(pen)

    def _end_lost(self, event: QMouseEvent) -> None:
        """End what was begun with a button that is up by now: where a dialog opens while it is
        down, Qt reports the release to nobody.
        """
        is_press = event.type() is QEvent.Type.MouseButtonPress
        down = event.buttons() & ~event.button() if is_press else event.buttons()
        if not down:
            self._panned, self._wiping = None, False
        # a mouse may hover beside a pen that is down
        if is_press if self._is_pen else not down & self._held:
            self._end_held(event)

    def _end_held(self, event: QMouseEvent | QTabletEvent) -> None:
        """End what a tool was drawing, where the pen was last."""
        if self._held is not _NO_BUTTON:
            at = event.position() if self._pen is None else self._pen
            self._lift(self._pen_event(at, event.modifiers()))

    def _is_on_wipe(self, at: QPointF) -> bool:
        wipe = self.scene.wipe
        return wipe is not None and abs(at.x() - wipe * self.width()) <= _WIPE_REACH_PX

    def _begins(self, event: QTabletEvent) -> bool:
        """Whether this pen event begins a stroke."""
        touches = event.type() is QTabletEvent.Type.TabletPress and event.pressure() > 0
        is_tip = event.button() is Qt.MouseButton.LeftButton
        return touches and is_tip and not self._is_on_wipe(event.position())

    def _pen_event(self, at: QPointF, keys: Qt.KeyboardModifier, pressure: float = 1.0) -> PenEvent:
        point = self.to_plate(at)
        is_right = self._held is Qt.MouseButton.RightButton
        return PenEvent(
            (point.x(), point.y()),
            pressure,
            reverses=is_right or bool(keys & Qt.KeyboardModifier.AltModifier),
            alternate=bool(keys & Qt.KeyboardModifier.ShiftModifier),
            zoom=self.zoom,
        )

    def _move_pen(self, at: QPointF) -> None:
        """Move the brush's ring, and redraw where it was and where it is now."""
        before, self._pen = self._pen, at
        self.read_out()
        if self.session is None:
            return
        self.session.paint.hover()
        reach = int(self.session.paint.brush.radius_px * self.zoom * self._aspect()) + 3
        for place in (before, at):
            if place is not None:
                x, y = int(place.x()), int(place.y())
                self.update(x - reach, y - reach, 2 * reach + 2, 2 * reach + 2)
