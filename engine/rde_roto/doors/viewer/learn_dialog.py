"""Learning in the window: the network learns the shot while the artist continues to work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from rde_roto.doors.learner.lesson_process import LessonProcess, LessonRequest, LessonStatus
from rde_roto.doors.viewer.share_bar import ShareBar
from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.session.document.draft import Draft
from rde_roto.session.error_words import sentence
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import made_absolute
from rde_roto.values.errors import RotoError, UsageError
from rde_roto.values.frames import FrameRange

_VIEW_PX = 560


def ask_learn(window: ShotWindow) -> None:
    """Show the dialog that explains learning and starts it. Raises UsageError."""
    if window.learn_dialog is None:
        if not window.the_session.draft.whole:
            raise UsageError("there is nothing to learn from yet: paint every element on one frame")
        window.learn_dialog = LearnDialog(window)
    window.learn_dialog.show()
    window.learn_dialog.raise_()


def forget(window: ShotWindow) -> None:
    """Go back to the base model. Its mattes are still there. Raises UsageError."""
    if window.the_session.draft.learned is None:
        raise UsageError("the model has not learned anything from this shot")
    window.the_session.set_learned(None)


class LearnDialog(QDialog):
    """Show the progress of a lesson, and what comes of it. The window stays usable meanwhile."""

    def __init__(self, window: ShotWindow) -> None:
        super().__init__(window.dialog_parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Learn the shot")
        self.setModal(False)
        self._window, self._session = window, window.the_session
        self._folder = TemporaryDirectory(prefix="rde-roto-learn-")
        self._views = 0
        self.learning: LessonProcess | None = None
        self.view, self.message, self.progress = QLabel(), QLabel(), ShareBar()
        self.view.setFixedSize(_VIEW_PX, _VIEW_PX * 9 // 32)
        self.view.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.view.setObjectName("quiet")
        self.view.setText("Before | after, on a held-out frame, while it learns")
        self.message.setWordWrap(True)
        self.message.setText(_introduction(self._session.draft, window.unlearned.of(self._session)))
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
        """Start a lesson on the shot as it is saved."""
        try:
            file = ShotFile.read(self._session.editor.saved_document())
        except RotoError as error:
            self.message.setText(sentence(error))
            return
        shot = made_absolute(file.content, file.folder).to_plain()
        into = file.folder / file.learned_folder
        request = LessonRequest(shot, into, self._window.device, self._picture)
        post, self._views = self._window.ui_queue.post, 0
        self.learning = LessonProcess(request, lambda: post(self._refresh))
        self._show(self.learning.status)

    def finish_early(self) -> None:
        """End the lesson early, and keep what was learned."""
        if self.learning is not None:
            self.learning.finish_early()
            self.keep.setEnabled(False)
            self.message.setText("checking what was learned so far…")

    def reject(self) -> None:
        """Close. A running lesson is stopped, and nothing is kept."""
        learning, self.learning = self.learning, None
        if learning is not None:
            learning.stop()
        if self._window.learn_dialog is self:
            self._window.learn_dialog = None
        self._folder.cleanup()
        super().reject()

    @property
    def is_learning(self) -> bool:
        """Whether a lesson is running."""
        return self.learning is not None

    @property
    def _picture(self) -> Path:
        return Path(self._folder.name) / "view.png"

    def _refresh(self) -> None:
        """Show the lesson's new status."""
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

    def _show(self, status: LessonStatus) -> None:
        is_running = status.state == "running"
        self.progress.show_share(status.share if is_running else 1.0)
        self.message.setText(status.sentence(sentence))
        self.go.setEnabled(not is_running)
        self.keep.setEnabled(is_running and status.steps > 0)
        self.end.setText("Stop" if is_running else "Close")

    def _show_picture(self) -> None:
        picture = QPixmap(str(self._picture))
        if not picture.isNull():
            how = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            self.view.setPixmap(picture.scaled(self.view.size(), *how))


def _introduction(draft: Draft, new: Sequence[int]) -> str:
    """Return what there is to learn from."""
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
