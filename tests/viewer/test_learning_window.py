"""Learning in the window, with a real lesson beside it and the toy for mattes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from desk import Desk, answered_by_dropping
from disc_shots import disc_document
from PySide6.QtWidgets import QMessageBox

from rde_roto.documents.learned_card import LearnedCard, card_path
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.doors.viewer.learn_dialog import LearnDialog
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.shot_files import ShotFile
from rde_roto.training.learning.lesson_data import LessonData
from rde_roto.values.preset import Tracking
from rde_roto.values.shot import Shot

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
    assert isinstance(dialog, LearnDialog)
    assert dialog.isVisible()
    return dialog


def test_a_shot_is_learned_while_the_artist_goes_on(learner: Desk) -> None:
    desk, panel = learner, learner.window.panel
    assert panel.learn.text() == "Learn the shot…"
    dialog = dialog_of(desk)
    assert "1001" in dialog.message.text()
    dialog.go.click()
    assert not dialog.go.isEnabled()
    desk.session.step(1)  # the window is not held up
    desk.until(lambda: desk.session.navigation.picture() is not None)
    learning = dialog.learning
    assert learning is not None
    learning.wait()  # a desk that only waits would take its time
    desk.until(lambda: dialog.learning is None)
    assert "learned: clips" in dialog.message.text()
    assert not dialog.view.pixmap().isNull()
    learned = desk.session.draft.learned
    assert learned is not None
    desk.session.editor.wait_until_saved()
    document = desk.session.editor.document
    assert ShotFile.read(document).content.learned == f"hero.shot.d/learned/{learned.name}"
    dialog.end.click()
    desk.settled()
    desk.until(lambda: panel.learn.text() == "Learned")


def test_what_is_new_to_study_is_offered(desk: Desk, document: Path, tmp_path: Path) -> None:
    desk.open(document)
    desk.drag((40, 60), (60, 70))
    desk.settled()
    panel, session = desk.window.panel, desk.session
    assert panel.learn.text() == "Learn the shot…"
    learned = tmp_path / "studied.safetensors"
    assert session.live.node is not None
    card_path(learned).write_text(card_of(session.live.node.shot).to_yaml(), encoding="utf-8")
    session.set_learned(learned)
    desk.until(lambda: panel.learn.text() == "Learned")
    session.go_to(1008)
    desk.until(lambda: session.navigation.picture() is not None)
    desk.drag((100, 40), (120, 60))
    desk.key("Esc")  # not from the matte, which is not there yet
    desk.drag((100, 40), (120, 60))
    desk.until(lambda: panel.learn.text() == "Learn again: frame 1008")
    session.go_to(1001)
    desk.until(lambda: session.navigation.picture() is not None)
    desk.drag((20, 20), (30, 30))  # one that was studied is drawn anew
    desk.until(lambda: desk.window.unlearned.of(session) == (1001, 1008))
    desk.until(lambda: panel.learn.text() == "Learn again: 2 frames")
    session.undo()
    desk.until(lambda: desk.window.unlearned.of(session) == (1008,))
    desk.key("Alt+L")
    assert session.draft.learned is None
    session.undo()
    assert session.draft.learned == learned
    session.editor.wait_until_saved()
    assert ShotFile.read(document).content.learned == "studied.safetensors"


def card_of(shot: Shot) -> LearnedCard:
    """The card of a lesson of that shot that was never held."""
    tracker = tracker_of(load_model(DEFAULT_MODEL), torch.device("cpu"))(Tracking(lines=96))
    truths = LessonData(shot, tracker).truths
    return LearnedCard(
        kept=True,
        sha256="1" * 64,
        base="toy",
        base_sha256="0" * 64,
        from_sha256="0" * 64,
        licence="CC0",
        commercial_use="allowed",
        steps=1,
        seconds=1.0,
        before={},
        after={},
        studied={truth.frame: truth.digest for truth in truths},
        visited=(),
        seed=1,
        threads=1,
        device="cpu",
        torch=torch.__version__,
        recipe={},
        lesson="2" * 32,
    )


@pytest.mark.slow
def test_stop_and_keep_and_stop(learner: Desk, short_lesson: Path) -> None:
    text = short_lesson.read_text(encoding="utf-8").replace("iterations: 6", "iterations: 9000")
    short_lesson.write_text(text, encoding="utf-8")
    desk, dialog = learner, dialog_of(learner)
    dialog.go.click()
    learning = dialog.learning
    assert learning is not None
    desk.until(lambda: learning.status.steps >= 8)
    assert "s left" in dialog.message.text()
    dialog.keep.click()
    learning.wait()
    desk.until(lambda: dialog.learning is None)
    first = desk.session.draft.learned
    assert first is not None
    dialog.go.click()  # it goes on from there
    again = dialog.learning
    assert again is not None
    desk.until(lambda: again.status.steps >= 1)
    document = desk.session.editor.document
    with desk.answering(QMessageBox.reject):
        assert not desk.window.close()
    assert again.status.state == "running"
    with answered_by_dropping():
        assert desk.window.close()
    assert again.wait().state == "cancelled"
    assert ShotFile.read(document).content.learned == f"hero.shot.d/learned/{first.name}"


def test_without_a_keyframe_there_is_nothing_to_learn(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.key("Ctrl+L")
    assert desk.window.learn_dialog is None
    assert "nothing to learn from yet" in desk.window.statusBar().currentMessage()
