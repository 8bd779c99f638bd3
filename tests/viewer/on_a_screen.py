"""The window on whatever screen Qt finds: opened, one key pressed, grabbed from the screen."""

from __future__ import annotations

import sys
from pathlib import Path

from desk import desk_over_toys
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.style import dress


def main(document: str, picture: str) -> None:
    app = QApplication(["rde-roto"])
    dress(app)
    with desk_over_toys(app) as desk:
        window = desk.window
        desk.open(Path(document))
        desk.key("Right")
        desk.until(lambda: desk.session.navigation.picture() is not None)
        app.processEvents()
        window.screen().grabWindow(window.winId()).save(picture)
        print(f"platform {app.platformName()}", f"frame {desk.session.frame}", sep="\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
