"""The tool of points in a session: lines are set, pulled, lengthened, and found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from session_bench import set_points, working_on

from rde_roto.session.drawing.painting import Brush

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

CORNERS = [(10.0, 10.0), (50.0, 10.0), (50.0, 40.0), (10.0, 40.0)]


def test_polygon_lasso_and_fill(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.choose_tool("polygon")
        for point in [(10, 10), (50, 10), (50, 40), (10, 44)]:
            bench.stroke(point)
        bench.stroke((10, 44), (10, 40))  # moves the last point
        session.paint.confirm()
        whole = session.paint.pixels()
        assert whole.sum() == pytest.approx(1200, rel=0.02)
        session.paint.choose_tool("lasso")
        bench.stroke((20, 20), (30, 20), (30, 30), (20, 30), subtracts=True)
        assert session.paint.pixels()[25, 25] == 0
        session.paint.choose_tool("fill")
        bench.stroke((25, 25))
        np.testing.assert_allclose(session.paint.pixels(), whole, atol=0.01)
        for _ in range(3):
            session.undo()
        assert not session.draft.drawings


def test_a_point_is_pulled_after_the_line_was_drawn(document: Path) -> None:
    with working_on(document) as bench:
        session, sheet = bench.session, bench.session.paint
        set_points(bench, CORNERS)
        bench.stroke((50, 40), (60, 45), (70, 50))
        assert sheet.lines[0].points[2] == (70, 50)
        assert sheet.pixels()[42, 55] == 1
        set_points(bench, [(70, 5)])  # a line of one point is none
        assert len(sheet.lines) == 1
        session.undo()
        assert sheet.lines[0].points[2] == (50, 40)
        assert sheet.pixels()[42, 55] == 0


def test_shift_sets_a_point_on_the_line_and_alt_takes_one_away(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        set_points(bench, CORNERS)
        bench.stroke((30, 41), (30, 60), alternate=True)
        assert sheet.lines[0].points[3] == (30, 60)
        assert len(sheet.lines[0].points) == 5
        assert sheet.pixels()[44, 30] == 1
        bench.stroke((30, 60), subtracts=True)
        assert list(sheet.lines[0].points) == CORNERS
        bench.stroke((10, 10), subtracts=True)
        bench.stroke((50, 10), subtracts=True)  # what is left is no line any more
        assert sheet.lines == []
        assert not sheet.pixels().any()


def test_shift_moves_a_whole_line_from_within(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        set_points(bench, CORNERS)
        bench.stroke((30, 25), (36, 30), (40, 35), alternate=True)
        assert list(sheet.lines[0].points) == [(x + 10, y + 10) for x, y in CORNERS]


def test_a_drawn_line_becomes_a_curve_and_straight_again(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        set_points(bench, CORNERS)
        straight = sheet.pixels()
        sheet.toggle_smooth()
        assert sheet.lines[0].handles
        assert sheet.pixels().sum() > straight.sum()
        sheet.toggle_smooth()
        np.testing.assert_array_equal(sheet.pixels(), straight)


def test_lines_are_drawn_on_what_was_tracked_and_painted_over(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        sheet.brush = Brush(6, 1.0)
        bench.stroke((65, 20), (75, 20))
        set_points(bench, CORNERS)
        sheet.choose_tool("eraser")
        bench.stroke((30, 25))
        assert len(sheet.lines) == 1
        sheet.choose_tool("polygon")
        bench.stroke((50, 40), (60, 47))
        found = sheet.pixels()
        assert (found[20, 70], found[25, 30], found[42, 50]) == (1, 0, 1)


def test_lines_can_still_be_pulled_the_next_day(document: Path) -> None:
    with working_on(document) as bench:
        bench.session.paint.brush = Brush(6, 1.0)
        bench.stroke((65, 42), (72, 42))
        set_points(bench, CORNERS)
        set_points(bench, [(20, 20), (30, 20), (30, 30), (20, 30)], subtracts=True)
        pixels = bench.session.paint.pixels()
    with working_on(document) as bench:
        sheet = bench.session.paint
        np.testing.assert_array_equal(sheet.pixels(), pixels)
        assert [line.subtracts for line in sheet.lines] == [False, True]
        sheet.choose_tool("polygon")
        bench.stroke((50, 40), (70, 46))  # over the paint of the day before
        bench.stroke((70, 46), (50, 40))
        np.testing.assert_allclose(sheet.pixels(), pixels, atol=1e-5)


def test_escape_lets_go_of_a_point(document: Path) -> None:
    with working_on(document) as bench:
        session, sheet = bench.session, bench.session.paint
        set_points(bench, CORNERS)
        before = sheet.pixels()
        bench.stroke((50, 40))
        np.testing.assert_array_equal(sheet.pixels(), before)
        assert session.editor.undo_label == "polygon"


def test_a_feather_is_pulled_out_of_a_point_and_taken_away(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        set_points(bench, CORNERS)
        assert len(sheet.tool.traces(sheet)) == 1
        bench.stroke((50, 40), (54, 44), (62, 52), alternate=True)
        width = np.hypot(12, 12)
        assert sheet.lines[0].feather[2] == pytest.approx((width, width), abs=0.1)
        assert 0 < sheet.pixels()[40, 52] < 0.5
        assert 0.5 < sheet.pixels()[38, 48] < 1
        inner, outer, line = sheet.tool.traces(sheet)
        assert inner.is_faint
        assert outer.is_faint
        assert len(line.handles) == 4
        assert outer.handles[0] == pytest.approx((62, 52), abs=0.1)
        assert inner.handles[0] == pytest.approx((38, 28), abs=0.1)
        bench.stroke((62, 52), (66, 56))  # an end is pulled on alone, without a key
        wider = np.hypot(16, 16)
        assert sheet.lines[0].feather[2] == pytest.approx((width, wider), abs=0.1)
        bench.stroke((66, 56), subtracts=True)
        assert sheet.lines[0].feather == ()
        assert sheet.pixels()[40, 52] == 0
        for label in ["delete feather", "feather", "feather", "polygon"]:
            assert bench.session.editor.undo_label == label
            bench.session.undo()
        assert sheet.lines == []
