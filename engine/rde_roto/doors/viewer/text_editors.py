"""Text editors inside the window: keys go to them first, and a click that leaves one does nothing
else.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QStyledItemDelegate,
    QTextEdit,
    QWidget,
)

ROW_KEY: Final = Qt.ItemDataRole.UserRole
"""The data of a list's row that says what it is about, whichever row that is by then."""
_COMMAND_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_DELETES: Final = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


def is_text_editor(widget: object) -> bool:
    """Whether keys that reach a widget are text, or edit text."""
    return isinstance(widget, QLineEdit | QAbstractSpinBox | QPlainTextEdit | QTextEdit)


def is_for_editor(key: QKeyEvent, focused: QWidget | None) -> bool:
    """Whether a key belongs to the focused editor rather than to a command of the window.

    Those with Ctrl or Alt are commands unless the editor itself takes them, as it does Ctrl+Z, or
    they delete text.
    """
    is_text = not key.modifiers() & _COMMAND_KEYS or key.key() in _DELETES
    return is_text_editor(focused) and is_text


class NameDelegate(QStyledItemDelegate):
    """Edits the names of a list. ``named`` reports the `ROW_KEY` of the row and its new name when
    editing ends.

    The list itself is not changed: whoever listens decides whether the name is accepted.
    """

    named = Signal(str, str)

    def setEditorData(  # noqa: N802
        self, editor: QWidget, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Begin with the name that is there. What was typed stays if the row changes meanwhile."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def setModelData(  # noqa: N802
        self,
        editor: QWidget,
        model: QAbstractItemModel,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        if isinstance(editor, QLineEdit):
            self.named.emit(index.data(ROW_KEY), editor.text())
