"""Playing: the clock that goes to the next frame once this one is seen."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer

from rde_roto.doors.viewer.canvas import Canvas


class Player(QObject):
    """Plays what a canvas shows, round and round between in and out, at the plate's frame rate."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._way = 0
        self._clock = QTimer(self)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)

    def play(self, way: int) -> None:
        """Forwards (1), backwards (-1), or stops (0)."""
        session = self._canvas.session
        self._way = 0 if session is None else way
        self._canvas.scene.is_hasty = bool(self._way)
        if session is not None and self._way:
            self._clock.start(round(1000 / session.navigation.fps))
        else:
            self._clock.stop()
        self._canvas.update()

    def toggle(self) -> None:
        """Plays, or stops."""
        self.play(0 if self._way else 1)

    def _tick(self) -> None:
        session = self._canvas.session
        if session is not None and session.shown.is_ready:
            session.go_to(session.navigation.next_in_loop(self._way))
