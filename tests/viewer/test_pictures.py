"""What the window looks like, against pictures that somebody has looked at.

To make them anew: RDE_ROTO_NEW_PICTURES=1 pytest tests/viewer/test_pictures.py. CONTRIBUTING.md
says more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from desk import HEIGHT as PLATE_HEIGHT
from desk import WIDTH as PLATE_WIDTH
from desk import Desk
from image_files import ramp, write_image
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog

from rde_roto.doors.viewer.dialogs import ExportDialog
from rde_roto.doors.viewer.scene import MatteMode
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.pictures.picture_cache import Bytes

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

PICTURES = Path(__file__).with_name("pictures")
IS_MAKING = os.environ.get("RDE_ROTO_NEW_PICTURES") == "1"
WIDTH, HEIGHT = 1280, 720
SMALLER = 2
"""Pictures are kept at half size."""
BLOCK = 40
"""Pixels of the window, each way, that are compared by their mean."""
TOLERANCE = 32.0
"""Codes of 255 that no block's mean may be off, in any channel. With one font it is 3, as files
have few colours. Liberation Sans or DejaVu Serif instead of DejaVu Sans move it by up to 25; a
condensed font may fail. The two states that are most alike are 42 apart."""

Show: TypeAlias = "Callable[[Desk, Path], QDialog | None]"


def nothing(_desk: Desk, _document: Path) -> None:
    """The window as it begins."""


def painted(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.window.canvas.zoom_to(6.0)
    desk.session.paint.set_brush(Brush(14, 0.8))
    desk.drag((60, 40), (80, 52), (100, 40))


def pressed(keys: str) -> Show:
    """A painted frame, and a key."""

    def show(desk: Desk, document: Path) -> None:
        painted(desk, document)
        desk.key(keys)

    return show


def over_checker(desk: Desk, document: Path) -> None:
    painted(desk, document)
    desk.window.canvas.scene.mode = MatteMode.CHECKER


def polygon(desk: Desk, document: Path) -> None:
    desk.open(document)
    desk.window.canvas.zoom_to(6.0)
    desk.key("3")
    for point in [(40, 20), (110, 25), (120, 70), (70, 60), (50, 75)]:
        desk.click(*point)


def time_line(desk: Desk, document: Path) -> None:
    """Two keyframes, three locked frames, and mattes that the second keyframe has made stale."""
    painted(desk, document)
    desk.key("P")
    desk.settled()
    desk.session.set_bounds(1003, 1005)
    desk.key("Ctrl+Shift+X")
    desk.until(lambda: desk.session.state(1004) is FrameState.LOCKED)
    desk.session.reset_bounds()
    desk.session.go_to(1009)
    desk.until(lambda: desk.session.navigation.picture() is not None)
    desk.drag((40, 60), (60, 70))
    desk.settled()
    assert {desk.session.state(frame) for frame in (1002, 1008)} == {FrameState.STALE}


def asked(keys: str, width: int, height: int) -> Show:
    """A dialog over a painted frame."""

    def show(desk: Desk, document: Path) -> QDialog:
        painted(desk, document)
        desk.settled()
        desk.key(keys)
        dialog = next(one for one in desk.window.findChildren(QDialog) if one.isVisible())
        if isinstance(dialog, ExportDialog):
            dialog.pattern.setText("mattes/hero.####.exr")
            dialog.whole_path.setText("/shots/hero/mattes/hero.####.exr")
        dialog.resize(width, height)
        return dialog

    return show


STATES: dict[str, Show] = {
    "empty": nothing,
    "overlay": painted,
    "alone": pressed("A"),
    "outline": pressed("Q"),
    "checker": over_checker,
    "wipe": pressed("W"),
    "polygon": polygon,
    "time-line": time_line,
    "keys": asked("?", WIDTH, HEIGHT),
    "settings": asked("Ctrl+,", 560, 480),
    "export": asked("Ctrl+E", 600, 320),
}


@dataclass(frozen=True)
class Crop:
    """A small thing that a mean over forty pixels would miss: kept at full size, compared in blocks
    of its own.
    """

    show: Show
    part: Callable[[Desk], QImage]
    block: int


def around_the_pen(desk: Desk) -> QImage:
    half, at = 100, desk.at(100, 40)  # where the stroke has ended
    area = QRect(at.x() - half, at.y() - half, 2 * half, 2 * half)
    return desk.window.canvas.grab(area).toImage()


def below_on_the_right(desk: Desk) -> QImage:
    bar = desk.window.statusBar()
    bar.clearMessage()
    return bar.grab(QRect(bar.width() - 620, 0, 620, bar.height())).toImage()


def over_the_time_line(desk: Desk) -> QImage:
    desk.window.time_line.refresh()
    return desk.window.time_line.grab(QRect(0, 0, 400, desk.window.time_line.height())).toImage()


CROPS: dict[str, Crop] = {
    "ring": Crop(painted, around_the_pen, 4),
    "ring-subtracts": Crop(pressed("X"), around_the_pen, 4),
    "read-out": Crop(painted, below_on_the_right, 20),
    "marks": Crop(time_line, over_the_time_line, 10),
}


def as_array(image: QImage) -> Bytes:
    """[H, W, 3] RGB, 0..255."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels: Bytes = rows[:, : 3 * image.width()].reshape(image.height(), -1, 3).copy()
    return pixels


