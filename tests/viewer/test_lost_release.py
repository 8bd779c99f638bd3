"""Buttons that come up while a dialog is open: Qt tells nobody of the release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from desk import LEFT, NO_KEY, Desk
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tablet import Tablet

from rde_roto.doors.viewer.settings import SettingsDialog

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

MIDDLE, UP = Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton


def open_and_close_a_dialog(desk: Desk) -> None:
    desk.key("Ctrl+,")
    desk.window.findChildren(SettingsDialog)[-1].reject()
    desk.dialog_closed()


def hover(widget: QWidget, at: QPoint) -> None:
    over = widget.mapToGlobal(at).toPointF()
    event = QMouseEvent(QEvent.Type.MouseMove, at.toPointF(), over, UP, UP, NO_KEY)
    QApplication.sendEvent(widget, event)


@pytest.fixture
def stroke(desk: Desk, document: Path) -> Desk:
    """A window where the button came up in a dialog, in the middle of a stroke."""
    desk.open(document)
    QTest.mousePress(desk.window.canvas, LEFT, NO_KEY, desk.at(40, 40))
    QTest.mouseMove(desk.window.canvas, desk.at(60, 40))
    open_and_close_a_dialog(desk)
    return desk


def test_a_mouse_without_a_button_paints_nothing(stroke: Desk) -> None:
    for x in (100, 140):
        hover(stroke.window.canvas, stroke.at(x, 75))
    pixels = stroke.session.paint.pixels()
    assert pixels[40, 50] == 1  # what was painted is there, as a step of undo
    assert pixels[75, 100:140].max() == 0
    assert stroke.session.editor.undo_label == "brush stroke"


def test_the_next_press_begins_a_stroke_of_its_own(stroke: Desk) -> None:
    stroke.drag((100, 75), (120, 75))
    pixels = stroke.session.paint.pixels()
    assert pixels[75, 110] == 1
    assert pixels[58, 80] == 0  # nothing between the two
    stroke.key("Ctrl+Z")
    assert stroke.session.paint.pixels()[40, 50] == 1


def test_a_pen_that_was_lifted_unseen_begins_another_stroke(desk: Desk, document: Path) -> None:
    desk.open(document)
    pen = Tablet(desk)
    pen.send(QEvent.Type.TabletPress, (40, 40), 1.0)
    hover(desk.window.canvas, desk.at(140, 75))  # a mouse beside it draws nothing, and ends nothing
    pen.send(QEvent.Type.TabletMove, (60, 40), 1.0)
    assert desk.session.editor.undo_label is None
    open_and_close_a_dialog(desk)
    pen.stroke([(100, 75), (120, 75)], 1.0)
    pixels = desk.session.paint.pixels()
    assert pixels[40, 50] == pixels[75, 110] == 1
    assert pixels[75, 145] == pixels[58, 80] == 0
    desk.key("Ctrl+Z")
    assert desk.session.paint.pixels()[40, 50] == 1


def test_a_pen_that_hovers_ends_the_stroke_it_was_lifted_from_unseen(
    desk: Desk, document: Path
) -> None:
    desk.open(document)
    pen = Tablet(desk)
    pen.send(QEvent.Type.TabletPress, (40, 40), 1.0)
    pen.send(QEvent.Type.TabletMove, (60, 40), 1.0)
    open_and_close_a_dialog(desk)
    assert desk.session.editor.undo_label is None
    assert not pen.send(QEvent.Type.TabletMove, (140, 75), 0.0)  # Qt moves the pointer with it
    pixels = desk.session.paint.pixels()
    assert desk.session.editor.undo_label == "brush stroke"
    assert pixels[40, 50] == 1
    assert pixels[75, 135:145].max() == 0


def test_a_pen_that_hovers_leaves_the_stroke_of_a_mouse_alone(desk: Desk, document: Path) -> None:
    desk.open(document)
    QTest.mousePress(desk.window.canvas, LEFT, NO_KEY, desk.at(40, 40))
    Tablet(desk).send(QEvent.Type.TabletMove, (140, 75), 0.0)
    assert desk.session.editor.undo_label is None
    QTest.mouseMove(desk.window.canvas, desk.at(60, 40))
    QTest.mouseRelease(desk.window.canvas, LEFT, NO_KEY, desk.at(60, 40))
    pixels = desk.session.paint.pixels()
    assert pixels[40, 50] == 1
    assert pixels[75, 135:145].max() == 0


def test_the_picture_and_the_time_line_stay_where_they_are(desk: Desk, document: Path) -> None:
    desk.open(document)
    canvas, line = desk.window.canvas, desk.window.time_line
    QTest.mousePress(canvas, MIDDLE, NO_KEY, desk.at(40, 40))
    at = QPoint(round(line.place(1003)), 30)
    QTest.mousePress(line, LEFT, NO_KEY, at)
    open_and_close_a_dialog(desk)
    before = desk.at(0, 0)
    hover(canvas, desk.at(100, 80))
    assert np.array_equal(desk.at(0, 0).toTuple(), before.toTuple())
    hover(line, QPoint(round(line.place(1009)), 30))
    assert desk.session.frame == 1003
