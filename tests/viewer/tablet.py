"""A tablet before a desk."""

from __future__ import annotations

from collections.abc import Sequence

from desk import LEFT, NO_KEY, Desk
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent
from PySide6.QtWidgets import QApplication

PEN, ERASER = QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser


class Tablet:
    """A tablet before a desk; ``end`` is what of the pen touches it."""

    def __init__(self, desk: Desk, end: QPointingDevice.PointerType = PEN) -> None:
        self._desk = desk
        self._device = QPointingDevice(
            "tablet",
            1,
            QInputDevice.DeviceType.Stylus,
            end,
            QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
            1,
            3,
            "",
            QPointingDeviceUniqueId.fromNumericId(1),
        )

    def send(self, kind: QEvent.Type, at: tuple[float, float], pressure: float) -> bool:
        """One event of the tablet; whether the canvas took it, or left it to the mouse."""
        canvas = self._desk.window.canvas
        place = canvas.from_plate(*at)
        over = QPointF(canvas.mapToGlobal(place))
        touches = LEFT if pressure else Qt.MouseButton.NoButton
        event = QTabletEvent(
            kind, self._device, place, over, pressure, 0, 0, 0, 0, 0, NO_KEY, LEFT, touches
        )
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    def stroke(self, points: Sequence[tuple[float, float]], pressure: float) -> None:
        """Touches at the first point, moves along, and is lifted at the last."""
        self.send(QEvent.Type.TabletPress, points[0], pressure)
        for point in points[1:]:
            self.send(QEvent.Type.TabletMove, point, pressure)
        self.send(QEvent.Type.TabletRelease, points[-1], 0.0)
