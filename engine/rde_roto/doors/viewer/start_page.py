"""What the window shows before a shot is open: how to open one, and those that were open before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from rde_roto.doors.viewer import user_settings

_MOST_WIDE_PX = 520
_AROUND_TEXT_PX = 40


class StartPage(QWidget):
    """Offer what can be opened: `ask` lets the user choose a file, `open_recent` opens one."""

    def __init__(self, ask: Callable[[], object], open_recent: Callable[[str], object]) -> None:
        super().__init__()
        self.setMaximumWidth(_MOST_WIDE_PX)
        self._open_recent = open_recent
        self.recent: list[QPushButton] = []
        hint = QLabel("Drop a plate here: a folder, a frame, a movie. Or a shot document.")
        hint.setObjectName("quiet")
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout = QVBoxLayout(self)
        self._layout.addWidget(hint)
        self._layout.addWidget(_button("Open a plate or a shot…   Ctrl+O", ask))
        self._heading = QLabel("RECENT SHOTS")
        self._heading.setObjectName("heading")
        self._layout.addWidget(self._heading)
        self.refresh()

    def refresh(self) -> None:
        """List what was opened before."""
        for button in self.recent:
            self._layout.removeWidget(button)
            button.deleteLater()
        known = user_settings.recently_opened()
        self.recent = [_button("", partial(self._open_recent, text)) for text in known]
        for button, words in zip(self.recent, map(recent_words, known), strict=True):
            room = _MOST_WIDE_PX - _AROUND_TEXT_PX
            middle = Qt.TextElideMode.ElideMiddle
            button.setText(literal(button.fontMetrics().elidedText(words, middle, room)))
            button.setStyleSheet("text-align: left;")
            button.setToolTip(words)
            self._layout.addWidget(button)
        self._heading.setVisible(bool(known))


def recent_words(text: str) -> str:
    """Return how a plate or a shot is listed: its name, then its folder."""
    path = Path(text)
    return f"{path.name}   in {path.parent}"


def literal(text: str) -> str:
    """Return a label whose ampersands are shown: one alone underlines what follows it."""
    return text.replace("&", "&&")


def _button(text: str, does: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda: does())
    return button
