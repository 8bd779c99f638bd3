"""What cannot be saved: the window says so until it is, and asks before it is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from desk import Desk, desk_over_toys
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from rde_roto.doors.viewer.dialogs import QueueDialog
from rde_roto.doors.viewer.learn_dialog import LearnDialog
from rde_roto.session.document.opening import open_draft
from rde_roto.values.plate import Window

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


@pytest.fixture
def unsaved(app: QApplication, desk: Desk, document: Path) -> Desk:
    """A window on a shot that another window has changed meanwhile."""
    desk.open(document)
    with desk_over_toys(app) as other:
        other.open(document)
        other.drag((20, 20), (60, 40))
    desk.drag((20, 60), (60, 70))
    desk.session.editor.wait_until_saved()
    desk.app.processEvents()
    assert "changed by somebody else" in desk.session.editor.unsaved
    return desk


def pressing(word: str) -> Callable[[QMessageBox], None]:
    def answer(dialog: QMessageBox) -> None:
        assert "changed by somebody else" in dialog.informativeText()
        (button,) = (one for one in dialog.buttons() if one.text().replace("&", "") == word)
        button.click()

    return answer


def test_the_picture_says_so_until_it_is_saved(unsaved: Desk, tmp_path: Path) -> None:
    desk = unsaved
    with_note = desk.picture()
    desk.session.editor.save_as(tmp_path / "mine.shot.yaml")
    assert not desk.session.editor.unsaved
    desk.app.processEvents()
    assert (desk.picture()[14:40] != with_note[14:40]).any()
    assert desk.window.close()


def test_a_window_is_not_closed_over_what_is_not_saved(unsaved: Desk, document: Path) -> None:
    """All that was drawn after another window had saved went lost without a question."""
    desk = unsaved
    with desk.answering(pressing("Cancel")):
        assert not desk.window.close()
    with desk.answering(pressing("Cancel")):
        assert not desk.window.open(str(document))
    assert desk.session.draft.drawings
    with desk.answering(pressing("Discard")):
        assert desk.window.open(str(document))
    assert desk.session.paint.pixels()[30, 40] > 0  # what the other one drew


def test_what_is_not_saved_goes_under_another_name(
    unsaved: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, path = unsaved, tmp_path / "mine.shot.yaml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    with desk.answering(pressing("Save as…")):
        assert desk.window.close()
    assert open_draft(str(path)).draft.drawings[1001]["hero"].pixels[65, 40] == 1


def test_a_disk_that_is_back_needs_no_question(unsaved: Desk, document: Path) -> None:
    desk = unsaved
    before = desk.session.editor._writer.text
    document.write_text(before, encoding="utf-8")
    assert desk.window.close()
    assert open_draft(str(document)).draft.drawings[1001]["hero"].pixels[65, 40] == 1


def test_nothing_is_made_of_a_document_that_lacks_the_last_changes(
    unsaved: Desk, tmp_path: Path
) -> None:
    """A farm rendered, and a lesson learned from, what was drawn before them."""
    (tmp_path / "hot/inbox").mkdir(parents=True)
    unsaved.window.run_command("Queue in a hot folder…")
    queue = unsaved.window.findChildren(QueueDialog)[-1]
    queue.folder.setText(str(tmp_path / "hot"))
    queue.accept()
    learn = LearnDialog(unsaved.window)
    learn.begin()
    assert learn.learning is None
    assert not list((tmp_path / "hot/inbox").iterdir())
    for said in (queue.message.text(), learn.message.text()):
        assert said.startswith("the last changes are not saved, and would be missing: ")
    queue.reject()
    learn.reject()
    with unsaved.answering(pressing("Discard")):
        assert unsaved.window.close()


def test_a_new_document_that_fails_is_said_too(unsaved: Desk, tmp_path: Path) -> None:
    """The picture said nothing of it until something else drew it again, as it had said so of the
    document before; nor did it say that the reason had become another one.
    """
    desk, path = unsaved, tmp_path / "mine.shot.yaml"
    editor, canvas = desk.session.editor, desk.window.canvas
    editor.save_as(path)
    draws: list[str] = []
    shown = canvas.refresh

    def refresh(box: Window | None) -> None:
        draws.append(editor.unsaved)
        shown(box)

    canvas.refresh = refresh  # type: ignore[method-assign]
    path.write_text("somebody: else", encoding="utf-8")
    editor.save()
    editor.wait_until_saved()
    desk.app.processEvents()
    assert "changed by somebody else" in draws[-1]
    path.unlink()
    path.mkdir()
    editor.save()
    editor.wait_until_saved()
    assert "changed by somebody else" not in editor.unsaved
    desk.app.processEvents()
    assert draws[-1] == editor.unsaved
    with desk.answering(lambda dialog: dialog.button(dialog.StandardButton.Discard).click()):
        assert desk.window.close()


@pytest.mark.parametrize(
    ("keys", "said"), [("Ctrl+Shift+X", "locking 1001-1012"), ("6", "selecting")]
)
def test_a_window_is_not_closed_over_what_is_still_being_made(
    desk: Desk, document: Path, keys: str, said: str
) -> None:
    """The locks of a whole shot were dropped without a word, half a minute after they were asked
    for.
    """
    desk.open(document)
    desk.drag((20, 60), (60, 70))
    desk.settled()
    desk.key(keys)
    if said == "selecting":
        desk.click(100, 40)
    seen: list[str] = []

    def wait(asked: QMessageBox) -> None:
        seen.append(asked.informativeText())
        asked.defaultButton().click()

    with desk.answering(wait):
        assert not desk.window.close()
    assert seen == [said]
    session = desk.session
    desk.until(lambda: not session.editor.locking and not session.paint.making)
    assert session.editor.undo_label == ("lock" if said.startswith("lock") else "smart select")
    assert desk.window.close()


def test_the_picture_says_what_is_being_locked(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.drag((20, 60), (60, 70))
    desk.settled()
    without = desk.picture()
    desk.key("Ctrl+Shift+X")
    assert (desk.picture()[14:40] != without[14:40]).any()
    desk.until(lambda: not desk.session.editor.locking)
    assert (desk.picture()[14:40] == without[14:40]).all()


def test_a_lock_that_is_refused_is_not_awaited(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+Shift+X")
    desk.until(lambda: not desk.session.editor.locking)
    assert desk.window.close()
