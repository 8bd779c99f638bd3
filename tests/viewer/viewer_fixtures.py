"""Fixtures of the window's tests: a plugin. No screen is needed: Qt draws into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import FRAMES, HEIGHT, WIDTH, Desk, desk_over_toys
from image_files import ramp, write_image
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.style import dress


@pytest.fixture(scope="session")
def app() -> QApplication:
    """The one application of a process."""
    app = QApplication.instance() or QApplication(["rde-roto"])
    assert isinstance(app, QApplication)
    dress(app)
    return app


@pytest.fixture
def window_document(home: Path, tmp_path: Path) -> Path:
    """A shot of twelve frames, of which none is drawn."""
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        write_image(tmp_path / f"plate/hero.{frame}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    path = tmp_path / "hero.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\nplate: {path: plate/hero.####.exr}\n"
        "elements:\n  - {id: hero}\noverrides: {tracking.lines: 96}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def desk(app: QApplication, home: Path) -> Iterator[Desk]:
    """A window over the toy, with nothing open and nothing remembered."""
    # Qt looks up where settings are only once in a process
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(home / "qt"))
    with desk_over_toys(app) as desk:
        yield desk
