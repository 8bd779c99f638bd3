"""Files that could mean several things: the window asks, where the command line wants an option."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from desk import HEIGHT, WIDTH, Desk
from image_files import ramp, write_image
from PIL import Image
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from rde_roto.doors.viewer import user_settings

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


@pytest.fixture
def grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A grey picture of the values 1, 2 and 3, which the file dialog returns."""
    path = tmp_path / "grey.png"
    Image.fromarray(
        np.repeat(np.arange(4, dtype=np.uint8), WIDTH // 4)[None].repeat(HEIGHT, 0)
    ).save(path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    return path


@pytest.mark.parametrize(
    ("button", "drawn"),
    [("Labels", ["hero", "element2", "element3"]), ("A matte", ["hero"]), ("Cancel", [])],
)
def test_the_window_asks_whether_faint_grey_is_labels(
    desk: Desk, document: Path, grey: Path, button: str, drawn: list[str]
) -> None:
    """It refused them, and named an option of the command line."""
    desk.open(document)
    asked = []

    def answer(dialog: QMessageBox) -> None:
        asked.append(dialog.text())
        (chosen,) = (one for one in dialog.buttons() if one.text().replace("&", "") == button)
        chosen.click()

    with desk.answering(answer):
        desk.key("Ctrl+I")
        desk.until(lambda: bool(asked))  # a thread reads the file first
    desk.until(lambda: not desk.session.paint.notice)
    (text,) = asked
    assert text.startswith(f"No pixel of the mask {grey} is above 3 of 255: read it as labels")
    assert "--" not in text
    drawing = desk.session.draft.drawings.get(1001, {})
    assert list(drawing) == drawn
    assert all(plane.pixels.any() for plane in drawing.values())


def test_the_window_asks_for_the_layer_of_a_plate_with_several(desk: Desk, tmp_path: Path) -> None:
    """Only the command line could open it."""
    names = tuple(f"{layer}.{channel}" for layer in ("AO", "Emit") for channel in "RGB")
    both = np.concatenate([ramp(HEIGHT, WIDTH, seed=1) * 0, ramp(HEIGHT, WIDTH, seed=1)], axis=2)
    path = write_image(tmp_path / "beauty.1001.exr", both, channels=names)

    def answer(dialog: QInputDialog) -> None:
        assert dialog.comboBoxItems() == ["AO", "Emit"]
        dialog.setTextValue("Emit")
        dialog.accept()

    with desk.answering(answer):
        assert desk.window.open(str(path))
    assert "layer Emit" in desk.session.editor.opened.parts.source.reading
    recent = user_settings.recently_opened()[0]
    desk.window.close()
    assert desk.window.open(recent)  # without a question
    assert "layer Emit" in desk.session.editor.opened.parts.source.reading
    with desk.answering(QInputDialog.reject):
        assert not desk.window.open(str(path))
