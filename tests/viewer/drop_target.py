"""The window on a real screen, empty, until something is dropped on it; then what it opened."""

from __future__ import annotations

from desk import desk_over_toys
from PySide6.QtWidgets import QApplication

SIZE = 1000, 700


def main() -> None:
    app = QApplication(["rde-roto"])
    with desk_over_toys(app, SIZE) as desk:
        desk.window.move(200, 30)
        app.processEvents()
        print("shown", flush=True)
        desk.until(lambda: desk.window.session is not None)
        print(f"opened {desk.session.editor.document}", flush=True)


if __name__ == "__main__":
    main()
