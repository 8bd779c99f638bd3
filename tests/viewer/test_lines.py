"""Lines in the window, by mouse: feathered, refined, and told apart where they are carried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from desk import Desk
from moving_shapes import iou
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from rde_roto.doors.viewer.exporting import export_shapes
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.shapes import draw_shapes, read_shapes
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

CORNERS = [(40, 20), (100, 20), (100, 60), (40, 60)]
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def squared(desk: Desk, document: Path) -> Desk:
    """A polygon, drawn by mouse."""
    desk.open(document)
    desk.key("3")
    for point in CORNERS:
        desk.click(*point)
    desk.key("Return")
    assert len(desk.session.paint.lines) == 1
    return desk


def test_a_feather_is_dragged_out_of_a_point(squared: Desk) -> None:
    sheet = squared.session.paint
    hard = squared.colour(104, 40)
    squared.drag((100, 60), (106, 66), (110, 70), keys=SHIFT)
    squared.drag((100, 20), (106, 14), (110, 10), keys=SHIFT)
    widths = sheet.lines[0].widths
    # the mouse is at whole pixels of the screen, of which the plate's has four
    width = np.hypot(10, 10)
    expected = [(0, 0), (width, width), (width, width), (0, 0)]
    np.testing.assert_allclose(widths, expected, atol=0.5)
    assert 0.2 < sheet.pixels()[40, 104] < 0.5
    assert squared.colour(104, 40) != hard
    squared.key("Ctrl+Z")
    squared.key("Ctrl+Z")
    assert sheet.lines[0].feather == ()
    assert squared.colour(104, 40) == hard


def test_an_edge_is_refined_with_the_brush_of_key_7(squared: Desk) -> None:
    sheet = squared.session.paint
    before = sheet.pixels()
    squared.key("7")
    sheet.set_brush(Brush(12, 0.5))
    squared.drag((100, 30), (100, 40), (100, 50))
    squared.until(lambda: squared.session.editor.undo_label == "refine edge")
    changed = np.nonzero(sheet.pixels() != before)
    assert len(changed[0])
    assert changed[1].min() >= 100 - 14  # under the brush alone
    assert changed[1].max() <= 100 + 14


def test_a_matte_becomes_lines_with_handles_and_shapes_to_export(
    squared: Desk, tmp_path: Path
) -> None:
    session = squared.session
    squared.key("Shift+S")
    squared.until(lambda: session.editor.undo_label == "lines from the matte")
    (line,) = session.paint.lines
    assert 4 <= len(line.handles) <= 12
    point = int(np.hypot(*(np.array(line.points) - (100, 60)).T).argmin())
    squared.click(*line.points[point])
    assert session.paint.tool.traces(session.paint)[-1].is_handle
    squared.key("P")
    squared.settled()
    node = session.live.node
    assert node is not None
    told: list[str] = []
    path = tmp_path / "squared.json"
    with pytest.raises(UsageError, match="shapes are written as"):
        export_shapes(session, node, tmp_path / "squared.fxs", told.append)
    export_shapes(session, node, path, told.append)
    squared.until(lambda: bool(told))
    assert f": wrote {path}" in told[0]
    shapes = read_shapes(path)
    drawn = draw_shapes(shapes, session.frame)[0]
    assert iou(drawn, session.paint.pixels()) > 0.97
    (shape,) = shapes.there(session.draft.elements[0].name, session.frame)
    # the points are those of the line, to what a document rounds to
    kept = shape.at(session.frame)[0][:, 1]
    away = np.hypot(*np.moveaxis(np.array(line.points)[:, None] - kept, -1, 0)).min(axis=1)
    assert away.max() < 2e-3


def test_a_carried_line_has_hollow_handles_until_it_is_edited(squared: Desk) -> None:
    session = squared.session
    squared.key("P")
    squared.settled()
    session.go_to(1002)
    squared.until(lambda: session.navigation.picture() is not None and bool(session.paint.lines))
    traces = session.paint.tool.traces(session.paint)
    assert [trace.is_carried for trace in traces] == [True]
    (x, y), *_ = session.paint.lines[0].points
    middle = squared.colour(x, y)
    assert max(middle) < 40  # black in the middle of the white handle
    squared.drag((x, y), (x - 4, y - 3))
    squared.settled()
    assert session.state(1002) is FrameState.KEYFRAME
    (line,) = session.paint.lines
    assert line.points[0] == pytest.approx((x - 4, y - 3), abs=0.3)
    assert min(squared.colour(*line.points[0])) > 215
    squared.key("Ctrl+Z")
    assert session.state(1002) is not FrameState.KEYFRAME


def test_the_plate_does_not_play_on_while_one_chooses_what_to_import(
    desk: Desk, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go to another frame than the one that was shown."""
    desk.open(document)
    playing: list[bool] = []

    def choose(*_: object) -> tuple[str, str]:
        playing.append(desk.window.canvas.scene.is_hasty)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    desk.key("Space")
    assert desk.window.canvas.scene.is_hasty
    desk.key("Ctrl+I")
    assert playing == [False]
