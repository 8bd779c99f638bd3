"""The steps of the window, which draws into memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog

from rde_roto.doors.options import plate_memo
from rde_roto.doors.viewer.dialogs import ExportDialog
from rde_roto.doors.viewer.services import open_services
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.images.files import read_channels
from rde_roto.matte.finish import finish_keyframe
from rde_roto.session.opening import open_draft
from rde_roto.session.painting import Brush
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Finish

SHOT: Final = "engine/rde_roto/demo/shot"
WIDTH, HEIGHT = 780, 750
MARGIN_PX, BRUSH_RADIUS_PX = 12, 9
PATIENCE_S, QUIET_S = 3600, 2
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def take_pictures(out: Path) -> None:
    """Do the steps of the page, and write a picture of the window after each."""
    app = QApplication(["rde-roto"])
    dress(app)
    with plate_memo() as memo, open_services("cpu", memo) as services:
        opens = partial(open_draft, memo=services.memo)
        window = MainWindow(services.backend, opens, device="cpu")
        window.resize(WIDTH, HEIGHT)
        window.begin(opens(f"{SHOT}/plate"), f"{SHOT}/plate")
        window.show()
        assert QTest.qWaitForWindowActive(window)
        steps = Steps(app, window, out)
        try:
            steps.take()
        finally:
            window.close()
            app.processEvents()


class Steps:
    """The hands before the window."""

    def __init__(self, app: QApplication, window: MainWindow, out: Path) -> None:
        self.app, self.window, self.out = app, window, out

    def take(self) -> None:
        """Do each step of the page."""
        session = self.window.the_session
        self.until(lambda: session.navigation.picture() is not None)
        self.key("F")
        rows, columns = np.nonzero(truth(session.frame) > 0.5)
        self.key("6")
        left, top = float(columns.min()) - MARGIN_PX, float(rows.min()) - MARGIN_PX
        right, bottom = float(columns.max()) + MARGIN_PX, float(rows.max()) + MARGIN_PX
        self.drag((left, top), (right, bottom))
        self.save("first-mask")
        self.key("P")
        self.save("propagated")
        self.until(lambda: session.live.advice is not None)
        self.key("N")
        self.save("frame-to-fix")
        self.paint(truth(session.frame))
        self.save("corrected")
        self.key("Ctrl+P")
        self.until(lambda: session.live.advice is not None)
        self.save("propagated-again")
        self.key("Shift+X")
        self.key("Ctrl+E")
        dialog = next(one for one in self.window.findChildren(QDialog) if one.isVisible())
        assert isinstance(dialog, ExportDialog)
        dialog.pattern.setText("mattes/robot.####.exr")
        dialog.whole_path.setText("/shots/robot/mattes/robot.####.exr")
        self.save("export", dialog)

    def key(self, keys: str) -> None:
        """Press a key, and wait until what it asks for is done."""
        QTest.keySequence(self.window, keys)
        self.settle()

    def paint(self, mask: FloatArray) -> None:
        """Paint a mask with the brush, a stroke for each run of a few rows."""
        self.key("1")
        self.window.the_session.paint.set_brush(Brush(BRUSH_RADIUS_PX, 0.9))
        radius = BRUSH_RADIUS_PX
        inner = finish_keyframe(mask[None], Finish(erode_px=radius - 1))[0] > 0.5
        for row in range(radius, len(mask) - radius, radius):
            ends = np.flatnonzero(np.diff(np.concatenate([[0], inner[row].astype(int), [0]])))
            for first, last in zip(ends[::2], ends[1::2], strict=True):
                self.drag((float(first), row), (float(last - 1), row))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two points of the plate."""
        canvas = self.window.canvas
        first, last = (canvas.from_plate(*point).toPoint() for point in (start, end))
        QTest.mousePress(canvas, LEFT, NO_KEY, first)
        QTest.mouseMove(canvas, last)
        QTest.mouseRelease(canvas, LEFT, NO_KEY, last)
        self.settle()

    def settle(self) -> None:
        """Wait until all that was asked of the network is made, and shown."""
        session, since = self.window.the_session, time.monotonic()

        def is_quiet() -> bool:
            nonlocal since
            live = session.live
            if session.paint.notice or not live.is_settled or live.remaining:
                since = time.monotonic()
            return time.monotonic() - since > QUIET_S

        self.until(is_quiet)

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the window work until that is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "it never came"
            self.app.processEvents()
            time.sleep(0.01)

    def save(self, name: str, dialog: QDialog | None = None) -> None:
        """Write a picture of the window, and of a dialog in its middle."""
        self.settle()
        self.window.time_line.refresh()
        self.window.view_changed()
        self.app.processEvents()
        image: QImage = self.window.grab().toImage()
        if dialog is not None:
            place = QRect(QPoint(), dialog.size())
            place.moveCenter(self.window.rect().center())
            painter = QPainter(image)
            painter.drawPixmap(place.topLeft(), dialog.grab())
            painter.end()
        image.save(str(self.out / f"{name}.jpg"), quality=82)


def truth(frame: int) -> FloatArray:
    """Return the true matte of a frame of the demo shot, float32 [H, W]."""
    alpha: FloatArray = read_channels(Path(f"{SHOT}/truth/demo.{frame}.exr"), ["A"])[..., 0]
    return alpha
