"""Pass work from other threads to the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class UiQueue(QObject):
    """Run what other threads post on the thread that the queue was made on, in order."""

    _came = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._came.connect(self._do, Qt.ConnectionType.QueuedConnection)

    def post(self, work: Callable[[], None]) -> None:
        """Run a function soon (`session.backend.Post`)."""
        self._came.emit(work)

    @Slot(object)
    def _do(self, work: Callable[[], None]) -> None:
        work()