def seen(desk: Desk, dialog: QDialog | None) -> Bytes:
    """The window, and the dialog in its middle, once the layout rests.

    A widget that was hidden moves its neighbours with the events that follow, not at once.
    """
    if desk.window.session is not None:
        desk.settled()
    desk.window.time_line.refresh()
    desk.window.view_changed()
    desk.window.statusBar().clearMessage()
    pictures = [as_array(desk.screenshot(dialog))]

    def rests() -> bool:
        desk.app.processEvents()
        pictures.append(as_array(desk.screenshot(dialog)))
        return np.array_equal(pictures[-2], pictures[-1])

    desk.until(rests)
    return pictures[-1]


def means(pixels: Bytes, block: int) -> NDArray[np.float64]:
    """Of blocks of pixels [H, W, 3]; what is left over at the edges is left out."""
    rows, columns = pixels.shape[0] // block, pixels.shape[1] // block
    whole = pixels[: rows * block, : columns * block].astype(np.float64)
    mean: NDArray[np.float64] = whole.reshape(rows, block, columns, block, 3).mean(axis=(1, 3))
    return mean


def reduced(pixels: Bytes) -> Bytes:
    small: Bytes = means(pixels, SMALLER).round().astype(np.uint8)
    return small


def known(name: str) -> Bytes:
    with Image.open(PICTURES / f"{name}.png") as image:
        return np.asarray(image.convert("RGB"))


def keep(name: str, pixels: Bytes) -> None:
    few = Image.fromarray(pixels).quantize(128, kmeans=1, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)


def apart(one: Bytes, other: Bytes, block: int = BLOCK // SMALLER) -> float:
    """How far the means of the block that differs most are apart."""
    return float(np.abs(means(one, block) - means(other, block)).max())


@pytest.fixture
def patches(document: Path) -> Path:
    """The shot with a plate of even patches, whose pictures are small files."""
    picture = ramp(PLATE_HEIGHT // 10, PLATE_WIDTH // 10).repeat(10, axis=0).repeat(10, axis=1)
    for path in (document.parent / "plate").iterdir():
        write_image(path, picture)
    return document


@pytest.mark.parametrize("name", STATES)
def test_the_window_looks_as_it_did(name: str, desk: Desk, patches: Path, tmp_path: Path) -> None:
    desk.window.resize(WIDTH, HEIGHT)
    desk.app.processEvents()
    dialog = STATES[name](desk, patches)
    picture = reduced(seen(desk, dialog))
    if IS_MAKING:
        keep(name, picture)
        pytest.skip(f"made anew, to be looked at: {PICTURES / name}.png")
    found = tmp_path / f"{name}.png"
    Image.fromarray(picture).save(found)
    assert apart(picture, known(name)) <= TOLERANCE, f"look at {found}"


@pytest.mark.parametrize("name", CROPS)
def test_small_things_look_as_they_did(
    name: str, desk: Desk, patches: Path, tmp_path: Path
) -> None:
    desk.window.resize(WIDTH, HEIGHT)
    desk.app.processEvents()
    crop = CROPS[name]
    crop.show(desk, patches)
    desk.settled()
    desk.app.processEvents()
    picture = as_array(crop.part(desk))
    if IS_MAKING:
        keep(name, picture)
        pytest.skip(f"made anew, to be looked at: {PICTURES / name}.png")
    found = tmp_path / f"{name}.png"
    Image.fromarray(picture).save(found)
    assert picture.shape == known(name).shape, f"look at {found}"
    assert apart(picture, known(name), crop.block) <= TOLERANCE, f"look at {found}"


def test_the_ring_tells_whether_the_brush_subtracts() -> None:
    block = CROPS["ring"].block
    assert apart(known("ring"), known("ring-subtracts"), block) > TOLERANCE


def test_no_state_passes_for_another() -> None:
    """The tolerance tells any two of the pictures apart."""
    alike = {
        (one, other): apart(known(one), known(other))
        for one, other in combinations(STATES, 2)
        if apart(known(one), known(other)) <= TOLERANCE
    }
    assert alike == {}


def test_every_picture_is_of_a_state_and_small() -> None:
    files = sorted(PICTURES.iterdir())
    assert [path.name for path in files] == sorted(f"{name}.png" for name in (*STATES, *CROPS))
    assert max(path.stat().st_size for path in files) <= 25_000
