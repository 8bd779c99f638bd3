"""A fixture that must be that of this folder: `viewer_fixtures` have another one of its name, and
plugins are shared by all modules that run together.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import HEIGHT, WIDTH
from image_files import ramp, write_image


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Thirty frames, nothing drawn; what people wrote in it has comments."""
    from session_bench import FRAMES  # not everything here can import a session

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
