"""Lines that follow: carried between keyframes, and drawn where somebody edits them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from seeing_tracker import FIRST, LAST, SeeingToys, body, corners, write_shot
from session_bench import Bench, working_on

from rde_roto.session.document.frame_states import FORWARD, FrameState
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.planes import Plane
from rde_roto.shapes.carrying import Carrier
from rde_roto.values.plate import Window

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

CELL_PX = 200 / 96
"""Of the tracked mattes, in pixels of the plate."""


@pytest.mark.parametrize("crop", [False, True])
def test_the_part_of_the_plate_that_is_tracked_does_not_matter(tmp_path: Path, crop: bool) -> None:
    with working_on(write_shot(tmp_path, crop), SeeingToys()) as bench:
        draw_curve(bench, FIRST)
        tracked_from_first(bench)
        (line,) = lines_at(bench, 1008)
        assert off_px(line, 1008).mean() <= CELL_PX / 2


def draw_curve(bench: Bench, frame: int) -> None:
    """Draws the body at a frame, as a curve with a soft point."""
    sheet = bench.session.paint
    sheet.choose_tool("polygon")
    sheet.draw_line(
        Line(tuple(corners(frame)), feather=((2.0, 2.0), *[(0.0, 0.0)] * 24)).curved(), "curve"
    )


def tracked(bench: Bench) -> None:
    bench.session.propagate(FORWARD)
    bench.propagated()


def lines_at(bench: Bench, frame: int) -> list[Line]:
    """The lines at a frame, when they have come."""
    bench.session.go_to(frame)
    bench.until(lambda: bool(bench.session.paint.lines))
    return bench.session.paint.lines


def off_px(line: Line, frame: int) -> np.ndarray:
    """How far its points are from where the body's are, [P]."""
    away: np.ndarray = np.hypot(*(np.array(line.points) - corners(frame)).T)
    return away


def test_a_line_follows_the_body_and_is_stored_on_its_keyframe_alone(moving_body: Path) -> None:
    toys = SeeingToys()
    with working_on(moving_body, toys) as bench:
        draw_curve(bench, FIRST)
        drawn = bench.session.paint.lines
        bench.session.go_to(LAST)
        bench.named()
        assert bench.session.paint.lines == []  # nothing is tracked yet
        tracked_from_first(bench)
        (line,) = lines_at(bench, LAST)
        assert bench.session.paint.are_carried
        assert line.handles
        assert line.widths == drawn[0].widths
        assert off_px(line, LAST).mean() <= CELL_PX / 2
        (between,) = lines_at(bench, 1010)
        assert off_px(between, 1010).mean() <= CELL_PX
        assert list(bench.session.draft.drawings) == [FIRST]
        assert lines_at(bench, FIRST) == drawn
        steps = toys.steps
    assert moving_body.read_text(encoding="utf-8").count("mask:") == 1
    with working_on(moving_body, toys) as again:
        again.session.paint.choose_tool("polygon")
        again.session.go_to(LAST)
        again.named()
        again.session.live.request(LAST)
        assert lines_at(again, LAST) == [line]
        assert toys.steps == steps  # from the stored mattes, without the network


def tracked_from_first(bench: Bench) -> None:
    bench.session.go_to(FIRST)
    tracked(bench)


