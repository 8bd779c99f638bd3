"""The time line: zoom, scroll, in and out by the mouse, values under it, ten thousand frames."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from desk import LEFT, NO_KEY, Desk
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from rde_roto.doors.viewer.style import GROUND, STATE_COLOURS
from rde_roto.doors.viewer.timeline_plot import FrameRuler
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.track_quality import confidence_range

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

MIDDLE = Qt.MouseButton.MiddleButton


def turn(desk: Desk, frame: float, notches: int, keys: Qt.KeyboardModifier = NO_KEY) -> None:
    """Turns the wheel over a frame."""
    line = desk.window.time_line
    at = QPointF(line.place(frame), 30)
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    angle = QPoint(0, 120 * notches)
    wheel = QWheelEvent(at, line.mapToGlobal(at), QPoint(), angle, none, keys, phase, False)
    QApplication.sendEvent(line, wheel)


def pull(desk: Desk, start: float, end: float, button: Qt.MouseButton = LEFT) -> None:
    """Drags from a position in frames to another one."""
    line = desk.window.time_line
    first, last = (QPoint(round(line.place(x)), 40) for x in (start, end))
    QTest.mousePress(line, button, NO_KEY, first)
    QTest.mouseMove(line, last)
    QTest.mouseRelease(line, button, NO_KEY, last)


@pytest.fixture
def open_desk(desk: Desk, document: Path) -> Desk:
    desk.open(document)
    desk.until(lambda: desk.window.time_line.visible_frames == (1001, 1012))
    return desk


def test_places_and_frames_are_each_others_inverse(open_desk: Desk) -> None:
    line = open_desk.window.time_line
    assert [line.frame_at(line.place(frame)) for frame in (1001, 1006, 1012)] == [1001, 1006, 1012]
    assert 0 < line.place(1001) < line.place(1012) < line.width()


def test_dragging_goes_through_the_frames(open_desk: Desk) -> None:
    pull(open_desk, 1003, 1009)
    assert open_desk.session.frame == 1009


def test_in_and_out_are_dragged(open_desk: Desk) -> None:
    pull(open_desk, 1000.5, 1002.6)
    assert open_desk.session.navigation.bounds == (1003, 1012)
    pull(open_desk, 1012.5, 1010.4)
    assert open_desk.session.navigation.bounds == (1003, 1010)
    pull(open_desk, 1002.5, 1030)  # in stops at out
    assert open_desk.session.navigation.bounds == (1010, 1010)
    assert open_desk.session.frame == 1001


def test_a_click_on_in_or_out_goes_to_a_frame_and_moves_neither(open_desk: Desk) -> None:
    line = open_desk.window.time_line
    for edge, off_px, frame in ((1012.5, -4, 1012), (1000.5, 4, 1001)):
        at = QPoint(round(line.place(edge)) + off_px, 40)
        QTest.mousePress(line, LEFT, NO_KEY, at)
        QTest.mouseMove(line, at + QPoint(1, 0))
        QTest.mouseRelease(line, LEFT, NO_KEY, at)
        assert open_desk.session.frame == frame
    assert open_desk.session.navigation.bounds == (1001, 1012)


def test_the_wheel_zooms_where_the_mouse_is_and_shift_scrolls(open_desk: Desk) -> None:
    line = open_desk.window.time_line
    before = line.place(1004)
    turn(open_desk, 1004, 3)
    first, last = line.visible_frames
    assert last - first + 1 == pytest.approx(10, abs=1)  # no fewer
    assert line.place(1004) == pytest.approx(before, abs=2 * line.width() / 12)
    turn(open_desk, 1004, -5, Qt.KeyboardModifier.ShiftModifier)
    assert line.visible_frames[1] == 1012
    pull(open_desk, 1004, 1009, MIDDLE)
    assert line.visible_frames[0] == 1001
    turn(open_desk, 1004, -9)
    assert line.visible_frames == (1001, 1012)


def test_what_is_known_of_a_frame_is_read_under_the_mouse(open_desk: Desk) -> None:
    open_desk.drag((40, 40), (80, 40))
    open_desk.key("P")
    open_desk.settled()
    open_desk.until(
        lambda: 1005 in open_desk.session.quality.confidences(open_desk.session.element)
    )
    line = open_desk.window.time_line
    QTest.mouseMove(line, QPoint(round(line.place(1005)), 40))
    sure = open_desk.session.quality.confidences(open_desk.session.element)[1005]
    assert line.reading.text().startswith(f"1005   matte   confidence {sure:.2f}   ")
    assert line.reading.text().endswith("% of the picture")


def test_drift_is_read_and_drawn_where_it_is_known(open_desk: Desk) -> None:
    line, live = open_desk.window.time_line, open_desk.session.live
    open_desk.drag((40, 40), (80, 40))
    open_desk.key("P")
    open_desk.settled()
    open_desk.until(lambda: live.advice is not None and len(live.advice.confidences) == 12)
    line.refresh()
    before = line.grab().toImage()
    live.drift = {1004: {"hero": 0.1}, 1007: {"hero": 0.9}}
    line.refresh()
    QTest.mouseMove(line, QPoint(round(line.place(1006)), 40))
    assert line.reading.text().endswith("drift 0.90")
    line.leaveEvent(None)
    assert line.grab().toImage() != before


def test_confidence_is_drawn_over_the_range_of_what_is_tracked() -> None:
    drawn = 1.0
    assert confidence_range([drawn, 0.9, 0.6]) == (0.6, 0.9)
    low, high = confidence_range([drawn, 0.97, 0.95])  # hardly varies: not blown up
    assert low == pytest.approx(0.87)
    assert high == 0.97
    assert confidence_range([drawn])[1] == 1


def test_states_are_shown_in_their_colours(open_desk: Desk) -> None:
    open_desk.drag((40, 40), (80, 40))
    open_desk.key("P")
    open_desk.settled()
    line = open_desk.window.time_line
    line.refresh()
    image = line.grab().toImage()
    row = [image.pixelColor(round(line.place(1005)), y).name() for y in range(image.height())]
    assert STATE_COLOURS[FrameState.MADE].name() in row


def test_a_frame_out_of_sight_is_scrolled_to(open_desk: Desk) -> None:
    turn(open_desk, 1001, 3)
    assert 1012 not in range(*open_desk.window.time_line.visible_frames)
    open_desk.key("End")
    assert open_desk.window.time_line.visible_frames[1] == 1012


def test_a_frame_where_some_elements_are_locked_says_so(open_desk: Desk) -> None:
    """It looked like one where nothing is."""
    desk, line = open_desk, open_desk.window.time_line
    made, locked = STATE_COLOURS[FrameState.MADE], STATE_COLOURS[FrameState.LOCKED]

    def bar() -> list[str]:
        x, image = round(line.place(1005)), line.grab().toImage()
        seen = [image.pixelColor(x + 4, y) for y in range(image.height())]  # beside the frame shown
        return [colour.name() for colour in seen if colour in (made, locked)]

    desk.drag((20, 20), (60, 40))
    desk.key("P")
    desk.settled()
    desk.session.go_to(1005)
    desk.key("Shift+X")
    desk.until(lambda: desk.session.state(1005) is FrameState.LOCKED)
    desk.until(lambda: set(bar()) == {locked.name()})
    desk.session.add_element("rope")
    desk.session.go_to(1001)
    desk.drag((100, 20), (140, 40))
    desk.key("P")
    desk.settled()
    assert desk.session.state(1005) is FrameState.MADE
    desk.until(lambda: set(bar()) == {made.name(), locked.name()})
    assert bar().count(made.name()) > bar().count(locked.name()) > 1
    QTest.mouseMove(line, QPoint(round(line.place(1005)), 40))
    assert line.reading.text().startswith("1005   matte   hero is locked")


def test_ten_thousand_frames_are_shown_quickly(desk: Desk, document: Path) -> None:
    """A refresh and a redraw, in processor time; the bound leaves room for slow machines."""
    text = document.read_text("utf-8").replace("{path:", "{missing: hold, path:")
    document.write_text(f"{text}range: 1-10000\n", "utf-8")
    desk.open(document)
    line = desk.window.time_line
    desk.until(lambda: line.visible_frames == (1, 10000))
    start = time.process_time()
    line.refresh()
    line.grab()
    took_s = time.process_time() - start
    assert took_s < 0.25
    QTest.mouseClick(line, LEFT, NO_KEY, QPoint(round(line.place(7000)), 40))
    frames_per_px = 10000 / line.width()
    assert desk.session.frame == pytest.approx(7000, abs=2 * frames_per_px)
    turn(desk, 7000, 20)
    first, last = line.visible_frames
    assert last - first < 150
    assert first <= 7000 <= last


def test_the_label_of_the_frame_cuts_no_number_off(desk: Desk, document: Path) -> None:
    text = document.read_text("utf-8").replace("{path:", "{missing: hold, path:")
    document.write_text(f"{text}range: 1-10000\n", "utf-8")
    desk.open(document)
    line = desk.window.time_line
    desk.until(lambda: line.visible_frames == (1, 10000))
    line.grab()
    for frame in range(3500, 5000, 100):  # past a number, and up to the next one
        desk.session.go_to(frame)
        label = next(one for one in line.findChildren(QLabel) if one.text() == str(frame))
        image = line.grab().toImage()
        beside = (label.x() - 2, label.x() + label.width() + 1)
        seen = {image.pixelColor(x, y).name() for x in beside for y in range(3, 14)}
        assert seen == {GROUND.name()}, frame


def test_a_short_shot_has_no_half_frames(app: QApplication) -> None:
    """Three frames were numbered 1001, 1001.5, 1002.0, …"""
    for frames in (1, 3, 12, 10_000):
        levels = FrameRuler().tickValues(1000.5, 1000.5 + frames, 1000.0)
        values = [value for _, values in levels for value in values]
        assert values
        assert all(value == int(value) for value in values)
