"""Fixtures of the window's tests: a plugin. No screen is needed: Qt draws into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import FRAMES, HEIGHT, WIDTH, Desk, shown
from image_files import ramp, write_image
from PySide6.QtWidgets import QApplication
from session_bench import Toys

from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.session.live import Backend


@pytest.fixture(scope="session")
def app() -> QApplication:
    """The one application of a process."""
    app = QApplication.instance() or QApplication(["rde-roto"])
    assert isinstance(app, QApplication)
    dress(app)
    return app


@pytest.fixture
def document(home: Path, tmp_path: Path) -> Path:
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
    """A window over the toy, with nothing open."""
    toys = Toys()
    with Engine(neighbours=0) as engine:
        window = MainWindow(lambda _opened: Backend(engine, toys.make, lambda _said: {}))
        shown(window)
        try:
            yield Desk(app, window, toys)
        finally:
            window.close()
            app.processEvents()
