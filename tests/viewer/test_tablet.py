"""A pen that presses, and its other end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from desk import Desk
from PySide6.QtCore import QEvent, QPointF
from tablet import ERASER, Tablet

from rde_roto.session.drawing.painting import Brush

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

RADIUS = 12.0


@pytest.fixture
def tablet_desk(desk: Desk, document: Path) -> Desk:
    """The desk, with a hard brush."""
    desk.open(document)
    desk.session.paint.set_brush(Brush(RADIUS, 1.0))
    return desk


def width_at(desk: Desk, x: int) -> float:
    """How wide what is drawn is in a column, in plate pixels."""
    return float(desk.session.paint.pixels()[:, x].sum())


@pytest.mark.parametrize("pressure", [0.25, 0.5, 1.0])
def test_a_stroke_is_as_wide_as_the_pen_presses(tablet_desk: Desk, pressure: float) -> None:
    Tablet(tablet_desk).stroke([(30, 45), (80, 45), (130, 45)], pressure)
    # an edge fades over a pixel
    assert width_at(tablet_desk, 80) == pytest.approx(2 * RADIUS * pressure, abs=1)


def test_a_stroke_follows_the_pressure_as_it_goes(tablet_desk: Desk) -> None:
    tablet = Tablet(tablet_desk)
    tablet.send(QEvent.Type.TabletPress, (30, 45), 0.25)
    tablet.send(QEvent.Type.TabletMove, (60, 45), 0.25)
    tablet.send(QEvent.Type.TabletMove, (90, 45), 0.5)
    tablet.send(QEvent.Type.TabletMove, (120, 45), 1.0)
    tablet.send(QEvent.Type.TabletRelease, (120, 45), 0.0)
    found = [width_at(tablet_desk, x) for x in (40, 75, 105)]
    assert found == pytest.approx([6, 12, 24], abs=1)


def test_lifting_the_pen_leaves_no_dot(tablet_desk: Desk) -> None:
    """The last event of a stroke comes without pressure."""
    Tablet(tablet_desk).stroke([(30, 45), (80, 45)], 0.5)
    drawn = tablet_desk.session.paint.pixels()
    assert not drawn[:, 88:].any()  # a brush of half the radius ends at 86, and fades over a pixel
    assert list(tablet_desk.session.draft.drawings) == [1001]


def test_the_other_end_takes_away(tablet_desk: Desk) -> None:
    Tablet(tablet_desk).stroke([(30, 45), (130, 45)], 1.0)
    Tablet(tablet_desk, ERASER).stroke([(80, 45), (82, 45)], 0.5)
    drawn = tablet_desk.session.paint.pixels()
    np.testing.assert_array_equal(drawn[42:48, 78:84], 0)
    assert drawn[45, 60] == drawn[45, 100] == drawn[55, 80] == 1
    tablet_desk.key("Ctrl+Z")
    assert tablet_desk.session.paint.pixels()[45, 80] == 1


def test_a_pen_on_the_line_of_the_wipe_is_the_mouse(tablet_desk: Desk) -> None:
    canvas, tablet = tablet_desk.window.canvas, Tablet(tablet_desk)
    canvas.scene.wipe = 0.5
    line = canvas.to_plate(QPointF(canvas.width() / 2, 0)).x()
    assert not tablet.send(QEvent.Type.TabletPress, (line, 45), 0.8)
    assert not tablet.send(QEvent.Type.TabletMove, (line + 20, 45), 0.8)
    assert tablet.send(QEvent.Type.TabletPress, (line + 20, 45), 0.8)


def test_a_touch_that_leaves_a_text_editor_draws_nothing(tablet_desk: Desk) -> None:
    tablet_desk.key("Ctrl+G")
    Tablet(tablet_desk).stroke([(30, 45), (80, 45)], 0.5)
    assert not tablet_desk.session.draft.drawings
    assert tablet_desk.window.canvas.hasFocus()
    Tablet(tablet_desk).stroke([(30, 45), (80, 45)], 0.5)
    assert tablet_desk.session.draft.drawings