def test_editing_a_carried_line_makes_a_keyframe_drawn_from_it(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        session, sheet = bench.session, bench.session.paint
        draw_curve(bench, FIRST)
        tracked_from_first(bench)
        later = lines_at(bench, 1018)
        (line,) = lines_at(bench, 1015)
        before = sheet.pixels()
        x, y = line.points[4]
        bench.stroke((x, y), (x + 5, y + 9))
        assert session.state(1015) is FrameState.KEYFRAME
        (moved,) = sheet.lines
        assert not sheet.are_carried
        assert moved == line.moved((5.0, 9.0), 4)
        expected = moved.over(Plane((200, 320)).pixels, Plane((200, 320)).box, (200, 320))
        np.testing.assert_array_equal(sheet.pixels(), expected)
        assert "frame 1015 is a keyframe now" in " ".join(bench.log.sentences)
        bench.named()
        assert session.state(1018) is FrameState.STALE
        session.go_to(1018)
        assert sheet.lines == later  # as its matte, until it is tracked again
        session.go_to(1015)
        session.undo()
        bench.named()
        assert sorted(session.draft.drawings) == [FIRST]
        np.testing.assert_array_equal(sheet.pixels(), before)
        assert lines_at(bench, 1015) == [line]


def test_lines_come_from_the_nearest_keyframe(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        sheet = bench.session.paint
        draw_curve(bench, FIRST)
        tracked_from_first(bench)
        (line,) = lines_at(bench, LAST)
        x, y = line.points[4]
        bench.stroke((x, y), (x - 40, y))
        tracked_from_first(bench)
        (late,) = lines_at(bench, LAST - 1)
        bench.until(lambda: abs(sheet.lines[0].points[4][0] - x) > 8)
        (late,) = sheet.lines
        assert off_px(late, LAST - 1)[4] > 8  # that of the last frame, carried back
        assert np.delete(off_px(late, LAST - 1), 4).mean() <= CELL_PX
        (early,) = lines_at(bench, FIRST + 1)
        assert off_px(early, FIRST + 1).max() <= 2 * CELL_PX
        bench.session.editor.lock(bench.session.range)
        bench.until(lambda: bench.session.state(FIRST + 1) is FrameState.LOCKED)
        assert sheet.lines == []  # a locked frame has nothing to edit


def test_paint_beside_the_lines_stays(moving_body: Path) -> None:
    """The line leaves out a lobe of the body, which is painted."""
    with working_on(moving_body, SeeingToys()) as bench:
        session, sheet = bench.session, bench.session.paint
        near = [(120 + 0.5 * (x - 120), 100 + 0.5 * (y - 100)) for x, y in corners(FIRST)]
        points = [*near[:4], *corners(FIRST)[4:-3], *near[-3:]]
        sheet.choose_tool("polygon")
        sheet.draw_line(Line(tuple(points)).curved(), "curve")
        lobe = body(FIRST) - sheet.pixels()
        assert lobe.sum() > 1000
        whole = Window(0, 0, 320, 200)
        sheet.commit(whole, np.maximum(sheet.pixels(), body(FIRST)), "brush stroke")
        tracked_from_first(bench)
        (line,) = lines_at(bench, 1010)
        x, y = line.points[10]
        bench.stroke((x, y), (x + 4, y + 1))
        assert session.state(1010) is FrameState.KEYFRAME
        found = sheet.pixels()
        assert (found > 0.5)[body(1010) > 0.5].mean() > 0.97  # the line, and the paint
        line_alone = sheet.lines[0].over(np.zeros_like(found), whole, (200, 320))
        assert found.sum() > line_alone.sum() + 800


def test_a_line_is_not_carried_over_a_gap(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        draw_curve(bench, FIRST)
        bench.named()
        session.live.propagate([1004, 1005])
        bench.propagated()
        session.go_to(1005)
        assert session.paint.lines == []
        session.live.propagate([1002, 1003])
        bench.propagated()
        (line,) = lines_at(bench, 1005)
        assert off_px(line, 1005).mean() <= CELL_PX


def test_a_line_is_carried_over_a_locked_frame(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        draw_curve(bench, FIRST)
        tracked_from_first(bench)
        session.go_to(1003)
        session.toggle_lock()
        bench.until(lambda: session.state(1003) is FrameState.LOCKED)
        (line,) = lines_at(bench, 1005)
        assert off_px(line, 1005).mean() <= CELL_PX


def test_lines_that_do_not_reach_a_frame_any_more_are_not_shown_there(
    moving_body: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Touched, they would become a keyframe of what the line was."""
    with working_on(moving_body, SeeingToys()) as bench:
        draw_curve(bench, FIRST)
        tracked_from_first(bench)
        lines_at(bench, 1008)
        bench.session.go_to(FIRST)
        sheet = bench.session.paint
        sheet.change_line(0, sheet.lines[0].moved((6.0, 0.0)), "move line")
        bench.named()
        tracked_from_first(bench)
        monkeypatch.setattr(Carrier, "add", lambda *_: None)
        bench.session.go_to(1008)
        assert len(sheet.lines) == 1  # until it is known
        bench.until(lambda: not sheet.lines)
