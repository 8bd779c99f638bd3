"""The window on whatever screen Qt finds: opened, one key pressed, grabbed from the screen."""

from __future__ import annotations

import sys
from pathlib import Path

from desk import Desk, shown
from PySide6.QtWidgets import QApplication
from session_bench import Toys

from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.session.live import Backend


def main(document: str, picture: str) -> None:
    app = QApplication(["rde-roto"])
    dress(app)
    toys = Toys()
    with Engine(neighbours=0) as engine:
        window = MainWindow(lambda _opened: Backend(engine, toys.make, lambda _said: {}))
        shown(window)
        desk = Desk(app, window, toys)
        desk.open(Path(document))
        desk.key("Right")
        desk.until(lambda: desk.session.sight.picture() is not None)
        app.processEvents()
        window.screen().grabWindow(window.winId()).save(picture)
        print(f"platform {app.platformName()}", f"frame {desk.session.frame}", sep="\n", flush=True)
        window.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
