"""The window on a laptop's screen, and at other scales."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from desk import HEIGHT, WIDTH
from image_files import write_image
from scaled_window import SQUARE

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

SCRIPT = Path(__file__).with_name("scaled_window.py")


@pytest.fixture
def square(document: Path) -> Path:
    """The shot with a plate that is black but for a white square."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    picture[SQUARE.y : SQUARE.y + SQUARE.height, SQUARE.x : SQUARE.x + SQUARE.width] = 1
    for path in (document.parent / "plate").iterdir():
        write_image(path, picture)
    return document


@pytest.mark.parametrize(
    ("scale", "width", "height"), [(1.0, 1366, 768), (1.5, 1280, 720), (2.0, 1280, 720)]
)
def test_nothing_is_cut_off_small_or_out_of_place(
    square: Path, tmp_path: Path, scale: float, width: int, height: int
) -> None:
    picture = tmp_path / "window.png"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(square), str(width), str(height), str(picture)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": str(scale),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["scale"] == scale
    assert said["size"] == [width, height]
    assert said["cut"] == []
    assert said["small"] == []
    # a pixel of the screen that lies half on the square is either
    assert {where: apart for where, apart in said["off"].items() if apart > 1} == {}, picture
