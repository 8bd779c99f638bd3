"""Playback: a timer goes to the next frame once the current one is shown."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer

from rde_roto.doors.viewer.canvas import Canvas


class Player(QObject):
    """Play what a canvas shows in a loop between in and out, at the plate's frame rate."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._direction = 0
        self._clock = QTimer(self)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)

    def play(self, direction: int) -> None:
        """Play forwards (1) or backwards (-1), or stop (0)."""
        session = self._canvas.session
        self._direction = 0 if session is None else direction
        self._canvas.scene.is_hasty = bool(self._direction)
        if session is not None and self._direction:
            self._clock.start(round(1000 / session.navigation.fps))
        else:
            self._clock.stop()
        self._canvas.update()

    def toggle(self) -> None:
        """Play or stop."""
        self.play(0 if self._direction else 1)

    def _tick(self) -> None:
        session = self._canvas.session
        if session is not None and session.shown.is_ready:
            session.go_to(session.navigation.next_in_loop(self._direction))
