"""A window of a size, at the scale that Qt was started with: says in JSON what is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from desk import HEIGHT, WIDTH, Desk, desk_over_toys
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from rde_roto.doors.viewer.scene import MatteMode
from rde_roto.doors.viewer.style import SMALLEST_TEXT_PX, dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.values.plate import Window

SQUARE = Window(41, 23, 60, 37)
"""What is white in the plate, and drawn."""
ZOOMS = (4.0, 5.3, 7.77)


def painted(desk: Desk) -> None:
    """Draws what is white in the plate."""
    pixels = np.zeros((HEIGHT, WIDTH), np.float32)
    rows, columns = slice(SQUARE.y, SQUARE.y + SQUARE.height), slice(SQUARE.x, None)
    pixels[rows, columns][:, : SQUARE.width] = 1
    desk.session.paint.commit(SQUARE, pixels, "square")


def edges(desk: Desk, is_inside: tuple[int, int, int]) -> list[int]:
    """The square's left, top, right and bottom in the grab, in pixels of the screen."""
    apart = np.abs(desk.picture().astype(int) - np.array(is_inside))
    inside = np.asarray(apart.max(axis=2) <= 40)
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def expected(desk: Desk) -> list[float]:
    canvas, ratio = desk.window.canvas, desk.window.devicePixelRatioF()
    first = canvas.from_plate(SQUARE.x, SQUARE.y)
    last = canvas.from_plate(SQUARE.x + SQUARE.width, SQUARE.y + SQUARE.height)
    return [at * ratio for at in (first.x(), first.y(), last.x(), last.y())]


def off(desk: Desk) -> dict[str, float]:
    """How far plate and overlay are from where they ought to be, the most of all edges."""
    scene, found = desk.window.canvas.scene, {}
    scene.opacity = 1.0
    for zoom in ZOOMS:
        desk.window.canvas.zoom_to(zoom)
        for mode, colour in ((MatteMode.OFF, (255, 255, 255)), (MatteMode.OVERLAY, (255, 77, 77))):
            scene.mode = mode
            apart = np.abs(np.subtract(edges(desk, colour), expected(desk)))
            found[f"{mode.value} at {zoom}"] = float(apart.max())
    return found


def cut(window: MainWindow) -> list[str]:
    """Visible widgets that reach out of the window, and words that have too little room."""
    found = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible():
            continue
        place = widget.rect().translated(widget.mapTo(window, widget.rect().topLeft()))
        words = widget.text() if isinstance(widget, QLabel | QPushButton) else ""
        is_narrow = bool(words) and not (isinstance(widget, QLabel) and widget.wordWrap())
        if not window.rect().contains(place) or (
            is_narrow and widget.width() < widget.sizeHint().width()
        ):
            found.append(f"{type(widget).__name__} {words!r} {place.getRect()}")
    return found


def small(window: MainWindow) -> list[str]:
    """Widgets whose letters are too small."""
    return [
        type(widget).__name__
        for widget in window.findChildren(QWidget)
        if QFontInfo(widget.font()).pixelSize() < SMALLEST_TEXT_PX
    ]


def main(document: str, width: str, height: str, picture: str) -> None:
    app = QApplication(["rde-roto"])
    dress(app)
    with desk_over_toys(app, (int(width), int(height))) as desk:
        window = desk.window
        desk.open(Path(document))
        painted(desk)
        desk.settled()
        window.view_changed()
        app.processEvents()
        window.grab().save(picture)
        said = {
            "size": window.size().toTuple(),
            "scale": window.devicePixelRatioF(),
            "cut": cut(window),
            "small": small(window),
            "off": off(desk),
        }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
