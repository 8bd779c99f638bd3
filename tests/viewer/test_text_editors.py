"""Text editors of the window and its dialogs: keys go to them, and Return ends the editing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from desk import LEFT, NO_KEY, Desk, desk_over_toys
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from rde_roto.doors.viewer.commands import COMMANDS, Command
from rde_roto.doors.viewer.text_editors import is_text_editor
from rde_roto.shot_files import ShotFile

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

_DIALOGS = ("Export mattes…", "Queue in a hot folder…", "Settings…")
_ENDS = ("Esc", "Return", "Enter", "Tab")


def name_editor(desk: Desk, row: int) -> QWidget:
    """Double-clicks a name in the list of elements, as an artist does."""
    desk.until(lambda: desk.window.panel.elements.count() > row)
    elements = desk.window.panel.elements
    at = elements.visualItemRect(elements.item(row)).center()
    QTest.mouseClick(elements.viewport(), LEFT, NO_KEY, at)
    QTest.mouseDClick(elements.viewport(), LEFT, NO_KEY, at)
    editor = QApplication.focusWidget()
    assert is_text_editor(editor)
    assert editor is not None
    return editor


@pytest.mark.parametrize("end", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab])
def test_a_name_that_is_typed_is_the_documents(desk: Desk, document: Path, end: Qt.Key) -> None:
    desk.open(document)
    desk.drag((40, 40), (80, 40))
    editor = name_editor(desk, 0)
    QTest.keyClicks(editor, "robot")
    desk.window.panel.refresh()  # a frame that arrives meanwhile
    QTest.keyClick(editor, end)
    desk.until(lambda: desk.session.draft.element("hero").name == "robot")
    desk.until(lambda: QApplication.focusWidget() is not editor)
    desk.session.editor.wait_until_saved()
    assert ShotFile.read(document).content.elements[0].name == "robot"
    desk.key("Ctrl+Z")
    assert desk.session.draft.element("hero").name == "hero"
    desk.until(lambda: desk.window.panel.elements.item(0).text() == "hero")
    assert desk.session.draft.drawings  # the stroke before it stays


def test_escape_leaves_the_field_of_the_frame(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+G")
    QTest.keyClicks(desk.window.shot_bar.frame_field, "10")
    QTest.keyClick(desk.window.shot_bar.frame_field, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is desk.window.canvas
    assert desk.window.shot_bar.frame_field.text() == str(desk.session.frame)


def test_escape_leaves_the_name(desk: Desk, document: Path) -> None:
    desk.open(document)
    editor = name_editor(desk, 0)
    QTest.keyClicks(editor, "robot")
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert desk.session.draft.element("hero").name == "hero"
    assert desk.window.panel.elements.item(0).text() == "hero"


def test_a_name_that_is_taken_is_refused(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.add_element("car")
    editor = name_editor(desk, 1)
    QTest.keyClicks(editor, "hero")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    desk.until(lambda: not is_text_editor(QApplication.focusWidget()))
    assert "already" in desk.window.statusBar().currentMessage()
    assert desk.window.panel.elements.item(1).text() == "car"


@pytest.fixture
def noting_desk(app: QApplication, home: Path) -> Iterator[tuple[Desk, list[str]]]:
    """A window whose commands, except those that open dialogs, are noted instead of run."""
    done: list[str] = []

    def noting(command: Command) -> Command:
        if command.text in _DIALOGS:
            return command
        return replace(command, run=lambda _window: done.append(command.text))

    with desk_over_toys(app, commands=[noting(command) for command in COMMANDS]) as desk:
        yield desk, done


def test_no_key_that_an_editor_gets_runs_a_command(
    noting_desk: tuple[Desk, list[str]], document: Path, tmp_path: Path
) -> None:
    """Every text editor of the window and of its dialogs."""
    desk, done = noting_desk
    desk.open(document)
    desk.drag((40, 40), (80, 40))
    desk.settled()
    keys = [
        keys for one in COMMANDS for keys in one.keys if not {"Ctrl", "Alt"} & {*keys.split("+")}
    ]
    keys.append("Ctrl+Del")  # the next word to an editor, to the window an element with all it has
    for key in _ENDS:
        QTest.keySequence(name_editor(desk, 0), key)
        desk.app.processEvents()
        assert done == [], key
    for name in _DIALOGS:
        desk.window.run_command(name)
    editors = [w for w in desk.window.findChildren(QWidget) if is_text_editor(w)]
    kinds = {type(editor).__name__ for editor in editors}
    assert {"QLineEdit", "QSpinBox", "QDoubleSpinBox"} <= kinds
    for editor in editors:
        if not editor.isVisible():
            continue
        editor.setFocus()
        for key in keys:
            if key not in _ENDS:  # these may close the editor or its dialog
                QTest.keySequence(editor, key)
        assert done == [], type(editor)


def test_a_click_that_leaves_an_editor_paints_nothing(desk: Desk, document: Path) -> None:
    desk.open(document)
    QTest.keyClicks(name_editor(desk, 0), "robot")
    desk.click(60, 40)
    assert desk.session.draft.element("hero").name == "robot"
    assert not desk.session.draft.drawings
    desk.click(60, 40)
    assert desk.session.draft.drawings


def test_a_name_that_is_being_typed_is_kept_when_the_shot_is_left(
    desk: Desk, document: Path
) -> None:
    desk.open(document)
    QTest.keyClicks(name_editor(desk, 0), "robot")
    desk.open(document)
    assert desk.session.draft.element("hero").name == "robot"
    QTest.keyClicks(name_editor(desk, 0), "giant")
    desk.window.close()
    assert ShotFile.read(document).content.elements[0].name == "giant"


def test_a_name_that_is_being_typed_is_that_of_its_own_row(desk: Desk, document: Path) -> None:
    """Whatever comes meanwhile: another colour, or another list of elements."""
    desk.open(document)
    desk.session.add_element("car")
    editor = name_editor(desk, 1)
    QTest.keyClicks(editor, "rob")
    desk.session.set_colour("car", "#1020f0")
    desk.window.panel.refresh()
    QTest.keyClicks(editor, "ot")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    desk.until(lambda: desk.session.draft.element("car").name == "robot")
    QTest.keyClicks(name_editor(desk, 0), "giant")
    desk.session.remove_element("hero")
    desk.until(lambda: desk.window.panel.elements.count() == 1)
    desk.window.panel.elements.end_editing()
    assert [one.name for one in desk.session.draft.elements] == ["robot"]
    desk.session.undo()
    desk.until(lambda: desk.window.panel.elements.count() == 2)
    names = [desk.window.panel.elements.item(row).text() for row in range(2)]
    assert names == ["hero", "robot"]
