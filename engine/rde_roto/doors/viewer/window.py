"""The main window: a picture, a time line, a panel, and the commands for a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QMainWindow,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from rde_roto.doors.viewer import user_settings
from rde_roto.doors.viewer.canvas import Canvas
from rde_roto.doors.viewer.commands import COMMANDS, Command
from rde_roto.doors.viewer.explain_view import ExplainView
from rde_roto.doors.viewer.learn_dialog import LearnDialog
from rde_roto.doors.viewer.menus import Menus
from rde_roto.doors.viewer.panel import Panel
from rde_roto.doors.viewer.player import Player
from rde_roto.doors.viewer.questions import ask_layer, may_be_dropped, may_be_lost
from rde_roto.doors.viewer.shot_bar import ShotBar
from rde_roto.doors.viewer.start_page import StartPage
from rde_roto.doors.viewer.text_editors import is_for_editor
from rde_roto.doors.viewer.timeline import TimeLine
from rde_roto.doors.viewer.ui_queue import UiQueue
from rde_roto.images.layers import FIRST_PICTURE, LayerError, PictureName
from rde_roto.session.document.opening import OpenedDraft, is_document, open_draft
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.session import Session
from rde_roto.session.unlearned import UnlearnedKeyframes
from rde_roto.values.errors import OutputError, RotoError, UsageError
from rde_roto.values.plate import Window

_SCROLL_BAR_PX = 12
_OPEN = "Open a plate or a shot…"


class MainWindow(QMainWindow):
    """Show one session at a time (`session.listeners.SessionListener`).

    Args:
        backend: returns what makes the mattes of a shot.
        opens: opens a document or a plate: `session.opening.open_draft`.
        commands: the commands.
        device: what the network learns on.
    """

    def __init__(
        self,
        backend: Callable[[OpenedDraft], Backend],
        opens: Callable[[str, PictureName], OpenedDraft] = open_draft,
        commands: Sequence[Command] = COMMANDS,
        device: str = "auto",
    ) -> None:
        super().__init__()
        self.device = device
        self.learn_dialog: QDialog | None = None
        self.unlearned = UnlearnedKeyframes()
        self.session: Session | None = None
        self._backend_of, self._opens = backend, opens
        self.backend: Backend | None = None
        self.ui_queue = UiQueue()
        self._commands = {command.text: command for command in commands}
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(40)
        self._refresh_timer.timeout.connect(self._refresh)
        self.canvas: Canvas = Canvas()
        self.player: Player = Player(self.canvas)
        self.time_line = TimeLine()
        self.explanation = ExplainView(self.ui_queue.post)
        self.shot_bar = ShotBar(self.canvas.setFocus)
        self.start_page = StartPage(lambda: self.run_command(_OPEN), self.open)
        self.panel = Panel(self)
        self._menus = Menus(self, commands, self.run_command, self.open)
        self._lay_out()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self.canvas.focus_moved)
        self.setAcceptDrops(True)
        self.setWindowTitle("rde-roto")
        room = self.screen().availableGeometry()
        self.resize(min(1440, room.width() - 20), min(860, room.height() - 50))
        self._show_chosen()

    @property
    def dialog_parent(self) -> QWidget:
        """The parent widget for dialogs."""
        return self

    @property
    def the_session(self) -> Session:
        """The session. Raises UsageError while no shot is open."""
        if self.session is None:
            raise UsageError("open a plate or a shot first")
        return self.session

    # Opening and closing.

    def open(self, text: str, picture: PictureName = FIRST_PICTURE) -> bool:
        """Open a shot document or a plate in place of what is open; whether that succeeded.

        Of a plate with several layers it asks which one, and what to do about changes of the open
        shot that could not be saved.
        """
        # which saves: it may be the same document
        return self._may_close_session() and self._open(text, picture)

    def _open(self, text: str, picture: PictureName) -> bool:
        try:
            opened = self._opens(text, picture)
        except RotoError as error:
            if isinstance(error, LayerError) and not is_document(text):
                layer = ask_layer(self, error)
                return layer is not None and self._open(text, replace(picture, layer=layer))
            self.show_message(sentence(error))
            return False
        self.begin(opened, text, picture)
        return True

    def begin(self, opened: OpenedDraft, text: str, picture: PictureName = FIRST_PICTURE) -> None:
        """Show an opened shot in place of what is open. ``text`` and ``picture`` are what the user
        named.
        """
        self._close_session()
        self.backend = self._backend_of(opened)
        self.session = Session(opened, self.backend, self.ui_queue.post, self)
        self.time_line.session = self.session
        self.shot_bar.show_session(self.session, opened.parts.source.reading)
        self.panel.show_session(self.session)
        self.explanation.show_session(self.session, self.backend)
        self.canvas.show_session(self.session)
        if picture == FIRST_PICTURE:
            user_settings.remember_opened(text)
        else:  # the plate's path does not say which view or layer, only the document does
            self.session.editor.save()
            user_settings.remember_opened(str(opened.path))
        self._restore_position()
        self.shot_changed()
        self._show_chosen()
        again = ", as you left it" if self.session.draft.drawings else ""
        self.show_message(f"{opened.parts.source.reading}{again}")

    def event(self, event: QEvent) -> bool:
        """Leave keys to a text editor that has the focus: Return ends its editing."""
        # Qt asks the focused widget, then its parents up to here, before it runs a shortcut
        if (
            event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and is_for_editor(event, self.focusWidget())
        ):
            event.accept()
            return True
        return super().event(event)

    def _may_close_session(self) -> bool:
        """Take over what is being typed, and wait until every change is on disk. Of changes that
        cannot be written, and of what is still being made, ask whether they may be lost.
        """
        if self.session is None:
            return True
        self.panel.elements.end_editing()
        learns = isinstance(self.learn_dialog, LearnDialog) and self.learn_dialog.is_learning
        making = self.session.editor.locking or self.session.paint.making
        making = making or ("learning the shot…" if learns else "")
        if making and not may_be_dropped(self, making):
            return False
        return not self.session.editor.finish_saving() or may_be_lost(self)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if self._may_close_session():
            self._close_session()
            event.accept()
        else:
            event.ignore()

    def end(self) -> None:
        """Save what is drawn and close the shot, without a question. What is still being made is
        dropped. Raises OutputError if the last changes cannot be saved.
        """
        if self.session is not None:
            self.panel.elements.end_editing()
            unsaved = self.session.editor.finish_saving()
            self._close_session()
            if unsaved:
                raise OutputError(f"the last changes are not saved: {unsaved}")

    def _close_session(self) -> None:
        self.player.play(0)
        self._refresh_timer.stop()
        self.panel.clear()
        self.explanation.clear()
        if self.learn_dialog is not None:
            self.learn_dialog.reject()
        session, self.session = self.session, None
        self.time_line.session = self.canvas.session = None
        self.shot_bar.show_session(None)
        if session is not None:
            (first, last), whole = session.navigation.bounds, session.range
            place = user_settings.ShotPosition(
                session.frame,
                None if first == whole.first else first,
                None if last == whole.last else last,
            )
            user_settings.remember_position(session.editor.document, place)
            session.close()

    def _restore_position(self) -> None:
        """Go to the frame, in and out at which this shot was left."""
        session = self.the_session
        place = user_settings.position_in(session.editor.document)
        if place is not None:
            whole = session.range
            first = whole.first if place.first is None else max(place.first, whole.first)
            last = whole.last if place.last is None else min(place.last, whole.last)
            if first <= last:
                session.set_bounds(first, last)
            session.go_to(place.frame)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        for url in event.mimeData().urls()[:1]:
            event.acceptProposedAction()
            self.open(url.toLocalFile())

    # What the session reports (`session.listeners.SessionListener`).

    def picture_changed(self, box: Window | None) -> None:
        self.canvas.refresh(box)
        if box is None:
            self.time_line.show_frame()
            self.explanation.refresh()
            self.canvas.read_out()
            self._show_chosen()

    def shot_changed(self) -> None:
        # many frames may arrive at once: refresh at most every 40 ms
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def frame_changed_elsewhere(self) -> None:
        self.canvas.flash()

    def show_message(self, sentence: str) -> None:
        self.shot_bar.tell(sentence)

    def _refresh(self) -> None:
        self.time_line.refresh()
        self.explanation.refresh()
        self.panel.refresh()
        self._show_chosen()

    # What commands use (`shot_window.ShotWindow`).

    def run_command(self, text: str) -> None:
        """Run a command. If it fails, show its error."""
        command = self._commands[text]
        if command.needs_shot and self.session is None:
            self.show_message("open a plate or a shot first: Ctrl+O, or drop one here")
            return
        try:
            command.run(self)
        except RotoError as error:
            self.show_message(sentence(error))

    def view_changed(self) -> None:
        """Update everything after a change of how the shot is shown."""
        self.panel.refresh()
        self._show_chosen()
        self.canvas.update()

    def toggle_explaining(self) -> None:
        """See `ShotWindow`."""
        self.explanation.setVisible(self.explanation.isHidden())
        self.explanation.refresh()

    def wipe_against(self, against: Against) -> None:
        """Show something on the right side of a wipe. Raises UsageError if there is nothing."""
        self.the_session.compare(against)
        self.canvas.scene.wipe = self.canvas.scene.wipe or 0.5
        self.view_changed()

    # Private.

    def _lay_out(self) -> None:
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.canvas, 1)
        left.addWidget(self.time_line)
        row.addLayout(left, 1)
        row.addWidget(self.explanation)
        scrolled = QScrollArea()
        scrolled.setWidget(self.panel)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidgetResizable(True)
        scrolled.setFixedWidth(self.panel.width() + _SCROLL_BAR_PX)
        row.addWidget(scrolled)
        self.setCentralWidget(middle)
        starting = QVBoxLayout(self.canvas)
        starting.addWidget(self.start_page, 0, Qt.AlignmentFlag.AlignCenter)
        self.setStatusBar(self.shot_bar)
        self.canvas.hovered.connect(self.shot_bar.read_out)
        self.time_line.asked.connect(self._go)
        self.time_line.bounds_asked.connect(self._set_bounds)

    def _set_bounds(self, first: int, last: int) -> None:
        self.the_session.set_bounds(first, last)

    def _go(self, frame: int) -> None:
        self.the_session.go_to(frame)

    def _show_chosen(self) -> None:
        session = self.session
        self.start_page.setVisible(session is None)
        self.shot_bar.refresh(self.canvas.scene.channels)
        if session is not None:
            self._menus.check(session.paint.tool_name, session.paint.subtracts)
            self.setWindowTitle(f"{session.editor.name}: {session.plate.name} — rde-roto")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the time line on a screen of another scale."""
        super().changeEvent(event)
        self.time_line.refresh()
