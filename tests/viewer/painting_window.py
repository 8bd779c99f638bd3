"""A window that paints stroke after stroke, and says when each is saved: to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from desk import desk_over_toys
from PySide6.QtWidgets import QApplication


def main(document: str) -> None:
    app = QApplication(["rde-roto"])
    with desk_over_toys(app) as desk:
        desk.open(Path(document))
        for number in range(1000):
            row = 10 + 16 * (number % 4)
            desk.drag((30, row), (90, row))
            desk.session.editor.wait_until_saved()
            print(f"painted {number}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
