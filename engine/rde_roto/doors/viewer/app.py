"""The window as a program."""

from __future__ import annotations

import signal
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.services import Room
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.images.layers import FIRST_PICTURE, PictureName
from rde_roto.session.opening import open_draft


def run(room: Room, text: str | None, picture: PictureName) -> int:
    """Shows the window until it is closed; what the program ends with.

    `picture` says which view and layer of the plate that is named.

    Raises as `open_draft` does when the shot that is named cannot be opened.
    """
    app = QApplication(["rde-roto"])
    app.setApplicationName("rde-roto")
    dress(app)
    opens = partial(open_draft, memo=room.memo)
    window = MainWindow(room.backend, opens, device=str(room.device))
    if text is not None:
        opened = opens(text, picture=picture)
        # a view or layer is not named by the plate, only by its document
        window.begin(opened, text if picture == FIRST_PICTURE else str(opened.path))
    # Python looks at signals only when it runs: they close the window as a click does
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    waking = QTimer()
    waking.start(200)
    waking.timeout.connect(lambda: None)
    window.show()
    return app.exec()
