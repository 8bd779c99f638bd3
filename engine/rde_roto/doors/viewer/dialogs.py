"""Dialogs of the window: export, queue in a hot folder, and the key map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, get_args

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from rde_roto.doors.server.jobs import Job
from rde_roto.doors.viewer.style import QUIET
from rde_roto.session.error_words import sentence
from rde_roto.values.errors import RotoError
from rde_roto.values.plain_text import counted
from rde_roto.values.preset import Compression, Output, OutputFormat

_REFRESH_EVERY_MS = 150
_PATH_PX = 400
"""The least that the dialog of an export leaves for a path."""

KeyGroup: TypeAlias = "tuple[str, list[tuple[str, str]]]"
"""A heading, and what its keys do: (keys, text)."""

_MOUSE: Final[KeyGroup] = (
    "Mouse and pen",
    [
        ("Left", "the tool"),
        ("Right, Alt", "the opposite of it"),
        ("Shift", "smart select: a line on it"),
        ("Middle", "move the picture, as Ctrl+left"),
        ("Wheel", "zoom; with Ctrl the brush's size"),
    ],
)

_KEY_COLUMNS: Final = ((0, 2), (1, 4), (3, 6, 7), (5,))
"""Which groups of keys stand above each other: in this way the columns are about equally high."""

_FORMATS = {
    "alpha": "Alpha: A, or a layer an element (exr, png, tif)",
    "cryptomatte": "Cryptomatte (exr)",
    "rgba": "The plate cut out, premultiplied (exr)",
    "labels": "Labels, an indexed picture (png)",
}


class ExportDialog(QDialog):
    """Ask where and in what format mattes go, start the export, and show its progress.

    Args:
        parent: the window.
        pattern: the default pattern of the files.
        output: the output settings so far.
        start: starts an export. Raises RotoError, whose sentence is shown.
        said: which frames are exported, in words.
        tell: shows a sentence that is still there when the dialog has closed.
    """

    def __init__(
        self,
        parent: QWidget,
        pattern: str,
        output: Output,
        start: Callable[[str, Output], Job],
        said: str,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export mattes")
        self.setMinimumWidth(560)
        self._start, self._output, self._tell = start, output, tell
        self.job: Job | None = None
        self.pattern = QLineEdit(pattern)
        self.pattern.setToolTip("#### stands for the plate's frame numbers")
        self.format = _choice({_FORMATS[name]: name for name in get_args(OutputFormat)})
        self.format.setCurrentIndex(self.format.findData(output.format))
        self.format.currentIndexChanged.connect(self._fit_suffix)
        self.compression = _choice({name: name for name in get_args(Compression)})
        self.compression.setCurrentText(output.compression)
        self.window_kind = _choice({"the plate's": "plate", "the box of the matte": "fit"})
        self.window_kind.setCurrentIndex(self.window_kind.findData(output.data_window))
        self.progress = QProgressBar()
        self.whole_path = QLabel()
        self.whole_path.setObjectName("quiet")
        self.whole_path.setWordWrap(True)
        self.pattern.textChanged.connect(self._show_path)
        self._show_path()
        self.message = QLabel(said)
        self.message.setObjectName("quiet")
        self.message.setWordWrap(True)
        form = QFormLayout(self)
        form.addRow("Files", _beside(self.pattern, "Choose…", self._choose))
        form.addRow("", self.whole_path)
        form.addRow("Format", self.format)
        form.addRow("EXR compression", self.compression)
        form.addRow("EXR data window", self.window_kind)
        form.addRow(self.progress)
        form.addRow(self.message)
        self.buttons = QDialogButtonBox()
        self.go = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.ApplyRole)
        self.go.setDefault(True)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Close)
        self.go.clicked.connect(self._go)
        self.buttons.rejected.connect(self.reject)
        form.addRow(self.buttons)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_EVERY_MS)
        self._timer.timeout.connect(self._refresh)

    def reject(self) -> None:
        """Close. A running export is stopped, which is said; files that are written stay."""
        self._timer.stop()
        if self.job is not None and self.job.state == "running":
            self.job.stop()
            total = counted(len(self.job.frames), "frame")
            self._tell(f"the export is stopped: {self._done} of {total} are there")
        super().reject()

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Where the mattes go", str(Path(self.pattern.text()).parent)
        )
        if folder:
            self.pattern.setText(str(Path(folder) / Path(self.pattern.text()).name))

    def _show_path(self) -> None:
        """Show where files go, whole: the field may be too short, or name no folder."""
        path = Path(self.pattern.text()).absolute()
        # it may break anywhere, as names can be longer than the dialog is wide
        self.whole_path.setText("\N{ZERO WIDTH SPACE}".join(str(path)))
        self.whole_path.setMinimumHeight(self.whole_path.heightForWidth(_PATH_PX))

    def _fit_suffix(self) -> None:
        path = Path(self.pattern.text())
        if self.format.currentData() == "labels":
            self.pattern.setText(str(path.with_suffix(".png")))
        elif self.format.currentData() != "alpha" or path.suffix == ".png":
            self.pattern.setText(str(path.with_suffix(".exr")))

    def _go(self) -> None:
        output = self._output.model_copy(
            update={
                "format": self.format.currentData(),
                "compression": self.compression.currentText(),
                "data_window": self.window_kind.currentData(),
            }
        )
        try:
            self.job = self._start(self.pattern.text(), output)
        except RotoError as error:
            self.message.setText(sentence(error))
            return
        self.go.setEnabled(False)
        self._timer.start()

    def _refresh(self) -> None:
        job = self.job
        if job is None:
            return
        done, total = self._done, len(job.frames)
        self.progress.setMaximum(max(1, total))
        self.progress.setValue(done)
        if job.state == "running":
            self.message.setText(f"{done} of {counted(total, 'frame')}")
            return
        self._timer.stop()
        self.go.setEnabled(True)
        words = f"{counted(len(job.made), 'frame')} written, {len(job.kept)} up to date already"
        self.message.setText(sentence(job.error) if job.error else words)

    @property
    def _done(self) -> int:
        """How many frames are written, or were there."""
        return 0 if self.job is None else len(self.job.kept) + len(self.job.made)


class QueueDialog(QDialog):
    """Ask for the hot folder and the job's name, and call `queue` with both.

    It stays open with the sentence of the RotoError that `queue` raises.
    """

    def __init__(
        self, parent: QWidget, name: str, folder: str, queue: Callable[[str, str], None]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Queue in a hot folder")
        self.setMinimumWidth(480)
        self._queue = queue
        self.folder, self.name = QLineEdit(folder), QLineEdit(name)
        self.message = QLabel()
        self.message.setWordWrap(True)
        form = QFormLayout(self)
        form.addRow("Hot folder", _beside(self.folder, "Choose…", self._choose))
        form.addRow("Job", self.name)
        form.addRow(self.message)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton("Queue", QDialogButtonBox.ButtonRole.AcceptRole).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)

    def accept(self) -> None:
        """Queue the job, and close if that succeeded."""
        try:
            self._queue(self.folder.text(), self.name.text())
        except RotoError as error:
            self.message.setText(sentence(error))
        else:
            super().accept()

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The hot folder", self.folder.text())
        if folder:
            self.folder.setText(folder)


class KeyDialog(QDialog):
    """Show what the keyboard and the mouse do. ``commands`` are the groups of keys."""

    def __init__(self, parent: QWidget, commands: Sequence[KeyGroup]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        inside = QWidget()
        inside.setObjectName("panel")
        columns = QHBoxLayout(inside)
        columns.setSpacing(6)
        groups = [*commands, _MOUSE]
        for places in _KEY_COLUMNS:
            column = QVBoxLayout()
            column.setSpacing(6)
            for title, rows in (groups[place] for place in places if place < len(groups)):
                column.addWidget(_heading(title))
                column.addLayout(_rows(rows))
            column.addStretch(1)
            columns.addLayout(column)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll)
        wanted = inside.sizeHint()
        self.resize(
            min(wanted.width() + 60, parent.width() - 20),
            min(wanted.height() + 60, parent.height() - 20),
        )


def _choice(values: Mapping[str, str]) -> QComboBox:
    """Return a combo box of texts, each with its value."""
    box = QComboBox()
    for words, value in values.items():
        box.addItem(words, value)
    return box


def _heading(text: str) -> QLabel:
    label = QLabel(text.upper())
    label.setObjectName("heading")
    return label


def _rows(rows: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setColumnStretch(1, 1)
    grid.setHorizontalSpacing(7)
    grid.setVerticalSpacing(3)
    for place, (keys, words) in enumerate(rows):
        key = QLabel(keys)
        key.setStyleSheet(f"color: {QUIET.name()}")
        grid.addWidget(key, place, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(QLabel(words), place, 1)
    return grid


def _beside(field: QLineEdit, text: str, does: Callable[[], None]) -> QHBoxLayout:
    button = QPushButton(text)
    button.setAutoDefault(False)  # Return in the field is the dialog's own button
    button.clicked.connect(lambda: does())
    row = QHBoxLayout()
    row.addWidget(field, 1)
    row.addWidget(button)
    return row
