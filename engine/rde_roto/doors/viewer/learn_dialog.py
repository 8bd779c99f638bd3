"""Learning in the window: the network studies the shot beside the artist, who goes on working."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from rde_roto.documents.learned_card import card_path, read_learned_card, truth_digest
from rde_roto.doors.learner.lesson_process import LessonProcess, LessonRequest, LessonStatus
from rde_roto.session.draft import Draft
from rde_roto.session.session import Session
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import made_absolute
from rde_roto.values.errors import DocumentError, UsageError, WeightsError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.shot import Shot

if TYPE_CHECKING:
    from rde_roto.doors.viewer.window import MainWindow

_VIEW_PX = 560
_WHOLE = 1000
"""Steps of the progress bar."""


class Unstudied:
    """Tells which keyframes the last lesson did not have: new ones, and those drawn anew since."""

    def __init__(self) -> None:
        self._studied: dict[Path, Mapping[int, str]] = {}
        self._truths: WeakKeyDictionary[Keyframe, tuple[tuple[str, ...], str]] = WeakKeyDictionary()

    def of(self, session: Session) -> tuple[int, ...]:
        """Of a session, as far as its shot is known by now."""
        draft, live = session.draft, session.live
        node = live.node if live.is_settled else None  # whose plates' digests are known then
        studied = {} if draft.learned is None else self._card(draft.learned)
        return tuple(
            frame
            for frame in draft.whole
            if frame not in studied
            or (node and not draft.locked(frame) and self._differs(node.shot, frame, studied))
        )

    def _card(self, learned: Path) -> Mapping[int, str]:
        """What a lesson studied; its files never change."""
        if learned not in self._studied:
            try:
                card = read_learned_card(card_path(learned))
            except WeightsError:
                card = None
            self._studied[learned] = {} if card is None else card.studied
        return self._studied[learned]

    def _differs(self, shot: Shot, frame: int, studied: Mapping[int, str]) -> bool:
        keyframe = shot.keyframe_at(frame)
        if keyframe is None:
            return False  # the shot is not known yet as it is now
        if keyframe not in self._truths or self._truths[keyframe][0] != shot.ids:
            alpha = np.zeros((len(shot.ids), *keyframe.alpha.shape[1:]), np.float32)
            alpha[list(shot.places(shot.drawn(keyframe)))] = keyframe.alpha
            digest = truth_digest(shot.plate.digest(frame), alpha)
            self._truths[keyframe] = shot.ids, digest
        return self._truths[keyframe][1] != studied[frame]


def offer(draft: Draft, new: Sequence[int]) -> str:
    """What the panel's button says, with the keyframes that are new to the last lesson."""
    if draft.learned is None:
        return "Learn the shot…"
    if not new:
        return "Learned"
    return f"Learn again: frame {new[0]}" if len(new) == 1 else f"Learn again: {len(new)} frames"


def ask_learn(window: MainWindow) -> None:
    """Shows what learning does, and begins it when the artist says so. Raises UsageError."""
    if window.learn_dialog is None:
        if not window.the_session.draft.whole:
            raise UsageError("there is nothing to learn from yet: paint every element on one frame")
        window.learn_dialog = LearnDialog(window)
    window.learn_dialog.show()
    window.learn_dialog.raise_()


def forget(window: MainWindow) -> None:
    """Goes back to the model as it was; its mattes are still there."""
    if window.the_session.draft.learned is None:
        raise UsageError("the model has learned nothing of this shot")
    window.the_session.set_learned(None)
    window.show_message("back to the base model; undo restores what was learned")


