"""Beside the picture: why the matte of the frame that is shown looks as it does."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from rde_roto.images.pictures.drift_curve import SOURCE_COLOURS
from rde_roto.images.pictures.explanation import ReadingPictures, source_labels
from rde_roto.session.mattes.backend import Backend, Post
from rde_roto.session.mattes.explaining import ExplainedFrame, Explaining
from rde_roto.session.session import Session
from rde_roto.values.explanation import Reading
from rde_roto.values.matte import FloatArray

_PICTURE_PX = 300
_WIDTH_PX = _PICTURE_PX + 32


class ExplainView(QScrollArea):
    """Show where attention went and what the memory holds, for each keyframe that reaches a frame.

    Follows the frame of its session while it is visible.
    """

    def __init__(self, post: Post) -> None:
        super().__init__()
        self._post = post
        self._session: Session | None = None
        self._explaining: Explaining | None = None
        self._shown: ExplainedFrame | int | None = None  # or the frame that is being explained
        self.setFixedWidth(_WIDTH_PX)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def show_session(self, session: Session, backend: Backend) -> None:
        """Explain the frames of another session."""
        self.clear()
        self._session = session
        self._explaining = Explaining(session.live, backend.engine, self._post, self.refresh)
        self.refresh()

    def clear(self) -> None:
        """Explain nothing any more."""
        if self._explaining is not None:
            self._explaining.cancel()
        self._session = self._explaining = self._shown = None
        self._show([_label("open a shot first")])

    def refresh(self) -> None:
        """Show the explanation of the frame that is shown now; ask for it if there is none."""
        session, explaining = self._session, self._explaining
        if session is None or explaining is None:
            return
        if self.isHidden():
            explaining.cancel()
            self._shown = None
            return
        explaining.request(session.frame)
        explained = explaining.explained
        shown = explained or session.frame
        if explained is not None and explained.frame != session.frame:
            shown = session.frame  # the shot has changed, and what there is now is not known yet
        if shown != self._shown:
            self._shown = shown
            if isinstance(shown, ExplainedFrame):
                self._show(_widgets(shown))
            else:
                self._show([_label(f"explaining frame {shown}…")])

    @property
    def text(self) -> str:
        """The words that are shown."""
        return "\n".join(label.text() for label in self.findChildren(QLabel))

    def _show(self, widgets: list[QLabel]) -> None:
        content = QWidget()
        content.setObjectName("panel")
        layout = QVBoxLayout(content)
        for widget in widgets:
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setWidget(content)


def _widgets(explained: ExplainedFrame) -> list[QLabel]:
    if explained.refusal:
        return [_label(explained.refusal)]
    found = []
    for reading, pictures in explained.readings:
        found += [_label(f"WHERE ATTENTION WENT, FROM {reading.keyframe} ON", "heading")]
        found += [_picture(pictures.attention), *_figures(reading, pictures)]
        found += [_label("WHAT THE EMBEDDING HOLDS", "heading"), _picture(pictures.embedding)]
    return found


def _figures(reading: Reading, pictures: ReadingPictures) -> list[QLabel]:
    """Return a line for each element: how much was read from each source, in its colour."""
    labels = source_labels(reading)
    found = []
    for name, means in zip(reading.elements, pictures.means, strict=True):
        parts = [
            f"<span style='color: {QColor(*SOURCE_COLOURS[source]).name()}'>■</span> {label} "
            f"{100 * mean:.0f} %"
            for source, label, mean in zip(reading.sources, labels, means, strict=True)
        ]
        found.append(_label(f"{name} reads<br>" + "<br>".join(parts)))
    return found


def _label(text: str, name: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setObjectName(name)
    return label


def _picture(pixels: FloatArray) -> QLabel:
    codes = np.ascontiguousarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))
    height, width = codes.shape[:2]
    image = QImage(codes.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    label = QLabel()
    smooth = Qt.TransformationMode.SmoothTransformation
    label.setPixmap(QPixmap.fromImage(image.copy()).scaledToWidth(_PICTURE_PX, smooth))
    return label
