"""The window: a picture, a time line, a panel, and what the keys do to a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from rde_roto.doors.viewer.canvas import Canvas
from rde_roto.doors.viewer.commands import COMMANDS, Command
from rde_roto.doors.viewer.panel import Panel
from rde_roto.doors.viewer.postbox import Postbox
from rde_roto.doors.viewer.scene import Channels, MatteMode
from rde_roto.doors.viewer.timeline import TimeLine
from rde_roto.session.comparing import Against
from rde_roto.session.light import Light
from rde_roto.session.live import Backend
from rde_roto.session.painting import Brush
from rde_roto.session.saving import Opened, open_work
from rde_roto.session.session import Session
from rde_roto.session.toolbox import ToolName
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import RotoError, UsageError
from rde_roto.values.plate import Window

_SAID_MS = 8000
_MOST_RECENT = 8
_TOOL_WORDS = {
    "Brush": "Brush",
    "Eraser": "Eraser",
    "Polygon": "Polygon",
    "Lasso": "Lasso",
    "Fill a hole": "Fill",
    "Smart select": "Smart",
}


class MainWindow(QMainWindow):
    """Shows one session at a time (`session.session.Listener`).

    Args:
        backend: makes what a shot's session asks for mattes.
        opens: opens a document or a plate: `session.saving.open_work`.
        commands: what the keys do.
    """

    def __init__(
        self,
        backend: Callable[[Opened], Backend],
        opens: Callable[[str], Opened] = open_work,
        commands: Sequence[Command] = COMMANDS,
    ) -> None:
        super().__init__()
        self.session: Session | None = None
        self._backend_of, self._opens = backend, opens
        self.backend: Backend | None = None
        self._postbox = Postbox()
        self._commands = {command.text: command for command in commands}
        self._actions: dict[str, QAction] = {}
        self._way = 0
        self._clock = QTimer(self)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(40)
        self._settling.timeout.connect(self._refresh)
        self.canvas: Canvas = Canvas()
        self.time_line = TimeLine()
        self._readout, self._where = QLabel(), QLabel()
        self._make_actions(commands)
        self.panel = Panel(self)
        self._lay_out()
        self.setAcceptDrops(True)
        self.setWindowTitle("rde-roto")
        room = self.screen().availableGeometry()
        self.resize(min(1440, room.width() - 20), min(860, room.height() - 50))
        self._show_chosen()

    @property
    def the_session(self) -> Session:
        """The session. Raises UsageError while no shot is open."""
        if self.session is None:
            raise UsageError("open a plate or a shot first")
        return self.session

    # Opening and closing.

    def open(self, text: str) -> bool:
        """Opens a shot document or a plate in place of what is open; whether that went well."""
        try:
            opened = self._opens(text)
        except RotoError as error:
            self.said(str(error))
            return False
        self.begin(opened, text)
        return True

    def begin(self, opened: Opened, text: str) -> None:
        """Shows a shot that is open, in place of what is; ``text`` is how it was named."""
        self._close_session()
        self.backend = self._backend_of(opened)
        self.session = Session(opened, self.backend, self._postbox.post, self)
        self.time_line.session = self.session
        self.canvas.show_session(self.session)
        self.remember(text)
        self._go_where_it_was()
        self.shot_changed()
        self._show_chosen()
        if self.session.draft.drawings:
            self.said(f"{opened.path.name}: as you left it")

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._close_session()
        event.accept()

    def _close_session(self) -> None:
        self.play(0)
        self._settling.stop()
        session, self.session = self.session, None
        self.time_line.session = self.canvas.session = None
        if session is not None:
            place = [session.frame, *session.sight.bounds]
            QSettings("rde-roto", "view").setValue(_place_of(session), place)
            session.close()

    def _go_where_it_was(self) -> None:
        """The frame, in and out of the last time that this shot was open."""
        session = self.the_session
        place = QSettings("rde-roto", "view").value(_place_of(session))
        if isinstance(place, list) and len(place) == 3:
            frame, first, last = (int(str(number)) for number in place)
            if first in session.sight.range and last in session.sight.range:
                session.bound(first, last)
            session.go(frame)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        for url in event.mimeData().urls()[:1]:
            event.acceptProposedAction()
            self.open(url.toLocalFile())

    # What the session tells (`session.session.Listener`).

    def picture_changed(self, box: Window | None) -> None:
        self.canvas.refresh(box)
        if box is None:
            self.time_line.update()
            self.canvas.read_out()

    def shot_changed(self) -> None:
        # many frames may come at once, and the eye sees no more than this
        if not self._settling.isActive():
            self._settling.start()

    def said(self, sentence: str) -> None:
        self.statusBar().showMessage(sentence, _SAID_MS)

    def _refresh(self) -> None:
        self.time_line.refresh()
        self.panel.refresh()
        self._show_chosen()

    # What commands do.

    def run_command(self, text: str) -> None:
        """Does a command; what goes wrong is said in a sentence."""
        command = self._commands[text]
        if command.needs_shot and self.session is None:
            self.said("open a plate or a shot first: Ctrl+O, or drop one here")
            return
        try:
            command.run(self)
        except RotoError as error:
            self.said(str(error))

    def take_up(self, name: ToolName) -> None:
        """Another tool."""
        self.the_session.sheet.take_up(name)
        self._show_chosen()
        self.canvas.update()

    def set_brush(self, brush: Brush) -> None:
        """Another brush."""
        self.the_session.sheet.brush = brush
        self.panel.refresh()
        self.canvas.update()

    def size_brush(self, factor: float) -> None:
        """A larger or smaller brush."""
        brush = self.the_session.sheet.brush
        self.set_brush(brush.sized(brush.radius_px * factor))

    def harden_brush(self, by: float) -> None:
        """A harder or softer brush."""
        brush = self.the_session.sheet.brush
        self.set_brush(replace(brush, hardness=min(max(round(brush.hardness + by, 2), 0.0), 1.0)))

    def step(self, by: int) -> None:
        """So many frames on."""
        session = self.the_session
        session.go(session.sight.beside(by))

    def go_to_end(self, first: bool) -> None:
        """The first or last frame of the shot."""
        whole = self.the_session.sight.range
        self.the_session.go(whole.first if first else whole.last)

    def play(self, way: int) -> None:
        """Plays forwards (1), backwards (-1), or stops (0)."""
        self._way = way
        self.canvas.scene.is_hasty = bool(way)
        if way:
            self._clock.start(round(1000 / self.the_session.sight.fps))
        else:
            self._clock.stop()
        self.canvas.update()

    def toggle_play(self) -> None:
        """Plays, or stops."""
        self.play(0 if self._way else 1)

    def unbound(self) -> None:
        """In and out at the ends of the shot."""
        whole = self.the_session.sight.range
        self.the_session.bound(whole.first, whole.last)

    def show_channels(self, channels: Channels) -> None:
        """Those channels of the picture; colour where they are shown already."""
        self.canvas.scene.channels = "rgb" if self.canvas.scene.channels == channels else channels
        self._show_chosen()
        self.canvas.update()

    def set_mode(self, mode: MatteMode) -> None:
        """Another way to show the matte."""
        self.canvas.scene.mode = mode
        self.panel.refresh()
        self.canvas.update()

    def next_mode(self) -> None:
        """The next way to show the matte."""
        modes = list(MatteMode)
        self.set_mode(modes[(modes.index(self.canvas.scene.mode) + 1) % len(modes)])

    def toggle_mode(self, mode: MatteMode) -> None:
        """That way to show the matte, or the overlay."""
        self.set_mode(MatteMode.OVERLAY if self.canvas.scene.mode is mode else mode)

    def set_opacity(self, opacity: float) -> None:
        """How strong the overlay is, 0..1."""
        self.canvas.scene.opacity = opacity
        self.canvas.update()

    def wipe_against(self, against: Against) -> None:
        """Has that on the right side of a wipe."""
        self.the_session.compare(against)
        self.canvas.scene.wipe = self.canvas.scene.wipe or 0.5
        self.panel.refresh()
        self.canvas.update()

    def toggle_wipe(self) -> None:
        """The other side on the right, or everywhere the same."""
        self.canvas.scene.wipe = 0.5 if self.canvas.scene.wipe is None else None
        self.panel.refresh()
        self.canvas.update()

    def zoom(self, factor: float) -> None:
        """A larger or smaller picture."""
        self.canvas.zoom_to(self.canvas.zoom * factor)

    def expose(self, stops: float) -> None:
        """A brighter or darker picture."""
        light = self.the_session.sight.light
        self.the_session.set_light(replace(light, exposure=light.exposure + stops))

    def plain_light(self) -> None:
        """The picture as the network sees it."""
        self.the_session.set_light(Light())

    # Within.

    def _tick(self) -> None:
        """The next frame, when this one is seen."""
        if self.session is not None and self._way and self.session.sight.picture() is not None:
            self.session.go(self.session.sight.looped(self._way))

    def _make_actions(self, commands: Sequence[Command]) -> None:
        menus: dict[str, QMenu] = {}
        for command in commands:
            menu = menus.get(command.menu)
            if menu is None:
                menu = menus[command.menu] = self.menuBar().addMenu(command.menu)
                if command.menu == "File":
                    self._recent = menu.addMenu("Open recent")
                    self._recent.aboutToShow.connect(self._fill_recent)
            action = QAction(command.text, self)
            action.setShortcuts([QKeySequence(keys) for keys in command.keys])
            action.triggered.connect(partial(self._run_action, command.text))
            menu.addAction(action)
            self._actions[command.text] = action

    def _run_action(self, text: str, _checked: bool = False) -> None:
        self.run_command(text)

    def _lay_out(self) -> None:
        tools = QToolBar("Tools")
        tools.setMovable(False)
        tools.setIconSize(QSize(20, 20))
        group = QActionGroup(self)
        for text, word in _TOOL_WORDS.items():
            action = self._actions.get(text)
            if action is not None:
                keys = " ".join(key.toString() for key in action.shortcuts())
                action.setIconText(f"{word}  {keys}")
                action.setToolTip(f"{text} ({keys})")
                action.setCheckable(True)
                group.addAction(action)
                tools.addAction(action)
        tools.addSeparator()
        for text, word in (("Play or stop", "Play"), ("Keys", "?  keys")):
            if text in self._actions:
                self._actions[text].setIconText(word)
                tools.addAction(self._actions[text])
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, tools)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.canvas, 1)
        left.addWidget(self.time_line)
        row.addLayout(left, 1)
        row.addWidget(self.panel)
        self.setCentralWidget(middle)
        self.statusBar().addPermanentWidget(self._readout)
        self.statusBar().addPermanentWidget(self._where)
        self.canvas.hovered.connect(self._read_out)
        self.time_line.asked.connect(self._go)

    def _go(self, frame: int) -> None:
        self.the_session.go(frame)

    def _read_out(self, x: float, y: float) -> None:
        """What lies under the pen: its place, colour as shown, and alpha."""
        session = self.session
        if session is None:
            return
        height, width = session.size
        column, row = int(x // 1), int(y // 1)
        picture = session.sight.picture()
        if not (0 <= column < width and 0 <= row < height) or picture is None:
            self._readout.clear()
            return
        blue, green, red, _ = (int(code) for code in picture[row, column])
        alpha = session.showing.alpha(session.element)
        seen = "" if alpha is None else f"   A {alpha[row, column]:.3f}"
        colour = f"R {red / 255:.3f}  G {green / 255:.3f}  B {blue / 255:.3f}"
        self._readout.setText(f"{column}, {row}   {colour}{seen}")

    def _show_chosen(self) -> None:
        session = self.session
        if session is None:
            self._where.setText("no shot")
            return
        words = {
            "brush": "Brush",
            "eraser": "Eraser",
            "polygon": "Polygon",
            "lasso": "Lasso",
            "fill": "Fill a hole",
            "smart": "Smart select",
        }
        action = self._actions.get(words[session.sheet.tool_name])
        if action is not None:
            action.setChecked(True)
        channels = self.canvas.scene.channels
        shown = "" if channels == "rgb" else f"   channel {channels.upper()}"
        self._where.setText(f"{session.state(session.frame).value}{shown}")
        self.setWindowTitle(f"{session.work.document.name} — rde-roto")

    def _fill_recent(self) -> None:
        self._recent.clear()
        for text in self._recents():
            self._recent.addAction(text, partial(self.open, text))

    def _recents(self) -> list[str]:
        found = QSettings("rde-roto", "view").value("recent", [])
        return (
            [found] if isinstance(found, str) else list(map(str, cast("list[object]", found or [])))
        )

    def remember(self, text: str) -> None:
        """Has it among the recent shots."""
        where = str(Path(text).absolute())
        recents = [where, *(other for other in self._recents() if other != where)]
        QSettings("rde-roto", "view").setValue("recent", recents[:_MOST_RECENT])

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """The time line is drawn anew on a screen of another scale."""
        super().changeEvent(event)
        self.time_line.refresh()


def _place_of(session: Session) -> str:
    """Under which key the place in a shot is remembered."""
    return f"places/{digest_of(str(session.work.document))}"