class LearnDialog(QDialog):
    """How far a lesson is, and what comes of it. The window behind it can be used meanwhile."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Learn the shot")
        self.setModal(False)
        self._window, self._session = window, window.the_session
        self._folder = TemporaryDirectory(prefix="rde-roto-learn-")
        self._views = 0
        self.learning: LessonProcess | None = None
        self.view, self.message, self.progress = QLabel(), QLabel(), QProgressBar()
        self.view.setFixedSize(_VIEW_PX, _VIEW_PX * 9 // 32)
        self.view.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.view.setObjectName("quiet")
        self.view.setText("Before | after, on a held-out frame, while it learns")
        self.message.setWordWrap(True)
        self.message.setText(_what(self._session.draft, window.panel.unstudied.of(self._session)))
        self.progress.setMaximum(_WHOLE)
        self.progress.setTextVisible(False)
        buttons = QDialogButtonBox()
        self.go = _button(buttons, "Learn", "Learn from your keyframes; propagate again afterwards")
        self.keep = _button(
            buttons, "Stop and keep", "Stop now, and keep what was learned if it is better"
        )
        self.end = _button(buttons, "Close", "Discards what is being learned")
        self.go.clicked.connect(self.begin)
        self.keep.clicked.connect(self.finish_early)
        self.end.clicked.connect(self.reject)
        self.keep.setEnabled(False)
        layout = QVBoxLayout(self)
        for widget in (self.view, self.progress, self.message, buttons):
            layout.addWidget(widget)

    def begin(self) -> None:
        """Starts a lesson of the shot as it is saved."""
        editor = self._session.editor
        editor.wait_until_saved()
        try:
            file = ShotFile.read(editor.document)
        except DocumentError as error:
            self.message.setText(str(error))
            return
        shot = made_absolute(file.says, file.folder).said()
        into = file.folder / file.learned_folder
        request = LessonRequest(shot, into, self._window.device, self._picture)
        post, self._views = self._window.postbox.post, 0
        self.learning = LessonProcess(request, lambda: post(self._look))
        self._show(self.learning.status)

    def finish_early(self) -> None:
        """Ends it early, and keeps what was learned."""
        if self.learning is not None:
            self.learning.finish_early()
            self.keep.setEnabled(False)
            self.message.setText("checking what was learned so far…")

    def reject(self) -> None:
        """Closes; what is being learned is stopped, and nothing is kept."""
        learning, self.learning = self.learning, None
        if learning is not None:
            learning.stop()
        if self._window.learn_dialog is self:
            self._window.learn_dialog = None
        self._folder.cleanup()
        super().reject()

    @property
    def _picture(self) -> Path:
        return Path(self._folder.name) / "view.png"

    def _look(self) -> None:
        """Something was told."""
        learning = self.learning
        if learning is None:
            return
        status = learning.status
        if status.views > self._views:
            self._views = status.views
            self._show_picture()
        self._show(status)
        if status.state != "running":
            self.learning = None
            if status.learned is not None:
                self._session.set_learned(status.learned)
                self._window.show_message("learned: propagate again, and compare (Alt+2)")

    def _show(self, status: LessonStatus) -> None:
        is_running = status.state == "running"
        self.progress.setValue(round(_WHOLE * (status.share if is_running else 1.0)))
        self.message.setText(status.sentence)
        self.go.setEnabled(not is_running)
        self.keep.setEnabled(is_running and status.steps > 0)
        self.end.setText("Stop" if is_running else "Close")

    def _show_picture(self) -> None:
        picture = QPixmap(str(self._picture))
        if not picture.isNull():
            how = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            self.view.setPixmap(picture.scaled(self.view.size(), *how))


def _what(draft: Draft, new: Sequence[int]) -> str:
    """What there is to study."""
    frames = FrameRange.of(new or draft.whole)
    again = "" if draft.learned is None else " It starts from what it has learned already."
    nothing = "" if new else " There is no new keyframe to learn from."
    return (
        f"The network learns from your keyframes ({frames}) and the frames around them, for a "
        "minute or two. The result is kept only if it is better on held-out frames."
        f"{again}{nothing}"
    )


def _button(box: QDialogButtonBox, text: str, tip: str) -> QPushButton:
    button = box.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    return button
