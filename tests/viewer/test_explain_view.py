"""The explanation of a frame beside its picture, with a real tracker of random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from desk import Desk, shown
from PySide6.QtWidgets import QApplication, QLabel
from session_bench import Toys, ToySelector

from rde_roto.doors.viewer.window import MainWindow
from rde_roto.engine import Engine
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.session.mattes.backend import Backend
from rde_roto.stores import Stores
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


@pytest.fixture
def tracking_desk(app: QApplication, home: Path, document: Path, toy: RDENet) -> Iterator[Desk]:
    """A window whose mattes are made by RDE-VOS, a small one, with the shot open."""
    stores, forms = Stores.in_ram(), InferenceForms(toy)

    def make(shot: Shot, preset: Preset, _learned: Path | None = None) -> RotoNode:
        load = lambda tracking: RDETracker(forms, tracking, torch.device("cpu"))  # noqa: E731
        return RotoNode(shot, preset, load, stores)

    with Engine(neighbours=0) as engine:
        window = MainWindow(lambda _opened: Backend(engine, make, lambda _said: {}, ToySelector))
        shown(window)
        desk = Desk(app, window, Toys())
        desk.open(document)
        yield desk
        window.close()


def test_a_frame_is_explained_beside_its_picture(tracking_desk: Desk) -> None:
    desk, view = tracking_desk, tracking_desk.window.explanation
    desk.drag((40, 40), (80, 40))
    desk.key("P")
    desk.settled()
    assert view.isHidden()
    desk.key("Ctrl+H")
    assert view.isVisible()
    desk.until(lambda: "is a keyframe" in view.text)
    desk.key("Right")
    assert "explaining frame 1002" in view.text
    desk.until(lambda: "hero reads" in view.text)
    assert "keyframe 1001" in view.text
    pictures = [one for one in view.findChildren(QLabel) if not one.pixmap().isNull()]
    assert len(pictures) == 2
    desk.until(lambda: bool(desk.session.quality.drift("hero")))  # measured in passing
    desk.key("Ctrl+H")
    assert view.isHidden()


def test_what_is_not_tracked_is_not_tracked_to_explain_it(tracking_desk: Desk) -> None:
    desk, view = tracking_desk, tracking_desk.window.explanation
    desk.drag((40, 40), (80, 40))
    desk.settled()
    desk.session.go_to(1005)
    desk.key("Ctrl+H")
    desk.until(lambda: "propagate first" in view.text)
    assert desk.session.live.remaining == 0
    desk.key("P")
    desk.settled()
    desk.until(lambda: "hero reads" in view.text)
