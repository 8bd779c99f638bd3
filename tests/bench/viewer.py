"""What the window lets an artist wait for: ``python tests/bench/viewer.py [--sizes 2048x1152]``.

From a key press to the painted frame, with stored mattes: warm, the plate's picture being ready,
and cold, where it has to be read. From a move of the pen to the painted stroke. And how long the
window's own thread is held up while the network works, with the shipped model. Without a screen
unless QT_QPA_PLATFORM names one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from lines import p50_p95, report
from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from round_trip import make_shot

from rde_roto.documents.shot_document import ShotDocument
from rde_roto.doors.options import plate_memo
from rde_roto.doors.viewer.app import stay_responsive
from rde_roto.doors.viewer.services import open_services
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.pictures.display_pixels import ViewExposure

_ROUNDS = 5
_PATIENCE_S = 600.0
_BEAT_MS = 5


class Painted(QObject):
    """Counts how often a widget was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() is QEvent.Type.Paint
        return False


def until(app: QApplication, holds: Callable[[], bool]) -> None:
    """Handle events until something holds. Sleeps in between as the window does: a loop that never
    sleeps would take the lock of Python, and a core, from the threads that the window waits for.
    """
    deadline = time.monotonic() + _PATIENCE_S
    wake_up = QTimer()
    wake_up.start(_BEAT_MS)
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def timed(app: QApplication, painted: Painted, act: Callable[[], None]) -> float:
    """Seconds from an act to the end of the painting that it caused."""
    before, start = painted.count, time.perf_counter()
    act()
    until(app, lambda: painted.count > before)
    return time.perf_counter() - start


@contextmanager
def beating() -> Iterator[list[float]]:
    """Milliseconds between turns of the event loop, the timer's own taken off."""
    gaps, last = [], [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        gaps.append(max(0.0, 1000 * (now - last[0]) - _BEAT_MS))
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    timer.start(_BEAT_MS)
    yield gaps
    timer.stop()


def measure(app: QApplication, folder: Path, width: int, height: int) -> None:
    said = make_shot(folder, width, height)
    said.pop("schema")
    document = ShotDocument.model_validate({**said, "overrides": {"tracking.lines": 240}})
    path = folder / "hero.shot.yaml"
    path.write_text(document.to_yaml(), encoding="utf-8")
    with plate_memo() as memo, open_services("auto", memo) as services:
        window = MainWindow(services.backend)
        window.resize(1920, 1000)
        window.show()
        window.activateWindow()
        QTest.qWaitForWindowActive(window)
        window.open(str(path))
        session, painted = window.the_session, Painted()
        window.canvas.installEventFilter(painted)
        until(app, lambda: session.live.is_settled and session.navigation.picture() is not None)
        with beating() as stalls:
            window.run_command("Propagate forward")
            until(app, lambda: session.live.remaining == 0)
        last = session.navigation.range.last
        for frame in session.navigation.range:  # mattes and pictures are ready
            session.go_to(frame)
            until(app, lambda: session.navigation.picture() is not None)
            until(app, lambda: session.shown.alpha(session.element) is not None)
            app.processEvents()
        session.navigation.pictures.settle()
        app.processEvents()
        warm, cold = [], []
        for _ in range(_ROUNDS):
            window.run_command("First frame")
            app.processEvents()
            for _ in range(last - 1):
                warm.append(timed(app, painted, partial(QTest.keyClick, window, Qt.Key.Key_Right)))
        for stops in range(1, _ROUNDS):  # another light: no picture is ready
            window.the_session.change_exposure(0.5 if stops % 2 else -0.25)
            start = time.perf_counter()
            until(app, lambda: session.navigation.picture() is not None)
            app.processEvents()
            cold.append(time.perf_counter() - start)
            session.navigation.pictures.settle()
        window.the_session.set_exposure(ViewExposure())
        until(app, lambda: session.navigation.picture() is not None)
        session.navigation.pictures.settle()
        session.paint.brush = Brush(40, 0.5)
        strokes = brush_moves(app, window, painted)
        window.close()
    report(
        size=f"{width}x{height}",
        **p50_p95("key_warm", warm),
        **p50_p95("cold", cold),
        **p50_p95("brush", strokes),
        **p50_p95("stall", [gap / 1000 for gap in stalls]),
        stall_worst_ms=max(stalls),
        platform=app.platformName(),
    )


def brush_moves(app: QApplication, window: MainWindow, painted: Painted) -> list[float]:
    canvas = window.canvas
    found = []
    for row in range(5):
        start = canvas.rect().center() + QPoint(-100, 40 * row - 100)
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
        app.processEvents()
        for step in range(1, 41):
            move = partial(QTest.mouseMove, canvas, start + QPoint(5 * step, 0))
            found.append(timed(app, painted, move))
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start)
        app.processEvents()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", default=["2048x1152", "4096x2304"])
    app = QApplication(sys.argv[:1])
    dress(app)
    stay_responsive()
    for size in parser.parse_args().sizes:
        width, height = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            os.environ["RDE_ROTO_CACHE"] = str(Path(folder) / "cache")
            os.environ["XDG_CONFIG_HOME"] = folder
            measure(app, Path(folder), width, height)


if __name__ == "__main__":
    main()
