"""A window without a screen, and hands before it: Qt draws into memory."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # read when the application begins

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox
from scripted_nodes import PATIENCE_S
from session_bench import Toys, ToySelector, not_asked

from rde_roto.doors.viewer.commands import COMMANDS, Command
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.session.session import Session

HEIGHT, WIDTH = 90, 160
FRAMES = range(1001, 1013)
NO_KEY = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


def shown(window: MainWindow) -> None:
    """Shows a window, and waits until keys go to it."""
    window.show()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)


@dataclass
class Desk:
    """A window, and hands before it. Each key and each press of a button is one action."""

    app: QApplication
    window: MainWindow
    toys: Toys
    patience_s: float = PATIENCE_S
    actions: int = 0
    travel_px: float = 0.0  # of drags, in pixels of the plate

    @property
    def session(self) -> Session:
        return self.window.the_session

    def until(self, holds: Callable[[], bool]) -> None:
        """Lets the window work until that is so; fails when it never is."""
        deadline = time.monotonic() + self.patience_s
        while not holds():
            assert time.monotonic() < deadline, "it never came"
            self.app.processEvents()

    def open(self, path: Path) -> None:
        assert self.window.open(str(path))
        self.until(lambda: self.session.navigation.picture() is not None)
        self.window.canvas.zoom_to(4.0)

    def import_file(self, path: Path) -> None:
        """Imports a file as the command does once one is chosen, and waits until it is drawn."""
        self.session.paint.import_file(path, not_asked)
        self.until(lambda: not self.session.paint.notice)
        self.app.processEvents()  # an error is posted after it

    def settled(self) -> None:
        """Waits until what the window says of the shot is true, and all that was asked is made."""
        live = self.session.live
        self.until(lambda: live.is_settled and live.remaining == 0)
        self.app.processEvents()

    def screenshot(self, dialog: QDialog | None = None) -> QImage:
        """What the window looks like, and a dialog in its middle."""
        image = self.window.grab().toImage()
        if dialog is not None:
            place = QRect(QPoint(), dialog.size())
            place.moveCenter(self.window.rect().center())
            painter = QPainter(image)
            painter.drawPixmap(place.topLeft(), dialog.grab())
            painter.end()
        return image

    def key(self, keys: str) -> None:
        self.actions += 1
        QTest.keySequence(self.window, keys)

    def at(self, x: float, y: float) -> QPoint:
        """Where a point of the plate is on the canvas."""
        return self.window.canvas.from_plate(x, y).toPoint()

    def click(self, x: float, y: float) -> None:
        self.actions += 1
        QTest.mouseClick(self.window.canvas, LEFT, NO_KEY, self.at(x, y))

    def drag(
        self,
        *points: tuple[float, float],
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = LEFT,
    ) -> None:
        self.actions += 1
        self.travel_px += sum(map(math.dist, points, points[1:]))
        first, *others = (self.at(x, y) for x, y in points)
        QTest.mousePress(self.window.canvas, button, keys, first)
        for point in others:
            QTest.mouseMove(self.window.canvas, point)
        QTest.mouseRelease(self.window.canvas, button, keys, others[-1] if others else first)

    @contextmanager
    def answering(self, answer: Callable[[Any], None]) -> Iterator[None]:
        """Answers a dialog that a command waits for, if it opens one."""
        timer = QTimer()

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if dialog is not None:
                timer.stop()
                answer(dialog)

        timer.timeout.connect(look)
        timer.start(0)
        yield
        timer.stop()
        self.dialog_closed()

    def dialog_closed(self) -> None:
        """Gives the keys back to the window, as a window manager does. There is none here."""
        self.app.processEvents()
        shown(self.window)

    def picture(self) -> Bytes:
        """What the canvas shows, [H, W, 3] RGB."""
        image = self.window.canvas.grab().toImage()
        image = image.convertToFormat(image.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
        shown: Bytes = rows[:, : 3 * image.width()].reshape(image.height(), -1, 3).copy()
        return shown

    def colour(self, x: float, y: float) -> tuple[int, int, int]:
        """What the canvas shows at a point of the plate."""
        at = self.at(x, y)
        red, green, blue = self.picture()[at.y(), at.x()].tolist()
        return red, green, blue


@contextmanager
def answered_by_dropping() -> Iterator[None]:
    """Answers every question of a window that is closed: what is not done or saved may be lost."""
    timer = QTimer()

    def look() -> None:
        asked = QApplication.activeModalWidget()
        if isinstance(asked, QMessageBox):
            drops = QMessageBox.ButtonRole.DestructiveRole
            (button,) = (one for one in asked.buttons() if asked.buttonRole(one) is drops)
            button.click()

    timer.timeout.connect(look)
    timer.start(0)
    yield
    timer.stop()


@contextmanager
def desk_over_toys(
    app: QApplication,
    size: tuple[int, int] | None = None,
    commands: Sequence[Command] = COMMANDS,
) -> Iterator[Desk]:
    """A window over the toy, with nothing open, of its own size or this one."""
    toys = Toys()
    with Engine(neighbours=0) as engine:
        backend = Backend(engine, toys.make, lambda _said: {}, ToySelector)
        window = MainWindow(lambda _opened: backend, commands=commands)
        if size is not None:
            window.resize(*size)
        shown(window)
        try:
            yield Desk(app, window, toys)
        finally:
            for dialog in window.findChildren(QDialog):
                dialog.close()  # one that is left would lie over the window of the next test
            with answered_by_dropping():
                window.close()
            app.processEvents()
