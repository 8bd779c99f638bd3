"""Learning in the window, with a real lesson beside it and the toy for mattes."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, shown
from disc_shots import disc_document

from rde_roto.doors.viewer.learning import LearnDialog
from rde_roto.shot_files import ShotFile

pytest_plugins = ("learn_fixtures", "viewer_fixtures")
pytestmark = [pytest.mark.usefixtures("short_lesson"), pytest.mark.timeout(1800)]

PATIENCE_S = 900.0
"""A lesson is polite: on a busy machine others come first."""


@pytest.fixture
def learner(desk: Desk, tmp_path: Path, shy: Path) -> Desk:
    """A window on the walking disc, and patience."""
    desk.patience_s = PATIENCE_S
    desk.open(disc_document(tmp_path / "shot", shy))
    desk.settled()
    return desk


def dialog_of(desk: Desk) -> LearnDialog:
    desk.key("Ctrl+L")
    dialog = desk.window.learn_dialog
    assert dialog is not None
    assert dialog.isVisible()
    return dialog


def test_a_shot_is_learned_while_the_artist_goes_on(learner: Desk) -> None:
    desk, panel = learner, learner.window.panel
    assert panel.learn.text() == "Learn the shot…"
    dialog = dialog_of(desk)
    assert "1001" in dialog.said.text()
    dialog.go.click()
    assert not dialog.go.isEnabled()
    desk.session.step(1)  # the window is not held up
    desk.until(lambda: desk.session.sight.picture() is not None)
    assert dialog.learning is not None
    desk.until(lambda: dialog.learning is None)
    assert "learned: clips" in dialog.said.text()
    assert not dialog.view.pixmap().isNull()
    learned = desk.session.draft.learned
    assert learned is not None
    desk.session.work.saved()
    document = desk.session.work.document
    assert ShotFile.read(document).says.learned == f"hero.shot.d/learned/{learned.name}"
    dialog.end.click()
    desk.settled()
    desk.until(lambda: panel.learn.text() == "Learned")
    desk.session.go(1008)
    desk.until(lambda: desk.session.sight.picture() is not None)
    desk.drag((100, 40), (120, 60))  # a new keyframe
    desk.settled()
    desk.until(lambda: panel.learn.text() == "Learn again: frame 1008")
    desk.session.go(1001)
    desk.until(lambda: desk.session.sight.picture() is not None)
    desk.drag((20, 20), (30, 30))  # one that was studied is drawn anew
    desk.until(lambda: panel.unstudied.of(desk.session) == (1001, 1008))
    desk.session.undo()
    desk.until(lambda: panel.unstudied.of(desk.session) == (1008,))
    shown(desk.window)  # keys go to it again
    desk.key("Alt+L")
    assert desk.session.draft.learned is None
    desk.session.undo()
    assert desk.session.draft.learned == learned


@pytest.mark.slow
def test_stop_and_keep_and_stop(learner: Desk, short_lesson: Path) -> None:
    text = short_lesson.read_text(encoding="utf-8").replace("iterations: 6", "iterations: 9000")
    short_lesson.write_text(text, encoding="utf-8")
    desk, dialog = learner, dialog_of(learner)
    dialog.go.click()
    desk.until(lambda: dialog.learning is not None and dialog.learning.status.steps >= 8)
    assert "s left" in dialog.said.text()
    dialog.keep.click()
    desk.until(lambda: dialog.learning is None)
    first = desk.session.draft.learned
    assert first is not None
    dialog.go.click()  # it goes on from there
    learning = dialog.learning
    assert learning is not None
    desk.until(lambda: learning.status.steps >= 1)
    document = desk.session.work.document
    desk.window.close()
    assert learning.wait().state == "cancelled"
    assert ShotFile.read(document).says.learned == f"hero.shot.d/learned/{first.name}"


def test_without_a_keyframe_there_is_nothing_to_learn(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+L")
    assert desk.window.learn_dialog is None
    assert "nothing to learn from yet" in desk.window.statusBar().currentMessage()
