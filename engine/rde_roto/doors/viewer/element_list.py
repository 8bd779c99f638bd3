"""The list of elements in the panel: choose one, and rename it in place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem

from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.doors.viewer.text_editors import ROW_KEY, NameDelegate
from rde_roto.session.error_words import sentence
from rde_roto.session.pictures.element_colours import colour_of
from rde_roto.values.errors import RotoError
from rde_roto.values.keyframe import Element


class ElementList(QListWidget):
    """Shows and changes the elements of a window's session."""

    def __init__(self, window: ShotWindow) -> None:
        super().__init__()
        self._window = window
        self._listed: tuple[Element, ...] = ()
        self.setMinimumHeight(52)
        self.setMaximumHeight(118)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setToolTip("Double click to rename. Tools draw the chosen one.")
        self.currentRowChanged.connect(self._choose)
        self._names = NameDelegate(self)
        self._names.named.connect(self._rename)
        self.setItemDelegate(self._names)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the chosen element in sight in a list that has become lower."""
        super().resizeEvent(event)
        if self.currentItem() is not None:
            self.scrollToItem(self.currentItem())

    def forget(self) -> None:
        """Take over a name that is being typed, and list nothing."""
        self.end_editing()
        self._listed = ()
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)

    def end_editing(self) -> None:
        """Take over a name that is being typed."""
        for editor in self.findChildren(QLineEdit):
            if not editor.isHidden():  # hidden ones have ended, and go with the next event
                self._names.commitData.emit(editor)
                self._names.closeEditor.emit(editor)

    def refresh(self) -> None:
        """Update after a change of the elements, or of which is chosen."""
        session = self._window.the_session
        elements = session.draft.elements
        chosen = [element.id for element in elements].index(session.element)
        self.blockSignals(True)
        if elements != self._listed:
            self._list(elements)
        if self.currentRow() != chosen:
            self.setCurrentRow(chosen)
        self.blockSignals(False)

    def _list(self, elements: tuple[Element, ...]) -> None:
        """List elements. Rows that stay are kept, since a name may be being typed in one."""
        self._listed = elements
        ids = [element.id for element in elements]
        for row in reversed(range(self.count())):
            if self.item(row).data(ROW_KEY) not in ids:
                self.takeItem(row)
        for row, element in enumerate(elements):
            if row == self.count() or self.item(row).data(ROW_KEY) != element.id:
                new = QListWidgetItem()
                new.setData(ROW_KEY, element.id)
                new.setFlags(new.flags() | Qt.ItemFlag.ItemIsEditable)
                self.insertItem(row, new)
            self.item(row).setIcon(_swatch(element.id, elements))
            self.item(row).setText(element.name)

    def _choose(self, row: int) -> None:
        session = self._window.the_session
        if 0 <= row < len(session.draft.elements):
            session.choose_element(session.draft.elements[row].id)

    def _rename(self, element: str, name: str) -> None:
        session = self._window.the_session
        if element not in [one.id for one in session.draft.elements]:
            return  # it was deleted while its name was being typed
        try:
            session.rename(element, name)
        except RotoError as error:
            self._window.show_message(sentence(error))


def _swatch(element: str, elements: Sequence[Element]) -> QIcon:
    size = QSize(16, 16)
    picture = QPixmap(size)
    picture.fill(QColor(colour_of(element, elements)))
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
