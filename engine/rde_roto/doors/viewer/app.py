"""Windows as programs."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

from rde_roto.doors.viewer.services import Services
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.images.layers import PictureName
from rde_roto.session.document.opening import open_draft

_TURN_S = 0.001
W = TypeVar("W", bound=QWidget)


def run(services: Services, text: str | None, picture: PictureName) -> int:
    """Show the window until it is closed, and return the program's exit code.

    `text` names a shot or a plate to open, and `picture` the view and layer of that plate. Raises
    as `open_draft` does if it cannot be opened.
    """

    def window() -> MainWindow:
        opens = partial(open_draft, memo=services.memo)
        window = MainWindow(services.backend, opens, device=str(services.device))
        if text is not None:
            window.begin(opens(text, picture), text, picture)
        return window

    return run_until_closed(window, MainWindow.end)


def run_until_closed(make: Callable[[], W], end: Callable[[W], object]) -> int:
    """Make a window, show it until it is closed, and return the program's exit code.

    Ctrl-C closes it, as its own button does. SIGTERM calls `end` and is 143: who sends it may not
    be there to answer a question.
    """
    app = QApplication(["rde-roto"])
    app.setApplicationName("rde-roto")
    dress(app)
    stay_responsive()
    window = make()

    def terminate(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one does not wait for a disk that hangs
        QTimer.singleShot(0, partial(app.exit, 128 + number))  # `exit` before `exec` does nothing

    signal.signal(signal.SIGINT, lambda *_: window.close())
    signal.signal(signal.SIGTERM, terminate)
    wake_up = QTimer()  # Python handles signals only while it runs
    wake_up.start(200)
    wake_up.timeout.connect(lambda: None)
    window.show()
    code = app.exec()
    if code:
        end(window)
    return code


def stay_responsive() -> None:
    """Keep Python from holding up the window's thread.

    Threads that run Python hand over after a millisecond. That thread gives Python's lock away in
    every call of Qt; while frames are tracked it would often wait Python's usual five milliseconds
    to get it back, several times in one painting.

    The garbage collector leaves alone what is loaded by now: 200,000 objects, most of them torch's,
    which it would look through for 70 ms again and again. Call it before there is a session.
    """
    sys.setswitchinterval(_TURN_S)
    gc.collect()
    gc.freeze()
