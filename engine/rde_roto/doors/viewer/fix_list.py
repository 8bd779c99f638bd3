"""The list of frames to correct: a thumbnail, the element, and how sure its track is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from rde_roto.advice import Suggestion
from rde_roto.session.mattes.backend import Post
from rde_roto.session.pictures.element_colours import colour_of, rgb
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.session.pictures.thumbnails import THUMBNAIL_PX, Thumbnail, Thumbnails
from rde_roto.session.session import Session
from rde_roto.session.track_quality import confidence_range

ROW_PX, _MOST_ROWS = 42, 2


class FixList(QListWidget):
    """Show the suggestions of a session, the most useful first. A click goes to one.

    Args:
        post: leads back to this thread from others.
    """

    def __init__(self, post: Post) -> None:
        super().__init__()
        self._post = post
        self._session: Session | None = None
        self._thumbnails: Thumbnails | None = None
        self._listed: list[tuple[Suggestion, Thumbnail, str]] = []
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setIconSize(QSize(THUMBNAIL_PX, ROW_PX - 6))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(
            "Frames to correct: the confidence of the track there, and between what it lies for "
            "this element. Click to go there."
        )
        self.itemClicked.connect(self._go)
        self.setFixedHeight(ROW_PX * _MOST_ROWS + 2 * self.frameWidth())
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that no button moves when it comes or goes
        self.setSizePolicy(policy)
        self.hide()

    def show_session(self, session: Session | None) -> None:
        """List the suggestions of another session, or none."""
        if self._thumbnails is not None:
            self._thumbnails.close()
        self._session, self._thumbnails, self._listed = session, None, []
        self.clear()
        if session is not None:
            self._thumbnails = Thumbnails(
                session.plate, session.live, self._post, self._show_thumbnails
            )
        self.refresh()

    def refresh(self) -> None:
        """List the suggestions as they are now."""
        session, thumbnails = self._session, self._thumbnails
        if session is None or thumbnails is None:
            self.hide()
            return
        found = [_row(session, one) for one in session.quality.suggestions]
        self.setVisible(bool(found))
        if found == self._listed:
            return
        self._listed = found
        self.clear()
        for _, _, text in found:
            item = QListWidgetItem(text)
            item.setSizeHint(QSize(0, ROW_PX))
            self.addItem(item)
        thumbnails.request([thumbnail for _, thumbnail, _ in found])
        self._show_thumbnails()

    def _show_thumbnails(self) -> None:
        """Show those that are ready."""
        if self._thumbnails is None:
            return
        for row, (_, thumbnail, _) in enumerate(self._listed):
            picture = self._thumbnails.get(thumbnail)
            if picture is not None:
                self.item(row).setIcon(_icon(picture))

    def _go(self) -> None:
        if self._session is not None:
            self._session.go_to_suggestion(self._listed[self.currentRow()][0])


def _row(session: Session, one: Suggestion) -> tuple[Suggestion, Thumbnail, str]:
    colour = colour_of(one.element, session.draft.elements)
    low, high = confidence_range(session.quality.confidences(one.element).values())
    name = session.draft.element(one.element).name
    text = f"{one.frame}   {name}\n{one.confidence:.2f} of {low:.2f}-{high:.2f}"
    return one, Thumbnail(one.frame, one.element, rgb(colour)), text


def _icon(picture: Bytes) -> QIcon:
    height, width = picture.shape[:2]
    image = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    return QIcon(QPixmap.fromImage(image))
