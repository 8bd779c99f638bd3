"""Draws a session: plate, mattes, and the other side of a wipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Literal, TypeAlias

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
    QTransform,
)

from rde_roto.doors.viewer.style import ACCENT
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.pictures.element_colours import colour_of
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.session.session import Session

Channels: TypeAlias = Literal["rgb", "r", "g", "b", "a", "y"]
Codes: TypeAlias = Callable[[str], "Bytes | None"]
"""Returns an element's matte as 0..255; None if there is none."""

_PLACES = {"b": 0, "g": 1, "r": 2}
_GREY = QImage.Format.Format_Grayscale8
_KEPT_OUTLINES = 8
_LABEL_PX = 360


class MatteMode(Enum):
    """How mattes are shown over the plate."""

    OVERLAY = "overlay"
    OUTLINE = "outline"
    CHECKER = "over checker"
    BLACK = "over black"
    COLOUR = "over colour"
    OFF = "off"


_GROUNDS = {
    MatteMode.CHECKER: QColor(),
    MatteMode.BLACK: QColor("black"),
    MatteMode.COLOUR: QColor("#00b140"),
}
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Scene:
    """How a session is drawn.

    `opacity` is that of the overlay. `wipe` is where the other side begins, from 0 at the left of
    the widget to 1 at its right. `is_hasty` leaves out what takes time.
    """

    def __init__(self) -> None:
        self.channels: Channels = "rgb"
        self.mode = MatteMode.OVERLAY
        self.opacity = 0.5
        self.wipe: float | None = None
        self.is_hasty = False
        self._outlines: list[tuple[Bytes, QPainterPath]] = []  # of the mattes drawn last
        self._checker = _checker()

    def toggle_channels(self, channels: Channels) -> None:
        """Show these channels only; colour if they are shown already."""
        self.channels = "rgb" if self.channels == channels else channels

    def toggle_mode(self, mode: MatteMode) -> None:
        """Show mattes in this way; as the overlay if they are shown so already."""
        self.mode = MatteMode.OVERLAY if self.mode is mode else mode

    def next_mode(self) -> None:
        """Show mattes in the next way."""
        modes = list(MatteMode)
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]

    def toggle_wipe(self) -> None:
        """Show the other side on the right half, or one side only."""
        self.wipe = 0.5 if self.wipe is None else None

    def draw(self, painter: QPainter, session: Session, picture: Bytes, area: QRect) -> None:
        """Draw the frame with its mattes, and the other side of the wipe.

        The painter's transform is from the plate to the widget; `area` is the part of the widget to
        draw.
        """
        part = part_seen(painter.transform(), session, area)
        if self.wipe is None:
            self._draw_mattes(painter, session, picture, part, session.shown.codes)
            return
        whole = painter.viewport()
        at = round(self.wipe * whole.width())
        others = session.comparison.against is not Against.PLATE
        sides: list[tuple[QRect, Codes]] = [
            (whole.adjusted(0, 0, at - whole.width(), 0), session.shown.codes),
            (whole.adjusted(at, 0, 0, 0), session.shown.comparison_codes if others else _nothing),
        ]
        for side, codes in sides:
            with clipped(painter, side):
                self._draw_mattes(painter, session, picture, part, codes)
        with clipped(painter, whole):
            painter.resetTransform()
            painter.fillRect(at - 1, 0, 2, whole.height(), ACCENT)
            _label(painter, at, "now", session.comparison.words(session.frame))

    def draw_plate(self, painter: QPainter, picture: Bytes, part: QRect) -> None:
        """Draw some pixels of the plate without mattes."""
        if part.isEmpty():
            return
        seen = picture[_slice(part)]
        if self.channels in _PLACES:
            _paint(painter, part, seen[..., _PLACES[self.channels]], _GREY)
        elif self.channels == "y":
            grey = np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGRA2GRAY), np.uint8)
            _paint(painter, part, grey, _GREY)
        else:
            _paint(painter, part, seen, QImage.Format.Format_RGB32)

    def _draw_mattes(
        self, painter: QPainter, session: Session, picture: Bytes, part: QRect, codes: Codes
    ) -> None:
        """Draw one side of the wipe, or everything."""
        alpha = codes(session.element)
        if self.channels == "a" and codes is not _nothing:
            painter.fillRect(part, Qt.GlobalColor.black)
            if alpha is not None:
                _paint(painter, part, alpha[_slice(part)], _GREY)
        elif self.mode in _GROUNDS and codes is not _nothing:
            painter.fillRect(part, self._ground(painter.transform()))
            if alpha is not None:
                cut = _cut_out(picture[_slice(part)], alpha[_slice(part)])
                _paint(painter, part, cut, QImage.Format.Format_ARGB32)
        else:
            self.draw_plate(painter, picture, part)
            if self.mode is not MatteMode.OFF:
                self._lay_over(painter, session, part, codes)

    def _lay_over(self, painter: QPainter, session: Session, part: QRect, codes: Codes) -> None:
        """Draw the mattes of all elements over the plate, in their colours or as lines."""
        for element in session.draft.elements:
            alpha = codes(element.id)
            colour = QColor(colour_of(element.id, session.draft.elements))
            if alpha is None:
                continue
            is_chosen = element.id == session.element
            if self.mode is MatteMode.OVERLAY:
                table = _table(colour, self.opacity if is_chosen else self.opacity * 0.6)
                box = _box_of(alpha, part)
                _paint(painter, box, alpha[_slice(box)], QImage.Format.Format_Indexed8, table)
            else:
                pen = QPen(colour, 2 if is_chosen else 1)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, not self.is_hasty)
                painter.drawPath(self._outline_of(alpha))

    def _ground(self, transform: QTransform) -> QBrush:
        if self.mode is not MatteMode.CHECKER:
            return QBrush(_GROUNDS[self.mode])
        ground = QBrush(self._checker)
        ground.setTransform(transform.inverted()[0])  # the squares keep their size on screen
        return ground

    def forget(self) -> None:
        """Drop cached outlines, because pixels in the same memory may have changed."""
        self._outlines.clear()

    def _outline_of(self, alpha: Bytes) -> QPainterPath:
        """Return the line at one half, cached for as long as it is shown."""
        for known, path in self._outlines:
            if known is alpha:
                return path
        found, _ = cv2.findContours(
            (alpha >= 128).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
        )
        path = QPainterPath()
        for contour in found:
            points = [QPointF(x + 0.5, y + 0.5) for x, y in np.asarray(contour)[:, 0].tolist()]
            path.addPolygon(QPolygonF([*points, points[0]]))
        self._outlines = [*self._outlines[1 - _KEPT_OUTLINES :], (alpha, path)]
        return path


