"""The picture: the plate, mattes over it, and the tool at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Literal, TypeAlias

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPointingDevice,
    QPolygonF,
    QResizeEvent,
    QTabletEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from rde_roto.doors.viewer.style import ACCENT, GROUND, QUIET, colour_of
from rde_roto.session.ahead import Bytes
from rde_roto.session.session import Session
from rde_roto.session.tools import Hand
from rde_roto.values.plate import Window

Channels: TypeAlias = Literal["rgb", "r", "g", "b", "a", "y"]

_LEAST_ZOOM, _MOST_ZOOM = 0.02, 64.0
_PLACES = {"b": 0, "g": 1, "r": 2}
_GREY = QImage.Format.Format_Grayscale8
_WIPE_REACH_PX = 6
_STARTING = "Drop a plate here: a folder, a frame, a movie. Or a shot document."


class MatteMode(Enum):
    """How mattes are shown over the plate."""

    OVERLAY = "overlay"
    OUTLINE = "outline"
    CHECKER = "over checker"
    BLACK = "over black"
    COLOUR = "over colour"
    OFF = "off"


class Canvas(QWidget):
    """Shows a session's frame, and hands the pen on to its tool.

    ``hovered`` tells where the pen is on the plate, in pixels.
    """

    hovered = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self.channels: Channels = "rgb"
        self.mode = MatteMode.OVERLAY
        self.opacity = 0.5
        self.wipe: float | None = None
        self.is_playing = False
        self.zoom = 1.0
        self._offset = QPointF()
        self._is_fitted = True
        self._panned: QPointF | None = None
        self._wiping = False
        self._pen: QPointF | None = None
        self._held = False
        self._last: Bytes | None = None
        self._outline: tuple[Bytes, QPainterPath] | None = None
        self._checker = _checker()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, 200)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # Where things are.

    def show_session(self, session: Session | None) -> None:
        """Shows another shot, all of it."""
        self.session, self._last, self._outline = session, None, None
        self.fit()

    def fit(self) -> None:
        """The whole plate, as large as it goes."""
        self._is_fitted = True
        if self.session is not None:
            height, width = self.session.size
            aspect = self._aspect()
            self.zoom = min(self.width() / (width * aspect), self.height() / height)
            self._centre(QPointF(width / 2, height / 2))

    def zoom_to(self, zoom: float, about: QPointF | None = None) -> None:
        """Another size; what lies under ``about``, a point of the widget, stays there."""
        about = about or QPointF(self.width() / 2, self.height() / 2)
        still = self.to_plate(about)
        self.zoom = min(max(zoom, _LEAST_ZOOM), _MOST_ZOOM)
        self._is_fitted = False
        moved = self._transform().map(still)
        self._offset += about - moved
        self.update()

    def to_plate(self, point: QPointF) -> QPointF:
        """A point of the widget on the plate, in pixels."""
        inverse, _ = self._transform().inverted()
        return inverse.map(point)

    def from_plate(self, x: float, y: float) -> QPointF:
        """A point of the plate on the widget."""
        return self._transform().map(QPointF(x, y))

    def refresh(self, box: Window | None) -> None:
        """The picture is another, within a box of the plate or all of it."""
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

    # What is drawn.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(event.rect(), GROUND)
        if self.session is None:
            self._say(painter, _STARTING)
            return
        picture = self.session.sight.picture()
        part = self._exposed(event.rect())
        smooth = self.zoom < 1 and not self.is_playing
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setTransform(self._transform())
        if picture is None:
            self._draw_plate(painter, self._last, part)
            painter.resetTransform()
            self._say(painter, f"reading frame {self.session.frame}…")
            return
        self._last = picture
        self._draw_with_matte(painter, picture, part)
        if self.wipe is not None:
            self._draw_wipe(painter, picture)
        self._draw_tool(painter)

    def _draw_with_matte(self, painter: QPainter, picture: Bytes, part: QRect) -> None:
        assert self.session is not None
        if self.channels == "a":
            alpha = self.session.alpha_bytes(self.session.element)
            painter.fillRect(part, Qt.GlobalColor.black)
            if alpha is not None:
                _paint(painter, part, alpha[_slice(part)], _GREY)
            return
        alpha = self.session.alpha_bytes(self.session.element)
        grounds = {MatteMode.BLACK: QColor("black"), MatteMode.COLOUR: QColor("#00b140")}
        if self.mode is MatteMode.CHECKER or self.mode in grounds:
            ground = QBrush(grounds.get(self.mode, QColor()))
            if self.mode is MatteMode.CHECKER:
                ground = QBrush(self._checker)
                ground.setTransform(self._transform().inverted()[0])
            painter.fillRect(part, ground)
            if alpha is not None:
                cut = _cut_out(picture[_slice(part)], alpha[_slice(part)])
                _paint(painter, part, cut, QImage.Format.Format_ARGB32)
            return
        self._draw_plate(painter, picture, part)
        for place, element in enumerate(self.session.draft.elements):
            alpha = self.session.alpha_bytes(element.id)
            if alpha is None or self.mode is MatteMode.OFF:
                continue
            is_chosen = element.id == self.session.element
            if self.mode is MatteMode.OVERLAY:
                strength = self.opacity if is_chosen else self.opacity * 0.6
                table = _table(colour_of(place), strength)
                _paint(painter, part, alpha[_slice(part)], QImage.Format.Format_Indexed8, table)
            else:
                pen = QPen(colour_of(place), 2 if is_chosen else 1)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, not self.is_playing)
                painter.drawPath(self._outline_of(alpha))

    def _draw_plate(self, painter: QPainter, picture: Bytes | None, part: QRect) -> None:
        if picture is None or part.isEmpty():
            return
        seen = picture[_slice(part)]
        if self.channels in _PLACES:
            _paint(painter, part, seen[..., _PLACES[self.channels]], _GREY)
        elif self.channels == "y":
            grey = np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGRA2GRAY), np.uint8)
            _paint(painter, part, grey, _GREY)
        else:
            _paint(painter, part, seen, QImage.Format.Format_RGB32)

    def _draw_wipe(self, painter: QPainter, picture: Bytes) -> None:
        assert self.wipe is not None
        at = round(self.wipe * self.width())
        painter.save()
        painter.resetTransform()
        right = QRect(at, 0, self.width() - at, self.height())
        painter.setClipRect(right, Qt.ClipOperation.IntersectClip)
        painter.setTransform(self._transform())
        self._draw_plate(painter, picture, self._exposed(self.rect()))
        painter.restore()
        painter.save()
        painter.resetTransform()
        painter.fillRect(at - 1, 0, 2, self.height(), ACCENT)
        painter.restore()

    def _draw_tool(self, painter: QPainter) -> None:
        assert self.session is not None
        tool = self.session.tool
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = [e.id for e in self.session.draft.elements].index(self.session.element)
        for colour, width in ((QColor(0, 0, 0, 180), 3), (colour_of(place), 1)):
            painter.setPen(QPen(colour, width))
            line = QPolygonF([self.from_plate(x, y) for x, y in tool.outline])
            if tool.is_closed:
                painter.drawPolygon(line)
            else:
                painter.drawPolyline(line)
        for x, y in tool.handles:
            at = self.from_plate(x, y)
            painter.fillRect(QRectF(at.x() - 4, at.y() - 4, 8, 8), Qt.GlobalColor.black)
            painter.fillRect(QRectF(at.x() - 3, at.y() - 3, 6, 6), Qt.GlobalColor.white)
        if self._pen is not None and self.session.tool_name in ("brush", "eraser"):
            radius = self.session.brush.radius_px * self.zoom
            for colour in (QColor(0, 0, 0, 160), QColor(255, 255, 255, 220)):
                painter.setPen(QPen(colour, 1))
                painter.drawEllipse(self._pen, radius * self._aspect(), radius)
                radius = max(0.5, radius - 1)

    def _outline_of(self, alpha: Bytes) -> QPainterPath:
        """The line at one half, kept for as long as it is shown."""
        live = self._held
        if not live and self._outline is not None and self._outline[0] is alpha:
            return self._outline[1]
        found, _ = cv2.findContours(
            (alpha >= 128).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
        )
        path = QPainterPath()
        for contour in found:
            points = [QPointF(x + 0.5, y + 0.5) for x, y in np.asarray(contour)[:, 0].tolist()]
            path.addPolygon(QPolygonF([*points, points[0]]))
        self._outline = alpha, path
        return path

    def _exposed(self, area: QRect) -> QRect:
        """The whole pixels of the plate that are seen in a part of the widget."""
        assert self.session is not None
        height, width = self.session.size
        inverse, _ = self._transform().inverted()
        seen = inverse.mapRect(QRectF(area)).toAlignedRect().adjusted(-1, -1, 1, 1)
        return seen.intersected(QRect(0, 0, width, height))

    def _say(self, painter: QPainter, sentence: str) -> None:
        painter.setPen(QUIET)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, sentence)

    # The pen.

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
            self._panned = event.position()
        elif event.button() is Qt.MouseButton.LeftButton and self.session is not None:
            at = event.position()
            if self.wipe is not None and self._is_on_wipe(at):
                self._wiping = True
                return
            self._held = True
            self.session.press(self._hand(at, event.modifiers()))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        at = event.position()
        if self._panned is not None:
            self._offset += at - self._panned
            self._panned, self._is_fitted = at, False
            self.update()
        elif self._wiping:
            self.wipe = min(max(at.x() / max(1, self.width()), 0.0), 1.0)
            self.update()
        elif self._held and self.session is not None:
            self.session.drag(self._hand(at, event.modifiers()))
        self._move_pen(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._panned, self._wiping = None, False
        if event.button() is Qt.MouseButton.LeftButton and self._held and self.session is not None:
            self._held = False
            self.session.release(self._hand(event.position(), event.modifiers()))

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """A pen that presses; a pen that only points is left to the mouse."""
        if self.session is None or (event.pressure() == 0 and not self._held):
            event.ignore()
            return
        hand = self._hand(event.position(), event.modifiers(), event.pressure())
        if event.pointerType() is QPointingDevice.PointerType.Eraser:
            hand = replace(hand, takes=not hand.takes)
        if event.type() is QTabletEvent.Type.TabletPress:
            self._held = True
            self.session.press(hand)
        elif event.type() is QTabletEvent.Type.TabletRelease:
            self._held = False
            self.session.release(hand)
        else:
            self.session.drag(hand)
        self._move_pen(event.position())
        event.accept()

    def leaveEvent(self, _event: object) -> None:  # noqa: N802
        self._pen = None
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        turns = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and self.session is not None:
            brush = self.session.brush
            self.session.brush = brush.sized(brush.radius_px * 1.1**turns)
            self.update()
        else:
            self.zoom_to(self.zoom * 1.25**turns, event.position())

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802
        if self._is_fitted:
            self.fit()

    def read_out(self) -> None:
        """Tells again where the pen is: what lies under it may be another."""
        if self._pen is not None:
            point = self.to_plate(self._pen)
            self.hovered.emit(point.x(), point.y())

    def _is_on_wipe(self, at: QPointF) -> bool:
        assert self.wipe is not None
        return abs(at.x() - self.wipe * self.width()) <= _WIPE_REACH_PX

    def _hand(self, at: QPointF, keys: Qt.KeyboardModifier, pressure: float = 1.0) -> Hand:
        point = self.to_plate(at)
        return Hand(
            (point.x(), point.y()),
            pressure,
            takes=bool(keys & Qt.KeyboardModifier.AltModifier),
            marks=bool(keys & Qt.KeyboardModifier.ShiftModifier),
            zoom=self.zoom,
        )

    def _move_pen(self, at: QPointF) -> None:
        """The brush's ring follows; what it leaves and where it comes to is drawn anew."""
        before, self._pen = self._pen, at
        self.read_out()
        if self.session is None:
            return
        reach = int(self.session.brush.radius_px * self.zoom * self._aspect()) + 3
        for place in (before, at):
            if place is not None:
                x, y = int(place.x()), int(place.y())
                self.update(x - reach, y - reach, 2 * reach + 2, 2 * reach + 2)


