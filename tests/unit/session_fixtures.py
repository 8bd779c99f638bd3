"""Shots to work on in a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import HEIGHT, WIDTH
from image_files import ramp, write_image
from seeing_tracker import write_shot
from session_bench import FRAMES


@pytest.fixture
def moving_body(tmp_path: Path) -> Path:
    """A body that moves, of which nothing is drawn."""
    return write_shot(tmp_path)


@pytest.fixture
def session_document(tmp_path: Path) -> Path:
    """Thirty frames, nothing drawn; what people wrote in it has comments."""
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        write_image(tmp_path / f"plate/hero.{frame}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    path = tmp_path / "hero.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\n# the plate of the second unit\n"
        "plate: {path: plate/hero.####.exr}\nelements:\n  - {id: hero}\n"
        "overrides: {tracking.lines: 96}\n",
        encoding="utf-8",
    )
    return path
