"""Smart select in a session: clicks, lines of clicks and boxes, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import closing_process
import numpy as np
import pytest
from session_bench import DISC_PX, Bench, ToySelector, paint, working_on

from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.tools import PenEvent

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

DISC = np.pi * DISC_PX**2


def selecting(bench: Bench) -> ToySelector:
    """Smart select is chosen; what selects."""
    bench.session.paint.choose_tool("smart")
    selector = bench.session.paint.selecting._selector
    assert isinstance(selector, ToySelector)
    return selector


def click(bench: Bench, x: float, y: float, *, subtracts: bool = False) -> None:
    bench.stroke((x, y), (x + 1, y), subtracts=subtracts)  # a hand is never still


def settled(bench: Bench) -> None:
    bench.until(lambda: not bench.session.paint.selecting.is_busy)


def test_the_left_button_adds_and_the_right_one_takes_away(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        click(bench, 30, 24)
        assert bench.session.paint.notice == "selecting…"
        settled(bench)
        assert bench.session.paint.notice == ""
        assert bench.session.paint.pixels().sum() == pytest.approx(DISC, rel=0.03)
        click(bench, 40, 24, subtracts=True)
        settled(bench)
        left = bench.session.paint.pixels()
        assert (left[24, 25], left[24, 35]) == (1, 0)
        assert [hints.adds for hints in selector.noted] == [True, False]
        assert selector.noted[1].earlier == selector.noted[0].clicks
        bench.session.undo()
        assert bench.session.paint.pixels()[24, 35] == 1


def test_smart_select_looks_at_a_frame_before_it_is_clicked(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        bench.until(lambda: selector.looked_at == [1001])
        click(bench, 30, 24)
        settled(bench)
        assert bench.session.paint.pixels().sum() == pytest.approx(DISC, rel=0.03)
        bench.session.paint.hover()  # it knows this frame
        bench.session.go_to(1003)
        bench.session.paint.hover()
        bench.until(lambda: len(selector.looked_at) > 1)
        assert selector.looked_at == [1001, 1003]


def test_clicks_wait_for_each_other_and_none_is_lost(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        for x in (20, 36, 52):
            click(bench, x, 24)
        settled(bench)
        found = bench.session.paint.pixels()
        assert [found[24, x] for x in (20, 36, 52, 75)] == [1, 1, 1, 0]
        assert [len(hints.earlier) for hints in selector.noted] == [0, 1, 2]


def test_undo_brings_the_clicks_of_before_back(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        for x in (20, 36):
            click(bench, x, 24)
            settled(bench)
        bench.session.undo()
        click(bench, 60, 24)
        settled(bench)
        assert [c.point[0] for c in selector.noted[-1].earlier] == [20]
        bench.session.paint.choose_tool("brush")
        bench.session.paint.brush = Brush(3, 1.0)
        bench.stroke((10, 10), (14, 10))
        selecting(bench)
        click(bench, 40, 40)
        settled(bench)
        assert selector.noted[-1].earlier == ()  # painted: the clicks no longer explain it
        assert bench.session.paint.pixels()[10, 12] == 1


def test_a_drag_is_a_box_and_with_shift_a_line_of_clicks(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        bench.stroke((10, 10), (20, 15), (40, 30))
        settled(bench)
        assert bench.session.paint.pixels().sum() == 30 * 20
        bench.stroke((50, 20), (60, 20), (80, 20), alternate=True)
        bench.stroke((10, 30), (40, 30), subtracts=True)
        settled(bench)
        more, less = selector.noted[1:]
        assert [c.point[0] for c in more.clicks] == pytest.approx(np.linspace(50, 80, 8))
        assert (more.adds, less.adds, len(less.clicks)) == (True, False, 8)
        assert more.earlier == ()
        assert less.earlier == more.clicks


def test_what_is_painted_while_it_selects_stays(document: Path) -> None:
    with working_on(document) as bench:
        selecting(bench)
        click(bench, 30, 24)
        bench.session.paint.choose_tool("brush")
        bench.session.paint.brush = Brush(3, 1.0)
        bench.stroke((70, 40), (74, 40))
        settled(bench)
        found = bench.session.paint.pixels()
        assert (found[40, 72], found[24, 30]) == (1, 1)


def test_escape_and_undo_drop_what_is_being_selected(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        selecting(bench)
        click(bench, 30, 24)
        click(bench, 60, 24)
        session.escape()
        assert session.paint.notice == ""
        bench.done_with("rde-roto-aside")
        assert not session.draft.drawings
        click(bench, 30, 24)
        settled(bench)
        click(bench, 60, 24)
        session.undo()
        bench.done_with("rde-roto-aside")
        assert not session.draft.drawings


def test_another_frame_may_be_shown_meanwhile(document: Path) -> None:
    with working_on(document) as bench:
        selecting(bench)
        click(bench, 30, 24)
        click(bench, 60, 24)
        bench.session.go_to(1005)
        settled(bench)
        assert list(bench.session.draft.drawings) == [1001]
        bench.session.go_to(1001)
        found = bench.session.paint.pixels()
        assert (found[24, 30], found[24, 60]) == (1, 1)


def test_a_click_on_a_frame_that_is_not_tracked_waits_for_its_matte(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.go_to(1012)
        selector = selecting(bench)
        bench.session.paint.press(PenEvent((10.0, 10.0)))
        bench.session.paint.release(PenEvent((10.0, 10.0)))
        assert bench.session.paint.start.awaited == 1012
        assert selector.noted == []


def test_a_click_that_changes_nothing_says_so(document: Path) -> None:
    with working_on(document) as bench:
        selector = selecting(bench)
        selector.finds_nothing = True
        click(bench, 30, 24)
        settled(bench)
        assert bench.log.sentences[-1] == "there is nothing to change here"
        assert not bench.session.draft.drawings


def test_a_keyframe_that_is_deleted_while_it_selects_does_not_come_back(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1005)
        paint(bench, 1001)
        selecting(bench)
        click(bench, 60, 24)
        click(bench, 80, 24)
        bench.session.paint.clear_frame()
        settled(bench)
        bench.done_with("rde-roto-aside")
        assert list(bench.session.draft.drawings) == [1005]


def test_the_others_that_are_deleted_while_one_is_selected_do_not_come_back(
    document: Path,
) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        paint(bench, 1005)
        selecting(bench)
        click(bench, 60, 24)
        bench.session.go_to(1001)
        bench.session.clear_bounds()
        bench.done_with("rde-roto-aside")
        assert list(bench.session.draft.drawings) == [1001]
        assert "smart select" not in bench.log.sentences


def test_a_selection_on_a_frame_that_is_locked_meanwhile_is_dropped_and_told(
    document: Path,
) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.named()
        selecting(bench)
        click(bench, 60, 24)
        bench.session.paint.selecting.hold()  # so that the lock comes first
        bench.session.toggle_lock()
        bench.until(lambda: bool(bench.session.draft.locks))
        drawn = bench.session.draft.drawings
        bench.session.paint.selecting.go_on()
        settled(bench)
        assert bench.log.sentences[-1] == "smart select is dropped: frame 1001 is locked now"
        assert bench.session.draft.drawings is drawn


def test_a_stroke_that_is_under_way_and_a_selection_both_stay(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        selecting(bench)
        click(bench, 30, 24)
        sheet.choose_tool("brush")
        sheet.brush = Brush(3, 1.0)
        sheet.press(PenEvent((10.0, 10.0)))
        sheet.drag(PenEvent((70.0, 40.0)))
        bench.done_with("rde-roto-aside")  # the selection has come, and waits
        assert sheet.notice == "selecting…"
        sheet.release(PenEvent((70.0, 40.0)))
        settled(bench)
        found = sheet.pixels()
        assert (found[40, 70], found[24, 22]) == (1, 1)
        bench.session.undo()
        assert (sheet.pixels()[40, 70], sheet.pixels()[24, 22]) == (1, 0)


def test_escape_drops_the_stroke_and_draws_the_selection(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        selecting(bench)
        click(bench, 30, 24)
        sheet.choose_tool("brush")
        sheet.press(PenEvent((70.0, 40.0)))
        bench.done_with("rde-roto-aside")
        bench.session.escape()
        settled(bench)
        assert (sheet.pixels()[40, 70], sheet.pixels()[24, 30]) == (0, 1)


def test_undo_during_a_stroke_drops_what_was_selected_meanwhile(document: Path) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        paint(bench, 1001)
        selecting(bench)
        click(bench, 60, 24)
        sheet.choose_tool("brush")
        sheet.press(PenEvent((70.0, 40.0)))
        bench.done_with("rde-roto-aside")
        bench.session.undo()
        settled(bench)
        assert not bench.session.draft.drawings
        bench.session.redo()
        assert sheet.pixels()[24, 60] < 1


def test_a_program_that_ends_while_it_selects_is_not_killed(document: Path) -> None:
    """What the network computes on a thread cannot be cut off: that aborts the process."""
    script = Path(closing_process.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(document)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(script.parents[1]), *sys.path])},
    )
    assert (done.returncode, done.stdout.split()) == (0, ["closed", "selected"]), done.stderr