def part_seen(transform: QTransform, session: Session, area: QRect) -> QRect:
    """Return the whole pixels of the plate that are visible in an area of the widget."""
    height, width = session.size
    inverse, _ = transform.inverted()
    seen = inverse.mapRect(QRectF(area)).toAlignedRect().adjusted(-1, -1, 1, 1)
    return seen.intersected(QRect(0, 0, width, height))


@contextmanager
def clipped(painter: QPainter, area: QRect) -> Iterator[None]:
    """Draw within an area of the widget, then restore the painter."""
    painter.save()
    kept = painter.transform()
    painter.resetTransform()
    painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
    painter.setTransform(kept)
    try:
        yield
    finally:
        painter.restore()


def _nothing(_element: str) -> Bytes | None:
    return None


def _label(painter: QPainter, at: int, left: str, right: str) -> None:
    """Label both sides of a vertical line down the widget."""
    height = painter.fontMetrics().height() + 6
    for text, x, align in ((left, at - 6 - _LABEL_PX, _RIGHT), (right, at + 6, _LEFT)):
        room = QRect(x, 8, _LABEL_PX, height)
        box = painter.boundingRect(room, align, text).adjusted(-6, -2, 6, 2)
        painter.fillRect(box, QColor(0, 0, 0, 150))
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(room, align, text)


def _slice(part: QRect) -> tuple[slice, slice]:
    return (
        slice(part.y(), part.y() + part.height()),
        slice(part.x(), part.x() + part.width()),
    )


def _box_of(alpha: Bytes, part: QRect) -> QRect:
    """Return where a matte is in a part of the plate, with a rim that smoothing fades into."""
    box = QRect(*cv2.boundingRect(alpha[_slice(part)])).translated(part.topLeft())
    return box.adjusted(-1, -1, 1, 1).intersected(part)


def _paint(
    painter: QPainter, part: QRect, pixels: Bytes, kind: QImage.Format, table: Sequence[int] = ()
) -> None:
    """Draw pixels, a part of the plate, at their place.

    The image uses the array's memory, which must live until it is drawn.
    """
    height, width = pixels.shape[:2]
    if height and width:
        pixels = np.ascontiguousarray(pixels)
        image = QImage(pixels.data, width, height, pixels.strides[0], kind)
        if table:
            image.setColorTable(table)
        if painter.testRenderHint(QPainter.RenderHint.SmoothPixmapTransform):
            painter.drawImage(part.topLeft(), image)
            return
        # without smoothing, `drawImage` would round each part to screen pixels on its own
        texture = QBrush(image)
        texture.setTransform(QTransform.fromTranslate(part.x(), part.y()))
        painter.fillRect(part, texture)


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
    with QPainter(tile) as painter:
        painter.fillRect(0, 0, 12, 12, QColor("#4a4a4a"))
        painter.fillRect(12, 12, 12, 12, QColor("#4a4a4a"))
    return tile
