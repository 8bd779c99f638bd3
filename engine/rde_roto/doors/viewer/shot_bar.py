"""The bar below everything: messages, the pixel under the pen, the frame, and its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QStatusBar, QStyle, QStyleOption

from rde_roto.doors.viewer.pixel_words import pixel_words
from rde_roto.doors.viewer.style import TEXT
from rde_roto.session.session import Session

_MESSAGE_MS: Final = 8000
_FRAME_FIELD_PX: Final = 70
_MARGIN_PX: Final = 6


class ShotBar(QStatusBar):
    """Show what is to be said of a session, and let the user type a frame to go to.

    Args:
        leave: gives the keys back to the picture.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__()
        self._session: Session | None = None
        self._leave = leave
        self.reading, self.state = QLabel(), QLabel()
        self.reading.setContentsMargins(0, 0, _MARGIN_PX, 0)
        self.frame_field = QLineEdit()
        self.frame_field.setFixedWidth(_FRAME_FIELD_PX)
        self.frame_field.setToolTip("The frame that is shown: type another one (Ctrl+G)")
        self.frame_field.returnPressed.connect(self._go_to_typed)
        for widget in (self.reading, self.frame_field, self.state):
            self.addPermanentWidget(widget)
        self.messageChanged.connect(self.setToolTip)

    def tell(self, sentence: str) -> None:
        """Show a sentence for some seconds."""
        self.showMessage(sentence, _MESSAGE_MS)

    def show_session(self, session: Session | None, reading: str = "") -> None:
        """Show another session, or none. `reading` says how its plate is read."""
        self._session = session
        self.state.setToolTip(reading)

    def refresh(self, channels: str) -> None:
        """Show the frame and its state, and the channels that are shown."""
        session = self._session
        self.frame_field.setEnabled(session is not None)
        if session is None:
            self.state.setText("no shot")
            return
        if not self.frame_field.hasFocus():
            self.frame_field.setText(str(session.frame))
        shown = "" if channels == "rgb" else f"   channel {channels.upper()}"
        self.state.setText(f"{session.state(session.frame).value}{shown}")

    def read_out(self, x: float, y: float) -> None:
        """Show what lies under the pen: position, colour as shown, and alpha."""
        self.reading.setText("" if self._session is None else pixel_words(self._session, x, y))

    def ask_frame(self) -> None:
        """Let the user type the number of a frame to go to."""
        self.frame_field.setFocus()
        self.frame_field.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let Esc leave the field of the frame, so that keys are commands again."""
        if event.key() == Qt.Key.Key_Escape and self.frame_field.hasFocus():
            self._end_typing()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw the message with its middle left out where there is no room: most begin with a
        path, and say at the end what is wrong with it.
        """
        option = QStyleOption()
        option.initFrom(self)
        panel = QStyle.PrimitiveElement.PE_PanelStatusBar
        room = self.rect().adjusted(_MARGIN_PX, 0, self.reading.x() - self.width() - _MARGIN_PX, 0)
        with QPainter(self) as painter:
            self.style().drawPrimitive(panel, option, painter, self)
            painter.setPen(TEXT)
            text = painter.fontMetrics().elidedText(
                self.currentMessage(), Qt.TextElideMode.ElideMiddle, room.width()
            )
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, text)

    def _go_to_typed(self) -> None:
        text, session = self.frame_field.text().strip(), self._session
        if session is not None:
            try:
                session.go_to(int(text))
            except ValueError:
                self.tell(f"'{text}' is no frame number")
        self._end_typing()

    def _end_typing(self) -> None:
        self._leave()
        if self._session is not None:
            self.frame_field.setText(str(self._session.frame))
