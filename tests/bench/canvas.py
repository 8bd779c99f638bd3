"""Why the canvas is QPainter's: ``python tests/bench/canvas.py [--sizes 2048x1152]``.

The same plate and overlay, drawn by a QPainter that knows which part has changed, as
`doors/viewer/canvas.py` does, and by pyqtgraph's ImageItem. Processor time, so that other programs
do not count: of another frame, and of a move of the brush, which changes 80 by 80 pixels.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from lines import p50_p95, report
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

_WINDOW = 1440, 810
_FRAMES, _MOVES, _BRUSH_PX = 12, 60, 80

Pixels: TypeAlias = NDArray[np.uint8]


class Kind(Protocol):
    """A way to show a plate [H, W, 4] under an overlay [H, W, 4]."""

    @property
    def widget(self) -> QWidget:
        """What is shown."""

    def show_frame(self, plate: Pixels, overlay: Pixels) -> None:
        """Show another frame."""

    def touch(self, box: QRect) -> None:
        """Show that the overlay has changed within a box."""


class Painted(QWidget):
    """Draws with QPainter, the changed part alone."""

    def __init__(self) -> None:
        super().__init__()
        self._images: list[QImage] = []

    @property
    def widget(self) -> QWidget:
        return self

    def show_frame(self, plate: Pixels, overlay: Pixels) -> None:
        self._images = [_image(plate), _image(overlay)]
        self.update()

    def touch(self, box: QRect) -> None:
        scale = self.width() / self._images[0].width()
        corner = QRectF(box.x() * scale, box.y() * scale, box.width() * scale, box.height() * scale)
        self.update(corner.toAlignedRect().adjusted(-1, -1, 1, 1))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if not self._images:
            return
        scale = self.width() / self._images[0].width()
        there = QRectF(event.rect())
        part = QRectF(
            there.x() / scale, there.y() / scale, there.width() / scale, there.height() / scale
        )
        for image in self._images:
            painter.drawImage(there, image, part)


class Plotted:
    """Draws with pyqtgraph."""

    def __init__(self) -> None:
        self.widget = pg.PlotWidget()
        self.widget.hideAxis("left")
        self.widget.hideAxis("bottom")
        self._items = [pg.ImageItem(axisOrder="row-major") for _ in range(2)]
        self._overlay: Pixels | None = None
        for item in self._items:
            self.widget.addItem(item)
        self.widget.invertY()

    def show_frame(self, plate: Pixels, overlay: Pixels) -> None:
        self._overlay = overlay
        for item, picture in zip(self._items, (plate, overlay), strict=True):
            item.setImage(picture, autoLevels=False, levels=None)

    def touch(self, _box: QRect) -> None:
        self._items[1].setImage(self._overlay, autoLevels=False, levels=None)


def _image(picture: Pixels) -> QImage:
    height, width = picture.shape[:2]
    form = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(picture.data, width, height, 4 * width, form)


def measured(app: QApplication, act: Callable[[], None]) -> float:
    """Seconds of this process, from an act to the end of what it causes."""
    start = time.process_time()
    act()
    for _ in range(3):
        app.processEvents()
    return time.process_time() - start


def measure(app: QApplication, kind: Kind, width: int, height: int) -> dict[str, float]:
    random = np.random.default_rng(1)
    plates = [random.integers(0, 255, (height, width, 4), np.uint8) for _ in range(2)]
    overlay = np.zeros((height, width, 4), np.uint8)
    kind.widget.resize(*_WINDOW)
    kind.widget.show()
    app.processEvents()
    kind.show_frame(plates[0], overlay)
    app.processEvents()
    frames, moves = [], []
    for place in range(_FRAMES):
        picture = plates[place % 2]
        frames.append(measured(app, partial(kind.show_frame, picture, overlay)))
    for place in range(_MOVES):
        box = QRect(width // 3 + 8 * place, height // 3, _BRUSH_PX, _BRUSH_PX)
        overlay[box.y() : box.y() + _BRUSH_PX, box.x() : box.x() + _BRUSH_PX] = 128
        moves.append(measured(app, partial(kind.touch, box)))
    kind.widget.close()
    return p50_p95("frame", frames) | p50_p95("brush", moves)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", default=["2048x1152", "4096x2304"])
    app = QApplication(sys.argv[:1])
    for size in parser.parse_args().sizes:
        width, height = map(int, size.split("x"))
        kinds: dict[str, Kind] = {"QPainter": Painted(), "pyqtgraph": Plotted()}
        for name, kind in kinds.items():
            report(kind=name, size=size, **measure(app, kind, width, height))


if __name__ == "__main__":
    main()
