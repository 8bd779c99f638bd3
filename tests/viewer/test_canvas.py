"""The picture on screens of any scale: drawn at their own pixels, the same in parts as whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from desk import FRAMES, Desk
from image_files import write_image
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QRegion

from rde_roto.doors.viewer.scene import MatteMode
from rde_roto.session.pictures.display_pixels import matte_pixels
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.matte import FloatArray

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

BOX = (slice(30, 60), slice(40, 81))
"""Rows and columns of the element, which is white on black, in a plate of 90 x 160."""


@pytest.fixture
def boxed(desk: Desk, document: Path, tmp_path: Path) -> Desk:
    """A plate of a white box on black, and a mask of the same box, hard."""
    inside = np.zeros((90, 160, 1), np.float32)
    inside[BOX] = 1
    for frame in FRAMES:
        write_image(document.parent / f"plate/hero.{frame}.exr", inside.repeat(3, axis=2))
    desk.open(document)
    desk.import_file(write_image(tmp_path / "mask.png", inside, "uint16"))
    desk.window.canvas.scene.opacity = 1.0
    desk.settled()
    scale = float(os.environ.get("QT_SCALE_FACTOR", "1"))
    assert desk.window.canvas.devicePixelRatioF() == scale
    return desk


def drawn(desk: Desk, part: QRect | None = None) -> Bytes:
    """The canvas, or a part of it, in pixels of the screen, [H, W, 3] RGB."""
    canvas = desk.window.canvas
    area, ratio = part or canvas.rect(), canvas.devicePixelRatioF()
    image = QImage(area.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    canvas.render(image, QPoint(0, 0), QRegion(area))
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
    pixels: Bytes = rows[:, : image.width(), 2::-1].copy()
    return pixels


def bright(desk: Desk) -> NDArray[np.bool_]:
    """Where the canvas is white, or the plate's white as the network's view has it."""
    return np.asarray((drawn(desk) > 200).all(axis=2))


def corner_mask() -> FloatArray:
    """The top left of the plate."""
    inside = np.zeros((90, 160), np.float32)
    inside[:30, :30] = 1
    return inside


def shown_as(desk: Desk, mode: MatteMode) -> None:
    desk.window.canvas.scene.mode = mode
    desk.window.view_changed()


@pytest.mark.parametrize("zoom", [1.0, 1.73, 3.0])
def test_mattes_lie_on_the_plate_to_the_screens_pixel(boxed: Desk, zoom: float) -> None:
    """``zoom`` is in pixels of the screen for one of the plate."""
    boxed.window.canvas.zoom_to(zoom / boxed.window.canvas.devicePixelRatioF())
    shown_as(boxed, MatteMode.OFF)
    white = bright(boxed)
    rows, columns = np.nonzero(white)
    # each edge falls on the nearest pixel of the screen
    assert columns.max() + 1 - columns.min() == pytest.approx(41 * zoom, abs=1)
    assert rows.max() + 1 - rows.min() == pytest.approx(30 * zoom, abs=1)
    shown_as(boxed, MatteMode.OVERLAY)
    tinted = (drawn(boxed) == (255, 77, 77)).all(axis=2)
    np.testing.assert_array_equal(tinted, white)
    boxed.key("A")
    np.testing.assert_array_equal(bright(boxed), white)
    boxed.key("A")
    shown_as(boxed, MatteMode.BLACK)
    np.testing.assert_array_equal(bright(boxed), white)


@pytest.mark.parametrize("zoom", [0.8, 1.1, 2.37, 4.0])
@pytest.mark.parametrize("mode", [MatteMode.OVERLAY, MatteMode.OUTLINE])
def test_a_part_is_drawn_as_the_whole_is(boxed: Desk, zoom: float, mode: MatteMode) -> None:
    """A stroke has only its own box drawn anew: its border must not be seen."""
    canvas = boxed.window.canvas
    canvas.zoom_to(zoom)
    shown_as(boxed, mode)
    whole, ratio = drawn(boxed), canvas.devicePixelRatioF()
    corner = canvas.from_plate(60, 40).toPoint()
    # whole pixels of a screen of one and a half begin at even places
    part = QRect(corner.x() // 2 * 2, corner.y() // 2 * 2, 62, 48)
    x, y, width, height = (
        round(side * ratio) for side in (part.x(), part.y(), part.width(), part.height())
    )
    np.testing.assert_allclose(
        drawn(boxed, part).astype(int),
        whole[y : y + height, x : x + width],
        atol=1,  # of 255: rounding
    )


@pytest.mark.parametrize("zoom", [0.6, 1.5, 2.37])
def test_nothing_comes_round_at_the_edges_of_the_plate(boxed: Desk, zoom: float) -> None:
    """The box touches the left edge and the top, and is not seen at the right or below."""
    canvas = boxed.window.canvas
    boxed.session.paint.commit(None, corner_mask(), "test")
    codes, shown = matte_pixels(corner_mask()), boxed.session.shown  # which a thread converts
    boxed.until(lambda: np.array_equal(shown.codes(boxed.session.element), codes))  # type: ignore[arg-type]
    canvas.zoom_to(zoom)
    boxed.key("A")
    middle = canvas.from_plate(80, 45) * canvas.devicePixelRatioF()
    white = bright(boxed)
    assert white.any()
    assert not white[:, int(middle.x()) :].any()
    assert not white[int(middle.y()) :].any()


def test_an_error_while_drawing_does_not_keep_the_painter(boxed: Desk) -> None:
    """A traceback holds what the handler held, and Qt crashes where a painter is still at work."""
    boxed.window.canvas.scene.opacity = float("nan")
    with pytest.raises(Exception, match="cannot convert float NaN") as kept:
        drawn(boxed)
    assert kept.traceback
    assert not boxed.window.canvas.paintingActive()
    boxed.window.canvas.scene.opacity = 1.0
    assert (drawn(boxed) == (255, 77, 77)).all(axis=2).any()


@pytest.mark.parametrize("scale", ["1.5", "2"])
def test_it_is_so_on_screens_of_other_scales(scale: str) -> None:
    if "QT_SCALE_FACTOR" in os.environ:
        pytest.skip("this is such a screen")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "QT_SCALE_FACTOR": scale},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
