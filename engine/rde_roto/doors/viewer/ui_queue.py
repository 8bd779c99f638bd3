"""From other threads to the window's."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class Postbox(QObject):
    """Does what other threads ask for on the thread that it was made on, in their order."""

    _came = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._came.connect(self._do, Qt.ConnectionType.QueuedConnection)

    def post(self, work: Callable[[], None]) -> None:
        """Has something done soon (`session.backend.Post`)."""
        self._came.emit(work)

    @Slot(object)
    def _do(self, work: Callable[[], None]) -> None:
        work()
