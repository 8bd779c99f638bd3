"""Exports that something else comes between."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk
from image_files import read_image

from rde_roto.doors.viewer.dialogs import ExportDialog

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


@pytest.fixture
def drawn(desk: Desk, document: Path) -> Desk:
    """A window on a shot of which one keyframe is drawn, and nothing is tracked."""
    desk.open(document)
    desk.drag((40, 40), (60, 44), (80, 40))
    desk.settled()
    return desk


def export_dialog(desk: Desk, out: Path) -> ExportDialog:
    desk.key("Ctrl+E")
    export = desk.window.findChildren(ExportDialog)[-1]
    export.pattern.setText(str(out / "m.####.exr"))
    return export


def test_what_came_while_the_dialog_was_open_is_exported(drawn: Desk, tmp_path: Path) -> None:
    """The mattes of when it was opened were, though the picture showed those of a lesson."""
    drawn.session.set_bounds(1001, 1001)
    export = export_dialog(drawn, tmp_path)
    assert drawn.session.paint.pixels()[70, 60] == 0
    drawn.session.paint.grow(20)
    drawn.settled()
    assert drawn.session.paint.pixels()[70, 60] == 1
    export.go.click()
    drawn.until(export.go.isEnabled)
    assert read_image(tmp_path / "m.1001.exr")[1][70, 60, 0] == 1


def test_nothing_is_exported_before_what_was_asked_for_is_drawn(drawn: Desk) -> None:
    """What is being selected was missing in the files, and on the picture a moment later."""
    for keys in ("Ctrl+E", "Ctrl+Alt+E"):
        drawn.key("6")
        drawn.click(120, 70)
        drawn.key(keys)
        assert not drawn.window.findChildren(ExportDialog)
        said = drawn.window.shot_bar.currentMessage()
        assert said == "this would not be part of it yet: selecting…"
        drawn.until(lambda: not drawn.session.paint.making)


def test_an_export_that_is_closed_early_says_what_is_there(drawn: Desk, tmp_path: Path) -> None:
    """It was stopped without a word, and a delivery of a few frames looked like a whole one."""
    export = export_dialog(drawn, tmp_path / "out")
    export.go.click()
    export.reject()
    assert export.job is not None
    drawn.until(lambda: export.job is not None and export.job.state != "running")
    assert export.job.state == "cancelled"
    said = drawn.window.shot_bar.currentMessage()
    assert said.startswith("the export is stopped: ")
    assert said.endswith(" of 12 frames are there")


def test_frames_that_nobody_has_seen_are_named_before_they_are_exported(
    drawn: Desk, tmp_path: Path
) -> None:
    export = export_dialog(drawn, tmp_path)
    assert "Not tracked yet, and tracked first: 1002-1012." in export.message.text()
    export.reject()
    drawn.dialog_closed()
    drawn.key("P")
    drawn.settled()
    assert "Not tracked" not in export_dialog(drawn, tmp_path).message.text()


def test_a_frame_that_was_away_is_exported_when_it_is_back(
    desk: Desk, document: Path, tmp_path: Path
) -> None:
    """The last change was said to be processed for ever, until another one was made."""
    frame = document.parent / "plate/hero.1006.exr"
    desk.open(document)
    frame.rename(frame.with_suffix(".away"))
    desk.drag((40, 40), (60, 44), (80, 40))
    desk.until(lambda: desk.session.live.has_failed)
    frame.with_suffix(".away").rename(frame)
    desk.key("Ctrl+E")
    assert not desk.window.findChildren(ExportDialog)
    said = desk.window.shot_bar.currentMessage()
    assert "hero.1006.exr does not exist" in said
    assert said.endswith("It is being tried again: export once more in a moment")
    desk.settled()
    export = export_dialog(desk, tmp_path / "out")
    export.go.click()
    desk.until(export.go.isEnabled)
    assert len(list((tmp_path / "out").iterdir())) == 12
