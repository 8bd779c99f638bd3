"""Menus and the tool bar, made from the list of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from rde_roto.doors.viewer import user_settings
from rde_roto.doors.viewer.commands import Command
from rde_roto.doors.viewer.start_page import literal, recent_words
from rde_roto.session.painter.paint_controller import ToolName

TOOL_WORDS: Final[dict[ToolName, tuple[str, str]]] = {
    "brush": ("Brush", "Brush"),
    "eraser": ("Eraser", "Eraser"),
    "polygon": ("Polygon", "Polygon"),
    "lasso": ("Lasso", "Lasso"),
    "fill": ("Fill a hole", "Fill"),
    "smart": ("Smart select", "Smart"),
    "refine": ("Refine edge", "Refine"),
}
"""The command of each tool, and its label on the tool bar."""
_MENUS: Final = {
    "File": "&File",
    "Edit": "&Edit",
    "Tools": "&Tools",
    "Frame": "F&rame",
    "Track": "Trac&k",
    "View": "&View",
    "Help": "&Help",
}
"""The menus; with Alt and the letter after the ampersand a keyboard opens them."""
_SUBTRACT: Final = "Add or subtract"


class Menus:
    """The menus and the tool bar of a window.

    Args:
        window: gets them.
        commands: the commands.
        run: runs a command, by its text.
        open_recent: opens what was opened before.
    """

    def __init__(
        self,
        window: QMainWindow,
        commands: Sequence[Command],
        run: Callable[[str], None],
        open_recent: Callable[[str], object],
    ) -> None:
        self._open_recent = open_recent
        self._actions: dict[str, QAction] = {}
        menus: dict[str, QMenu] = {}
        for command in commands:
            menu = menus.get(command.menu)
            if menu is None:
                menu = menus[command.menu] = window.menuBar().addMenu(
                    _MENUS.get(command.menu, command.menu)
                )
            action = QAction(command.text, window)
            action.setShortcuts([QKeySequence(keys) for keys in command.keys])
            action.triggered.connect(partial(_run, run, command.text))
            menu.addAction(action)
            self._actions[command.text] = action
        self._recent = QMenu("Open recent", window)
        self._recent.aboutToShow.connect(self._fill_recent)
        files = menus.get("File")
        if files is not None:
            files.insertMenu(files.actions()[0], self._recent)
        self._add_bar(window)

    def check(self, tool: ToolName, subtracts: bool) -> None:
        """Show which tool is chosen, and whether tools subtract."""
        action = self._actions.get(TOOL_WORDS[tool][0])
        if action is not None:
            action.setChecked(True)
        toggle = self._actions.get(_SUBTRACT)
        if toggle is not None:
            toggle.setChecked(subtracts)

    def _add_bar(self, window: QMainWindow) -> None:
        bar = QToolBar("Tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        group = QActionGroup(window)
        for text, word in TOOL_WORDS.values():
            action = self._actions.get(text)
            if action is not None:
                keys = " ".join(key.toString() for key in action.shortcuts())
                action.setIconText(f"{word}  {keys}")
                action.setToolTip(f"{text} ({keys})")
                action.setCheckable(True)
                group.addAction(action)
                bar.addAction(action)
        bar.addSeparator()
        toggle = self._actions.get(_SUBTRACT)
        if toggle is not None:
            toggle.setCheckable(True)
            toggle.setIconText("Subtract  X")
            toggle.setToolTip(
                "Tools take away instead of adding (X). The right button or Alt does the opposite "
                "of what is chosen."
            )
            bar.addAction(toggle)
            bar.addSeparator()
        for text, word in (("Play or stop", "Play"), ("Keys", "?  keys")):
            if text in self._actions:
                self._actions[text].setIconText(word)
                bar.addAction(self._actions[text])
        window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
        more = bar.findChild(QToolButton, "qt_toolbar_ext_button")  # for what has no room
        if isinstance(more, QToolButton):  # its own arrow is black
            more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            more.setText("»")

    def _fill_recent(self) -> None:
        self._recent.clear()
        for text in user_settings.recently_opened():
            self._recent.addAction(literal(recent_words(text)), partial(self._open_recent, text))


def _run(run: Callable[[str], None], text: str, _checked: bool = False) -> None:
    run(text)
