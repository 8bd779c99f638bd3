"""A program from which a file is dragged: ``python file_manager.py FILE``, on a real screen."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class FileLabel(QLabel):
    """A file, which is dragged as soon as it is pressed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self._path))])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.actionChanged.connect(lambda action: print(action.name, flush=True))
        drag.exec(Qt.DropAction.CopyAction)


def main(path: str) -> None:
    app = QApplication(["file-manager"])
    label = FileLabel(Path(path))
    label.setGeometry(0, 0, 100, 60)
    label.setWindowFlag(Qt.WindowType.BypassWindowManagerHint)
    label.show()
    label.windowHandle().raise_()
    print("shown", flush=True)
    app.exec()


if __name__ == "__main__":
    main(*sys.argv[1:])
