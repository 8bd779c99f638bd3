"""A window that paints stroke after stroke, and says when each is saved: to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from desk import Desk, shown
from PySide6.QtWidgets import QApplication
from session_bench import Toys

from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.session.live import Backend


def main(document: str) -> None:
    app = QApplication(["rde-roto"])
    toys = Toys()
    with Engine(neighbours=0) as engine:
        window = MainWindow(lambda _opened: Backend(engine, toys.make, lambda _said: {}))
        shown(window)
        desk = Desk(app, window, toys)
        desk.open(Path(document))
        for number in range(1000):
            row = 10 + 16 * (number % 4)
            desk.drag((30, row), (90, row))
            desk.session.work.saved()
            print(f"painted {number}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
