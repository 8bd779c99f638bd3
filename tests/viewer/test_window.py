"""The window, by mouse and keys, over the toy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import box_mask
from desk import FRAMES, HEIGHT, LEFT, WIDTH, Desk, desk_over_toys, shown
from image_files import ramp, read_image, write_image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QColor, QDragEnterEvent, QDropEvent, QFontInfo, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QInputDialog,
    QLabel,
    QToolButton,
    QWidget,
)
from session_bench import Toys, ToySelector

from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.viewer.commands import COMMANDS, Command
from rde_roto.doors.viewer.dialogs import ExportDialog, KeyDialog, QueueDialog
from rde_roto.doors.viewer.fix_list import ROW_PX
from rde_roto.doors.viewer.scene import MatteMode
from rde_roto.doors.viewer.settings import SettingsDialog
from rde_roto.doors.viewer.style import (
    ADDS,
    SMALLEST_TEXT_PX,
    SUBTRACTS,
)
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.drawing.painting import Brush, Stroke
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.pictures.display_pixels import ViewExposure
from rde_roto.session.pictures.element_colours import PALETTE
from rde_roto.shot_files import ShotFile

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


def dialog(desk: Desk, kind: type[QWidget]) -> QWidget:
    found = desk.window.findChildren(kind)
    assert found
    return found[-1]


def show_as(desk: Desk, mode: MatteMode) -> None:
    desk.window.canvas.scene.mode = mode
    desk.window.view_changed()


def paint(desk: Desk) -> None:
    desk.drag((40, 40), (60, 44), (80, 40))


def test_a_stroke_of_the_mouse_is_a_keyframe_of_these_pixels(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.paint.brush = Brush(6, 0.5)
    expected = Stroke(np.zeros((HEIGHT, WIDTH), np.float32), Brush(6, 0.5))
    for x, y in [(40, 40), (40, 40), (60, 44), (80, 40), (80, 40)]:
        point = desk.window.canvas.to_plate(QPointF(desk.at(x, y)))
        expected.to((point.x(), point.y()))
    paint(desk)
    desk.session.editor.wait_until_saved()
    keyframe = ShotFile.read(document).open().shot.keyframe_at(1001)
    assert keyframe is not None
    np.testing.assert_array_equal(keyframe.alpha[0], expected.pixels)


def test_the_right_button_takes_away_and_x_swaps_the_two(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.paint.brush = Brush(6, 1.0)
    paint(desk)
    area = desk.session.paint.pixels().sum()
    desk.drag((40, 40), (60, 44), button=Qt.MouseButton.RightButton)
    assert 0 < desk.session.paint.pixels().sum() < area
    desk.key("X")
    subtract = next(a for a in desk.window.findChildren(QAction) if a.text() == "Add or subtract")
    desk.app.processEvents()
    desk.until(subtract.isChecked)
    desk.drag((40, 40), (60, 44), button=Qt.MouseButton.RightButton)
    assert desk.session.paint.pixels().sum() == pytest.approx(area, rel=0.01)
    paint(desk)
    assert desk.session.paint.pixels().max() < 0.5  # soft edges twice


def test_middle_button_and_control_move_the_picture(desk: Desk, document: Path) -> None:
    desk.open(document)
    before = desk.at(60, 40)
    desk.drag((60, 40), (70, 45), button=Qt.MouseButton.MiddleButton)
    middle = desk.at(60, 40)
    assert middle != before
    desk.drag((60, 40), (70, 45), keys=Qt.KeyboardModifier.ControlModifier)
    assert desk.at(60, 40) != middle
    assert not desk.session.draft.drawings


def test_what_is_awaited_is_said_on_the_picture_until_it_is_there(
    desk: Desk, document: Path
) -> None:
    desk.open(document)
    paint(desk)
    desk.key("End")
    desk.until(lambda: desk.session.navigation.picture() is not None)
    quiet = desk.picture()
    paint(desk)
    assert "tracking frame 1012 first" in desk.session.paint.notice
    top = np.s_[:60]
    assert (desk.picture()[top] != quiet[top]).any()
    desk.until(lambda: desk.session.paint.notice == "")
    paint(desk)
    assert 1012 in desk.session.draft.drawings


def test_selecting_is_said_until_the_mask_is_there(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("6")
    desk.drag((30, 20), (60, 40), (90, 60))
    assert desk.session.paint.notice == "selecting…"
    desk.until(lambda: desk.session.paint.notice == "")
    assert desk.session.draft.drawings or desk.window.statusBar().currentMessage()


def test_lines_that_add_and_lines_that_take_away_have_different_colours(
    desk: Desk, document: Path
) -> None:
    desk.open(document)
    desk.key("4")
    for button, colour in ((LEFT, ADDS), (Qt.MouseButton.RightButton, SUBTRACTS)):
        canvas = desk.window.canvas
        QTest.mousePress(canvas, button, Qt.KeyboardModifier.NoModifier, desk.at(40, 40))
        QTest.mouseMove(canvas, desk.at(60, 40))
        QTest.mouseMove(canvas, desk.at(100, 40))
        wanted = np.array([colour.red(), colour.green(), colour.blue()])
        assert (np.abs(desk.picture() - wanted).max(axis=2) < 24).any()
        QTest.mouseRelease(canvas, button, Qt.KeyboardModifier.NoModifier, desk.at(100, 40))


def test_polygon_by_clicks_and_enter(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("3")
    for x, y in [(20, 20), (60, 20), (60, 50), (20, 50)]:
        desk.click(x, y)
    desk.drag((60, 50), (100, 50))  # a point is moved
    desk.key("Return")
    # a quarter of a plate pixel is a pixel of the screen
    assert desk.session.paint.pixels().sum() == pytest.approx(30 * 60, rel=0.03)
    assert desk.session.paint.pixels()[48, 90] == 1


def test_every_key_does_its_command(app: QApplication, home: Path) -> None:
    done: list[str] = []

    def noting(command: Command) -> Command:
        return replace(command, run=lambda _window: done.append(command.text), needs_shot=False)

    commands = [noting(command) for command in COMMANDS]
    toys = Toys()
    with Engine() as engine:
        backend = Backend(engine, toys.make, lambda _said: {}, ToySelector)
        window = MainWindow(lambda _opened: backend, commands=commands)
        shown(window)
        for command in COMMANDS:
            for keys in command.keys:
                done.clear()
                QTest.keySequence(window, keys)
                assert done == [command.text], keys
        window.close()


def test_no_key_is_given_twice() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))


def test_without_a_shot_keys_say_so(desk: Desk) -> None:
    for command in COMMANDS:
        if command.needs_shot:
            desk.window.run_command(command.text)
            assert "open a plate" in desk.window.statusBar().currentMessage()


def test_it_says_which_plate_and_what_is_read_of_it(desk: Desk, document: Path) -> None:
    desk.open(document.with_name("plate") / "hero.1001.exr")
    reading = f"hero.####.exr: R G B, upright, {WIDTH}x{HEIGHT}, lin_rec709 from its format"
    assert desk.window.statusBar().currentMessage() == reading
    assert desk.window.shot_bar.state.toolTip() == reading
    assert desk.window.windowTitle() == "hero: hero.####.exr — rde-roto"


def test_nothing_is_drawn_where_black_stands_in(desk: Desk, document: Path) -> None:
    (document.with_name("plate") / "hero.1002.exr").unlink()
    text = document.read_text("utf-8").replace("{path:", "{missing: black, path:")
    document.write_text(text, "utf-8")
    desk.open(document)
    desk.key("Right")
    paint(desk)
    assert desk.window.statusBar().currentMessage().startswith("the plate lacks frame 1002")
    assert not desk.session.draft.drawings


def test_propagate_correct_and_cancel(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.key("P")
    desk.settled()
    states = {frame: desk.session.state(frame) for frame in FRAMES}
    assert set(states.values()) == {FrameState.KEYFRAME, FrameState.MADE}
    desk.key("Right")
    assert desk.session.frame == 1002
    desk.key("End")
    assert desk.session.frame == 1012
    desk.key("Shift+Left")
    assert desk.session.frame == 1002
    desk.key("Ctrl+Left")
    assert desk.session.frame == 1001
    desk.key("Ctrl+Z")
    desk.settled()
    assert desk.session.state(1001) is FrameState.EMPTY
    desk.key("Ctrl+Y")
    desk.settled()
    assert desk.session.state(1005) is FrameState.MADE
    paint(desk)
    desk.key("P")
    desk.key("Esc")
    assert desk.session.live.remaining == 0


def test_the_picture_shows_the_matte_in_every_way(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.paint.brush = Brush(10, 1.0)
    plain_in, plain_out = desk.colour(60, 40), desk.colour(140, 80)
    paint(desk)
    assert desk.colour(140, 80) == plain_out
    red = desk.colour(60, 40)
    # the overlay is half of the plate and half of the first element's colour
    assert red == pytest.approx(
        [(p + c) / 2 for p, c in zip(plain_in, (255, 77, 77), strict=True)], abs=2
    )
    desk.key("A")
    assert desk.colour(60, 40) == (255, 255, 255)
    assert desk.colour(140, 80) == (0, 0, 0)
    desk.key("A")
    show_as(desk, MatteMode.BLACK)
    assert desk.colour(60, 40) == pytest.approx(plain_in, abs=1)
    assert desk.colour(140, 80) == (0, 0, 0)
    show_as(desk, MatteMode.CHECKER)
    assert desk.colour(140, 80) in [(0x6F,) * 3, (0x4A,) * 3]
    show_as(desk, MatteMode.OUTLINE)
    assert desk.colour(60, 42) != red
    shown = desk.picture()
    assert (np.abs(shown.astype(int) - (255, 77, 77)).max(axis=2) < 40).any()
    show_as(desk, MatteMode.OFF)
    assert desk.colour(60, 40) == plain_in
    desk.key("R")
    grey = desk.colour(60, 40)
    assert grey == (plain_in[0],) * 3
    desk.key("D")
    show_as(desk, MatteMode.OVERLAY)
    desk.window.canvas.scene.wipe = 0.0
    assert desk.colour(60, 40) == plain_in


def test_the_version_before_is_wiped_in(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.key("P")
    desk.settled()
    desk.key("Alt+2")
    assert "no version before" in desk.window.statusBar().currentMessage()
    assert desk.window.canvas.scene.wipe is None
    desk.session.go_to(1003)
    desk.drag((40, 80), (60, 84))
    desk.key("P")
    desk.settled()
    desk.session.go_to(1005)
    show_as(desk, MatteMode.OVERLAY)
    now = desk.picture()
    desk.key("Alt+2")
    desk.until(lambda: desk.session.shown.comparison_codes("hero") is not None)
    desk.window.canvas.scene.wipe = 0.0
    before = desk.picture()
    assert desk.window.panel.wipe.currentText() == "wipe: the version before"
    desk.window.canvas.scene.wipe = 1.0
    assert (np.abs(desk.picture()[40:] - now[40:].astype(int)) == 0).mean() > 0.99
    assert (np.abs(before[40:] - now[40:].astype(int)) > 8).mean() > 0.001
    desk.key("W")
    np.testing.assert_array_equal(desk.picture(), now)
    assert desk.window.panel.wipe.currentText() == "no wipe"


def test_exposure_shows_and_keeps_the_matte(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    before, alpha = desk.colour(140, 60), desk.session.paint.pixels()
    desk.key("E")
    desk.until(lambda: desk.session.navigation.picture() is not None)
    assert sum(desk.colour(140, 60)) > sum(before)
    np.testing.assert_array_equal(desk.session.paint.pixels(), alpha)
    desk.key("0")
    desk.until(lambda: desk.session.navigation.picture() is not None)
    assert desk.colour(140, 60) == before


def test_a_dropped_plate_or_document_is_opened(desk: Desk, document: Path) -> None:
    for dropped in (document.parent / "plate", document):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(dropped))])
        copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(
            QPointF(50, 50).toPoint(), copy, data, Qt.MouseButton.LeftButton, none
        )
        QApplication.sendEvent(desk.window, enter)
        assert enter.isAccepted()
        left = Qt.MouseButton.LeftButton
        drop = QDropEvent(QPointF(50, 50), copy, data, left, none, QEvent.Type.Drop)
        QApplication.sendEvent(desk.window, drop)
        assert desk.session.navigation.range.first == 1001
    assert desk.session.editor.document == document


def test_what_cannot_be_opened_is_said_and_leaves_the_shot(desk: Desk, document: Path) -> None:
    desk.open(document)
    session = desk.session
    assert not desk.window.open("/nowhere/at/all.####.exr")
    assert "/nowhere" in desk.window.statusBar().currentMessage()
    assert desk.session is session


def test_a_click_on_the_time_line_goes_there(desk: Desk, document: Path) -> None:
    desk.open(document)
    line = desk.window.time_line
    for frame in (1012, 1001, 1007):
        at = QPointF(line.place(frame), 30).toPoint()
        QTest.mouseClick(line, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        assert desk.session.frame == frame


def test_the_line_below_tells_of_the_frame_that_is_seen(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    assert desk.window.shot_bar.state.text() == "keyframe"
    desk.key("Right")
    assert desk.window.shot_bar.state.text() == "no matte yet"


def test_playing_goes_round_between_in_and_out(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.set_bounds(1003, 1005)
    desk.session.go_to(1003)
    seen: list[int] = []
    desk.key("L")

    def is_round() -> bool:
        if not seen or seen[-1] != desk.session.frame:
            seen.append(desk.session.frame)
        return len(seen) >= 5

    desk.until(is_round)
    desk.key("K")
    assert seen[:5] == [1003, 1004, 1005, 1003, 1004]


def test_a_shot_opens_again_where_it_was(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.session.set_bounds(1003, 1009)
    desk.session.go_to(1008)
    desk.open(document.parent / "plate")
    assert desk.session.frame == 1001
    desk.open(document)
    assert (desk.session.frame, desk.session.navigation.bounds) == (1008, (1003, 1009))
    assert not desk.session.draft.drawn(1001, "hero").is_empty  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("bounds", "then"), [((1001, 1012), (1001, 1014)), ((1003, 1012), (1003, 1014))]
)
def test_in_and_out_at_the_ends_stay_there_when_more_frames_were_rendered(
    desk: Desk, document: Path, bounds: tuple[int, int], then: tuple[int, int]
) -> None:
    """An export left the new frames out."""
    desk.open(document)
    desk.session.set_bounds(*bounds)
    desk.open(document.parent / "plate")
    for frame in (1013, 1014):
        write_image(document.parent / f"plate/hero.{frame}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    desk.open(document)
    assert desk.session.navigation.bounds == then


def test_a_shot_that_is_opened_again_at_once_has_the_last_stroke(
    desk: Desk, document: Path
) -> None:
    """While it is still being written, and later changes are saved too."""
    desk.open(document)
    for number in range(1, 6):
        desk.drag((10, 15 * number), (90, 15 * number))
        drawn = desk.session.paint.pixels()
        assert desk.window.open(str(document))
        np.testing.assert_array_equal(desk.session.paint.pixels(), drawn)
    desk.session.editor.wait_until_saved()
    keyframe = ShotFile.read(document).open().shot.keyframe_at(1001)
    assert keyframe is not None
    np.testing.assert_array_equal(keyframe.alpha[0], drawn)


def test_elements_are_listed_named_and_chosen(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.session.add_element("car")
    desk.until(lambda: desk.window.panel.elements.count() == 2)
    assert desk.session.element == "car"
    desk.window.panel.elements.setCurrentRow(0)
    assert desk.session.element == "hero"
    desk.key("Tab")
    assert desk.session.element == "car"


def test_an_element_is_shown_in_its_own_colour(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.window.canvas.scene.opacity = 1.0
    desk.session.set_colour("hero", "#1020f0")
    assert desk.colour(45, 42) == (0x10, 0x20, 0xF0)
    desk.until(lambda: desk.window.panel.elements.count() == 1)
    desk.until(lambda: _swatch(desk) == "#1020f0")
    desk.key("Ctrl+Z")
    assert desk.colour(45, 42) == (255, 77, 77)
    desk.until(lambda: _swatch(desk) == "#ff4d4d")


def _swatch(desk: Desk) -> str:
    icon = desk.window.panel.elements.item(0).icon()
    return icon.pixmap(16, 16).toImage().pixelColor(8, 8).name()


def test_a_frame_is_gone_to_by_its_number(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+G")
    QTest.keyClicks(desk.window.shot_bar.frame_field, "1007")
    QTest.keyClick(desk.window.shot_bar.frame_field, Qt.Key.Key_Return)
    assert desk.session.frame == 1007
    desk.key("Right")
    assert desk.window.shot_bar.frame_field.text() == "1008"
    desk.key("Ctrl+G")
    QTest.keyClicks(desk.window.shot_bar.frame_field, "here")
    QTest.keyClick(desk.window.shot_bar.frame_field, Qt.Key.Key_Return)
    assert "no frame number" in desk.window.statusBar().currentMessage()
    assert desk.window.shot_bar.frame_field.text() == "1008"


def test_recent_shots_are_offered_before_one_is_open(desk: Desk, document: Path) -> None:
    desk.open(document)
    assert not desk.window.start_page.isVisible()
    with desk_over_toys(desk.app) as another:
        page = another.window.start_page
        assert page.isVisible()
        recent = page.recent[0]
        assert recent.text().startswith("hero.shot.yaml   in ")
        recent.click()
        assert another.session.editor.document == document
        assert not page.isVisible()


def test_a_folder_with_an_ampersand_is_listed_with_it(desk: Desk, document: Path) -> None:
    """Qt took it for the mark of a key, and underlined the letter behind it."""
    moved = document.parent / "r&d.shot.yaml"
    document.rename(moved)
    desk.open(moved)
    with desk_over_toys(desk.app) as another:
        (button,) = another.window.start_page.recent
        assert button.text().startswith("r&&d.shot.yaml   in ")
        assert button.toolTip().startswith("r&d.shot.yaml   in ")


def test_a_key_gives_the_next_colour_that_stands_out(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    seen = set()
    for _ in range(len(PALETTE)):
        desk.key("Shift+C")
        color = desk.session.draft.element("hero").color
        assert color is not None
        seen.add(color)
    assert 1 < len(seen) < len(PALETTE)


def test_frames_to_fix_are_listed_and_a_click_goes_there(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.key("P")
    desk.settled()
    desk.until(lambda: bool(desk.session.quality.suggestions))
    listed = desk.window.panel.to_fix
    desk.until(lambda: listed.count() == len(desk.session.quality.suggestions))
    suggested = desk.session.quality.suggestions[0]
    assert str(suggested.frame) in listed.item(0).text()
    assert str(suggested.frame) in desk.window.panel.fix.text()
    sure = desk.session.quality.confidences("hero").values()
    highest = max(value for value in sure if value < 1)
    assert f"{suggested.confidence:.2f} of " in listed.item(0).text()
    assert listed.item(0).text().endswith(f"-{highest:.2f}")
    desk.until(lambda: not listed.item(0).icon().isNull())  # drawn on another thread
    at = listed.visualItemRect(listed.item(0)).center()
    QTest.mouseClick(listed.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, at)
    assert desk.session.frame == suggested.frame
    desk.key("Shift+N")
    assert suggested not in desk.session.quality.suggestions


def listed_frames(desk: Desk) -> list[int]:
    """What the list in the panel shows."""
    listed = desk.window.panel.to_fix
    if listed.isHidden():
        return []
    return [int(listed.item(row).text().split()[0]) for row in range(listed.count())]


def test_what_is_fine_stays_off_the_list_and_locks_take_the_rest(
    desk: Desk, document: Path
) -> None:
    """Two elements, each with the range of its own confidence, on 40 frames."""
    for frame in range(FRAMES[-1] + 1, 1041):
        write_image(document.parent / f"plate/hero.{frame}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    desk.open(document)
    paint(desk)
    desk.session.add_element("other")
    desk.drag((110, 60), (120, 64), (130, 60))
    desk.key("P")
    desk.settled()
    quality, live = desk.session.quality, desk.session.live
    desk.until(lambda: len(quality.suggestions) > 1)
    desk.until(lambda: listed_frames(desk) == [one.frame for one in quality.suggestions])
    for row, one in enumerate(quality.suggestions):
        tracked = [value for value in quality.confidences(one.element).values() if value < 1]
        text = desk.window.panel.to_fix.item(row).text()
        assert text.splitlines()[1].startswith(f"{one.confidence:.2f} of ")
        assert text.endswith(f"-{max(tracked):.2f}")
    first, second, *_ = listed_frames(desk)
    desk.key("N")
    assert desk.session.frame == first
    desk.key("Shift+N")
    assert desk.session.frame == second
    desk.until(lambda: first not in listed_frames(desk))
    advice = live.advice
    desk.key("Shift+X")  # which brings new advice
    desk.until(lambda: bool(desk.session.draft.locks) and live.is_settled)
    assert second not in [one.frame for one in quality.suggestions]
    desk.until(lambda: second not in listed_frames(desk))
    desk.until(lambda: live.advice is not advice)
    assert not {first, second} & {one.frame for one in quality.suggestions}
    desk.until(lambda: not {first, second} & set(listed_frames(desk)))
    desk.key("Ctrl+Shift+X")
    desk.until(lambda: len(desk.session.draft.locks) > 0 and live.is_settled)
    desk.until(lambda: not listed_frames(desk))
    desk.key("N")
    assert desk.window.statusBar().currentMessage() == "nothing looks wrong"


def test_the_list_of_frames_to_fix_has_room_on_a_laptop(app: QApplication, document: Path) -> None:
    with desk_over_toys(app, (1366, 768)) as desk:
        desk.open(document)
        panel = desk.window.panel
        panel.counts.setText("keyframes 2 · tracked 20\nstale 5")
        layout = panel.layout()
        assert layout is not None
        assert panel.to_fix.height() >= 2 * ROW_PX  # which are kept free while it is hidden
        needs = layout.totalMinimumSize().height()
        middle = desk.window.centralWidget()
        assert middle is not None
        assert needs <= middle.height()


def test_a_suggestion_goes_as_soon_as_its_matte_is_another_one(desk: Desk, document: Path) -> None:
    """Before there is new advice, that is: after a lock, too."""
    desk.open(document)
    paint(desk)
    desk.key("P")
    desk.settled()
    desk.until(lambda: bool(desk.session.quality.suggestions))
    suggested = desk.session.quality.suggestions[0]
    live = desk.session.live
    old = live.advice
    desk.session.go_to(suggested.frame)
    desk.key("Shift+X")
    desk.until(lambda: bool(desk.session.draft.locks) and live.is_settled)
    assert suggested.frame not in [one.frame for one in desk.session.quality.suggestions]
    desk.key("Ctrl+Z")
    desk.until(lambda: live.is_settled and live.advice is not old)
    desk.session.choose_element("hero")
    changed = desk.session.draft.preset.model_copy(
        update={"finish": desk.session.draft.preset.finish.model_copy(update={"feather_px": 2.0})}
    )
    desk.session.set_preset(changed)
    live.digests_came({frame: f"other {frame}" for frame in desk.session.range}, set())
    assert desk.session.quality.suggestions == []


def test_settings_have_a_field_and_a_tip_for_every_key(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.key("Ctrl+,")
    settings = dialog(desk, SettingsDialog)
    assert isinstance(settings, SettingsDialog)
    said = desk.session.draft.preset.model_dump(mode="json")
    keys = {f"{s}.{k}" for s, values in said.items() if isinstance(values, dict) for k in values}
    assert set(settings.fields) == keys
    assert all(field.widget.toolTip() for field in settings.fields.values())
    assert settings.apply()
    feather = settings.fields["finish.feather_px"].widget
    assert isinstance(feather, QDoubleSpinBox)
    feather.setValue(6.5)
    edges = settings.fields["finish.edges"].widget
    assert isinstance(edges, QComboBox)
    edges.setCurrentText("bilinear")
    assert settings.apply()
    assert desk.session.draft.preset.finish.feather_px == 6.5
    assert desk.session.draft.preset.finish.edges == "bilinear"
    settings.reject()
    desk.window.run_command("Undo")
    assert desk.session.draft.preset.finish.feather_px == 0


def test_settings_that_are_only_looked_at_stay_to_the_last_digit(
    desk: Desk, document: Path
) -> None:
    exact = document.read_text(encoding="utf-8").replace("96", "96, finish.feather_px: 1.23456")
    document.write_text(exact, encoding="utf-8")
    desk.open(document)
    desk.key("Ctrl+,")
    settings = dialog(desk, SettingsDialog)
    assert isinstance(settings, SettingsDialog)
    assert settings.apply()
    assert desk.session.draft.preset.finish.feather_px == 1.23456
    settings.reject()


def test_a_slider_changes_its_own_value_alone(desk: Desk, document: Path) -> None:
    desk.open(document)
    panel, session = desk.window.panel, desk.session
    session.paint.set_brush(Brush(450, 0.8))  # wider than the slider goes
    panel.refresh()
    panel.hardness.setValue(30)
    assert session.paint.brush == Brush(450, 0.3)
    session.change_exposure(7.5)
    panel.refresh()
    panel.gamma.setValue(150)
    assert session.navigation.exposure == ViewExposure(7.5, 1.5)


def test_a_preset_is_chosen_in_the_settings(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+,")
    settings = dialog(desk, SettingsDialog)
    assert isinstance(settings, SettingsDialog)
    assert settings.presets.currentData() == "standard"
    settings.presets.setCurrentIndex(settings.presets.findData("draft"))
    settings.presets.activated.emit(settings.presets.currentIndex())
    assert settings.fields["tracking.lines"].value() == load_preset("draft").tracking.lines
    assert desk.session.draft.preset.name == "standard"  # until it is applied
    assert settings.apply()
    assert desk.session.draft.preset == load_preset("draft")
    words = [label.text() for label in settings.findChildren(QLabel)]
    assert "Working height in lines" in words
    settings.reject()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("alpha", "m.####.exr"),
        ("alpha", "m.####.png"),
        ("cryptomatte", "m.####.exr"),
        ("rgba", "m.####.exr"),
        ("labels", "m.####.png"),
    ],
)
def test_export_writes_every_format(
    desk: Desk, document: Path, tmp_path: Path, kind: str, name: str
) -> None:
    desk.open(document)
    paint(desk)
    desk.settled()
    desk.session.set_bounds(1001, 1003)
    desk.key("Ctrl+E")
    export = dialog(desk, ExportDialog)
    assert isinstance(export, ExportDialog)
    export.format.setCurrentIndex(export.format.findData(kind))
    export.pattern.setText(str(tmp_path / "out" / name))
    export.go.click()
    assert export.job is not None
    desk.until(lambda: export.job is not None and export.job.state != "running")
    assert export.job.state == "done", export.job.error
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [name.replace("####", str(frame)) for frame in (1001, 1002, 1003)]
    if (kind, name) == ("alpha", "m.####.exr"):
        _, pixels = read_image(tmp_path / "out/m.1001.exr")
        np.testing.assert_allclose(pixels[..., 0], desk.session.paint.pixels(), atol=1e-3)  # half


def test_export_remembers_where_and_how_and_says_what_it_replaces(
    desk: Desk, document: Path, tmp_path: Path
) -> None:
    desk.open(document)
    paint(desk)
    desk.settled()
    desk.session.set_bounds(1001, 1003)
    said: list[str] = []
    for _ in range(2):
        desk.window.run_command("Export mattes…")
        export = dialog(desk, ExportDialog)
        assert isinstance(export, ExportDialog)
        assert "1001-1003" in export.message.text()
        assert "replaced where changed" in export.message.text()
        if not said:
            export.format.setCurrentIndex(export.format.findData("rgba"))
            export.pattern.setText(str(tmp_path / "out/hero.####.exr"))
        assert export.pattern.text() == str(tmp_path / "out/hero.####.exr")
        shown = export.whole_path.text().replace("\N{ZERO WIDTH SPACE}", "")  # where it may wrap
        assert shown == export.pattern.text()
        assert export.format.currentData() == "rgba"
        export.go.click()
        desk.until(export.go.isEnabled)
        said.append(export.message.text())
        export.reject()
    assert said == [
        "3 frames written, 0 up to date already",
        "0 frames written, 3 up to date already",
    ]


def test_export_over_the_plate_is_refused(desk: Desk, document: Path) -> None:
    desk.open(document)
    paint(desk)
    desk.settled()
    desk.key("Ctrl+E")
    export = dialog(desk, ExportDialog)
    assert isinstance(export, ExportDialog)
    export.pattern.setText(str(document.parent / "plate/hero.####.exr"))
    export.go.click()
    assert export.job is None
    assert "overwrite" in export.message.text()


def test_a_shot_is_queued_in_a_hot_folder(desk: Desk, document: Path, tmp_path: Path) -> None:
    (tmp_path / "hot/inbox").mkdir(parents=True)
    desk.open(document)
    paint(desk)
    desk.key("Ctrl+Shift+E")
    queue = dialog(desk, QueueDialog)
    assert isinstance(queue, QueueDialog)
    queue.folder.setText(str(tmp_path / "hot"))
    queue.accept()
    job = json.loads((tmp_path / "hot/inbox/hero.json").read_text(encoding="utf-8"))
    assert job["shot"] == str(document)
    assert job["frames"] == "1001-1012"
    desk.key("Ctrl+Shift+E")
    again = dialog(desk, QueueDialog)
    assert isinstance(again, QueueDialog)
    assert again.folder.text() == str(tmp_path / "hot")
    again.folder.setText(str(tmp_path))
    again.accept()
    assert "is not a hot folder" in again.message.text()
    assert again.isVisible()


def test_keys_are_shown_and_no_text_is_small(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("?")
    assert dialog(desk, KeyDialog).isVisible()
    small = [
        type(widget).__name__
        for widget in desk.window.findChildren(QWidget)
        if QFontInfo(widget.font()).pixelSize() < SMALLEST_TEXT_PX
    ]
    assert small == []


def test_it_fits_a_laptop(desk: Desk, document: Path) -> None:
    desk.open(document)
    least = desk.window.minimumSizeHint()
    assert least.width() <= 1280
    assert least.height() <= 700


def test_a_mask_of_another_size_is_refused_in_a_sentence(
    desk: Desk, document: Path, tmp_path: Path
) -> None:
    desk.open(document)
    desk.import_file(box_mask(tmp_path / "small.png", 20))
    assert "as large" in desk.window.statusBar().currentMessage()
    assert not desk.session.draft.drawings


def test_in_a_narrow_window_nothing_is_cut_off(app: QApplication, document: Path) -> None:
    with desk_over_toys(app, (780, 700)) as desk:
        desk.open(document)
        desk.window.canvas.fit()
        shown = desk.picture()
        dark = np.argwhere(shown[14:60].max(axis=2) < 0x10)[:, 1]  # below what to do first
        assert 8 < dark.min() < dark.max() < shown.shape[1] - 9
        more = desk.window.findChild(QToolButton, "qt_toolbar_ext_button")
        assert isinstance(more, QToolButton)
        assert more.isVisible()
        seen = more.grab().toImage()
        colours = {
            seen.pixelColor(x, y).name()
            for x in range(2, seen.width() - 2)
            for y in range(4, seen.height() - 4)
        }
        lights = [QColor(name).lightness() for name in colours]
        assert max(lights) - min(lights) > 60  # the arrow to the buttons that have no room


def test_buttons_stay_where_they_are_when_frames_to_fix_are_listed(
    app: QApplication, document: Path
) -> None:
    """On a laptop all of them moved up under the mouse when tracking had ended."""
    with desk_over_toys(app, (1366, 768)) as desk:
        desk.open(document)
        panel = desk.window.panel
        assert panel.to_fix.isHidden()
        before = panel.fix.mapTo(desk.window, QPoint())
        panel.to_fix.setVisible(True)
        desk.app.processEvents()
        assert panel.fix.mapTo(desk.window, QPoint()) == before


def test_an_element_is_renamed_and_deleted_by_the_keyboard(desk: Desk, document: Path) -> None:
    desk.open(document)

    def answer(dialog: QInputDialog) -> None:
        assert dialog.textValue() == "hero"
        dialog.setTextValue("robot")
        dialog.accept()

    with desk.answering(answer):
        desk.key("F2")
    assert [one.name for one in desk.session.draft.elements] == ["robot"]
    desk.session.add_element("car")
    desk.key("Ctrl+Del")
    assert [one.name for one in desk.session.draft.elements] == ["robot"]
    desk.key("Ctrl+Del")
    assert "needs at least one element" in desk.window.statusBar().currentMessage()


def test_menus_open_by_the_keyboard(desk: Desk) -> None:
    menus = desk.window.menuBar().actions()
    letters = [QKeySequence.mnemonic(menu.text()).toString() for menu in menus]
    assert all(letters)
    keys = {keys for command in COMMANDS for keys in command.keys}
    assert len(set(letters)) == len(letters)
    assert not keys.intersection(letters)


def test_a_message_that_is_too_long_keeps_its_end(app: QApplication) -> None:
    """What is wrong with a path stands behind it, and was cut off."""
    with desk_over_toys(app, (780, 700)) as desk:
        bar = desk.window.statusBar()
        pictures = []
        for end in ("does not exist", "is no picture of any kind"):
            desk.window.show_message(f"/{'folder/' * 40}hero.1001.exr {end}")
            pictures.append(bar.grab().toImage())
            assert end in bar.toolTip()
        assert pictures[0] != pictures[1]


def test_the_whole_path_of_an_export_is_shown_however_long(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.drag((20, 20), (40, 30))
    desk.settled()
    desk.key("Ctrl+E")
    (dialog,) = desk.window.findChildren(ExportDialog)
    dialog.pattern.setText(f"/{'n' * 240}.####.exr")
    desk.app.processEvents()
    for label in (dialog.whole_path, dialog.message):
        assert label.width() >= label.minimumSizeHint().width()
        assert label.height() >= label.heightForWidth(label.width())
    dialog.reject()


def test_the_chosen_element_is_in_sight_in_a_low_window(app: QApplication, document: Path) -> None:
    with desk_over_toys(app, (1366, 900)) as desk:
        desk.open(document)
        for name in ("car", "tree", "robot"):
            desk.session.add_element(name)
        elements = desk.window.panel.elements
        desk.until(lambda: elements.currentRow() == 3)
        desk.window.resize(1366, 720)
        desk.app.processEvents()
        seen = elements.visualItemRect(elements.currentItem())
        assert elements.viewport().rect().contains(seen)