def _slice(part: QRect) -> tuple[slice, slice]:
    return (
        slice(part.y(), part.y() + part.height()),
        slice(part.x(), part.x() + part.width()),
    )


def _paint(
    painter: QPainter, part: QRect, pixels: Bytes, kind: QImage.Format, table: Sequence[int] = ()
) -> None:
    """Draws pixels, the part of a plate, at their place. The image looks into the array's memory,
    which is held until it is drawn.
    """
    height, width = pixels.shape[:2]
    if height and width:
        pixels = np.ascontiguousarray(pixels)
        image = QImage(pixels.data, width, height, pixels.strides[0], kind)
        if table:
            image.setColorTable(table)
        painter.drawImage(part.topLeft(), image)


def _table(colour: QColor, strength: float) -> Sequence[int]:
    rgb = colour.rgb() & 0xFFFFFF
    return [round(code * strength) << 24 | rgb for code in range(256)]


def _cut_out(picture: Bytes, alpha: Bytes) -> Bytes:
    cut: Bytes = picture.copy()
    cut[..., 3] = alpha
    return cut


def _checker() -> QPixmap:
    tile = QPixmap(24, 24)
    tile.fill(QColor("#6f6f6f"))
    painter = QPainter(tile)
    painter.fillRect(0, 0, 12, 12, QColor("#4a4a4a"))
    painter.fillRect(12, 12, 12, 12, QColor("#4a4a4a"))
    painter.end()
    return tile
