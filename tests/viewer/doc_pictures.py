"""The pictures of docs/viewer.md: ``python tests/viewer/doc_pictures.py [work] [lines]``, with
tests, tests/unit and tests/viewer on PYTHONPATH.

The scripted artist does each step of the page on the demo shot, tracked at 240 lines, without a
screen; that of lines is drawn on a true matte. Needs DejaVu Sans as the font. Look at every
picture that git says has changed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from artist import Artist, at_a_window
from desk import Desk
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.doors.viewer.dialogs import ExportDialog
from rde_roto.images.sequences import find_sequence
from rde_roto.session.drawing.painting import Point

OUT = Path(__file__).parents[2] / "docs/viewer"
SIZE = 1200, 768
QUALITY = 80


def save(desk: Desk, name: str, dialog: QDialog | None = None) -> None:
    """Writes a picture of the window, and of a dialog in its middle."""
    for _ in range(5):
        desk.window.time_line.refresh()
        desk.window.view_changed()
        desk.app.processEvents()
    desk.screenshot(dialog).save(str(OUT / f"{name}.jpg"), quality=QUALITY)
    print(name, flush=True)


def opened(desk: Desk, folder: Path) -> Artist:
    """Opens the demo shot under a name of its own."""
    shot, document = demo_shot(), folder / "robot.shot.yaml"
    document.write_text(
        f"schema: rde-roto.shot/1\nplate: {{path: '{shot}/plate'}}\n"
        "elements:\n  - {id: robot}\noverrides: {tracking.lines: 240}\n",
        encoding="utf-8",
    )
    desk.window.resize(*SIZE)
    assert desk.window.open(str(document))
    desk.until(lambda: desk.session.navigation.picture() is not None)
    return Artist(desk, find_sequence(str(shot / "truth")), hints="clicks")


def work(desk: Desk, folder: Path) -> None:
    """Each step of the page, and a picture of it."""
    artist = opened(desk, folder)
    save(desk, "open")
    steps = artist.draw(0.97)
    for _ in range(4):
        next(steps)
    save(desk, "select")
    for _ in steps:
        pass
    save(desk, "first-mask")
    desk.key("P")
    desk.until(lambda: desk.session.live.remaining < 30)
    save(desk, "propagate")
    desk.settled()
    desk.until(lambda: bool(desk.session.quality.drift("robot")))
    frame = artist.look_for_trouble()
    listed = desk.window.panel.to_fix
    desk.until(lambda: listed.isVisible() and not listed.item(0).icon().isNull())
    desk.window.panel.to_fix.scrollToTop()
    save(desk, "frame-to-fix")
    desk.key("Ctrl+H")
    desk.until(lambda: "reads" in desk.window.explanation.text)
    save(desk, "explain")
    desk.key("Ctrl+H")
    for _ in artist.draw(0.97):
        pass
    save(desk, "corrected")
    artist.propagate("Ctrl+P")
    desk.session.go_to(frame + 2)
    desk.until(artist.is_seen)
    desk.key("Ctrl+L")
    assert desk.window.learn_dialog is not None
    save(desk, "learn", desk.window.learn_dialog)
    desk.window.learn_dialog.reject()
    desk.app.processEvents()
    desk.window.activateWindow()  # or no shortcut would reach it
    desk.until(desk.window.isActiveWindow)
    desk.key("Ctrl+Shift+X")
    desk.until(lambda: bool(desk.session.draft.locks))
    desk.settled()
    save(desk, "approve")
    desk.key("Ctrl+E")
    dialog = next(one for one in desk.window.findChildren(ExportDialog) if one.isVisible())
    dialog.pattern.setText("mattes/robot.####.exr")
    dialog.whole_path.setText("/shots/robot/mattes/robot.####.exr")
    save(desk, "export", dialog)
    dialog.reject()


def lines(desk: Desk, folder: Path) -> None:
    """The matte of a frame as lines: a point that shows its handles, and one pulled soft."""
    artist = opened(desk, folder)
    desk.window.resize(1800, 1080)
    desk.session.go_to(1009)
    desk.import_file(artist.truth.path(1009))
    for key in ("3", "V", "Shift+S"):
        desk.key(key)
    desk.until(lambda: bool(desk.session.paint.lines))
    body = np.array(desk.session.paint.lines[0].points)

    def nearest(*at: float) -> Point:
        x, y = body[np.hypot(*(body - at).T).argmin()].tolist()
        return x, y

    x, y = nearest(199, 168)
    desk.drag((x, y), (x - 4, y + 1), (x - 9, y + 2), keys=Qt.KeyboardModifier.ShiftModifier)
    desk.click(*nearest(305, 173))
    desk.window.view_changed()
    desk.app.processEvents()
    whole = desk.screenshot()
    whole.copy(350, 95, 520, 780).save(str(OUT / "lines.jpg"), quality=QUALITY)


def main() -> None:
    """The program."""
    OUT.mkdir(exist_ok=True)
    app = QApplication(sys.argv[:1])
    for part in (work, lines):
        if part.__name__ in (sys.argv[1:] or ("work", "lines")):
            with tempfile.TemporaryDirectory() as folder, at_a_window(app) as desk:
                part(desk, Path(folder))


if __name__ == "__main__":
    main()
