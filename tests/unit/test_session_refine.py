"""The brush that refines edges: against pictures whose coverage is known, and in a session."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from moving_shapes import blob, matte
from seeing_tracker import FIRST, SeeingToys, body, write_shot
from session_bench import Bench, working_on

from rde_roto.model.network_view import Picture
from rde_roto.session.document.frame_states import FORWARD
from rde_roto.session.document.opening import open_draft
from rde_roto.session.drawing.edge_marks import EdgeMark, refined
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import Brush, Point, within
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.selection import Change
from rde_roto.session.painter.edge_range import is_marked
from rde_roto.values.matte import FloatArray

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")


def blurred() -> FloatArray:
    """The coverage by a body out of focus."""
    return np.asarray(cv2.GaussianBlur(matte(blob(0)), (0, 0), 2.5), np.float32)


def over_a_wall(coverage: FloatArray) -> Picture:
    """A picture of it: two colours with a little grain."""
    fore, back = np.array([0.7, 0.35, 0.2]), np.array([0.2, 0.3, 0.45])
    picture = coverage[..., None] * fore + (1 - coverage[..., None]) * back
    picture += np.random.default_rng(0).normal(0, 0.01, picture.shape)
    return Picture(picture.clip(0, 1).astype(np.float32))


def around_it(size_px: float = 40) -> EdgeMark:
    return EdgeMark(tuple(((x, y), 1.0) for x, y in blob(0)[::10].tolist()), Brush(size_px, 0.6))


def changed(before: FloatArray, change: Change) -> FloatArray:
    after: FloatArray = before.copy()
    box = within(change.box)
    after[box] = change.over(before[box])
    return after


def test_a_marked_edge_is_as_soft_as_the_plate_shows_it() -> None:
    truth = blurred()
    hard = (truth > 0.5).astype(np.float32)
    found = refined(over_a_wall(truth), hard, around_it())
    assert found is not None
    soft = (truth > 0.05) & (truth < 0.95)
    after = changed(hard, found)
    before_off, after_off = np.abs(hard - truth)[soft].mean(), np.abs(after - truth)[soft].mean()
    assert before_off > 0.2
    assert after_off < before_off / 2.5
    # and there is little haze around it
    assert np.abs(after - truth).mean() < np.abs(hard - truth).mean() / 2


def test_only_what_is_marked_changes_and_the_join_is_soft() -> None:
    truth = blurred()
    hard = (truth > 0.5).astype(np.float32)
    (x, y), *_ = blob(0).tolist()
    mark = EdgeMark((((x, y), 1.0),), Brush(20, 0.0))
    found = refined(over_a_wall(truth), hard, mark)
    assert found is not None
    after = changed(hard, found)
    rows, columns = np.nonzero(after != hard)
    assert np.hypot(columns + 0.5 - x, rows + 0.5 - y).max() <= 21
    far = np.hypot(columns + 0.5 - x, rows + 0.5 - y) > 17
    changes = np.abs(after - hard)[rows, columns]
    assert changes.max() > 0.2
    assert changes[far].max() < 0.1  # where the mark ends, nothing jumps


@pytest.mark.parametrize("point", [(-90.0, 5.0), (300.0, 20.0), (120.0, 100.0)])
def test_a_mark_where_no_edge_is_changes_nothing(point: Point) -> None:
    """Beside the picture, beside the body, and inside it."""
    hard = body(FIRST)
    assert refined(over_a_wall(hard), hard, EdgeMark(((point, 1.0),), Brush(20))) is None


def test_a_stroke_refines_a_keyframe_as_one_step_and_keeps_its_lines(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        session, sheet = bench.session, bench.session.paint
        sheet.choose_tool("polygon")
        line = Line(tuple((x, y) for x, y in blob(0)[::36].tolist())).curved()
        sheet.draw_line(line, "curve")
        before = sheet.pixels()
        sheet.choose_tool("refine")
        sheet.brush = Brush(16, 0.5)
        bench.stroke((300, 20), (305, 20))
        bench.until(lambda: "there is no edge under the brush" in bench.log.sentences)
        bench.until(lambda: sheet.notice == "")
        assert session.editor.undo_label == "curve"
        (x, y), (u, v) = line.points[0], line.points[1]
        bench.stroke((x, y), ((x + u) / 2, (y + v) / 2), (u, v))
        assert sheet.notice == "refining the edge…"
        bench.until(lambda: session.editor.undo_label == "refine edge")
        bench.until(lambda: sheet.notice == "")
        assert (sheet.pixels() != before).any()
        assert sheet.lines == [line]
        session.undo()
        np.testing.assert_array_equal(sheet.pixels(), before)
        bench.named()
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(1003)
        bench.until(lambda: session.shown.pixels("body") is not None)
        tracked = sheet.pixels()
        rows, columns = np.nonzero(tracked > 0.5)
        x, y = float(columns[0]), float(rows[0])  # at the top of the body
        bench.stroke((x, y), (x + 5, y))
        bench.until(lambda: 1003 in session.draft.drawings)  # a tracked frame becomes a keyframe
        assert np.abs(sheet.pixels() - tracked).max() < 0.9


def tracked(bench: Bench) -> None:
    """The body is drawn at the first frame, and tracked."""
    line = Line(tuple((x, y) for x, y in blob(0)[::36].tolist())).curved()
    bench.session.paint.draw_line(line, "curve")
    bench.session.propagate(FORWARD)
    bench.propagated()


def refine_at(bench: Bench, frame: int) -> None:
    """A stroke over the top of the body; another one goes over its bottom."""
    session, sheet = bench.session, bench.session.paint
    session.go_to(frame)
    bench.until(lambda: session.shown.pixels("body") is not None)
    sheet.choose_tool("refine")
    sheet.brush = Brush(16, 0.5)
    rows, columns = np.nonzero(sheet.pixels() > 0.5)
    for place in (0, -1):
        x, y = float(columns[place]), float(rows[place])
        bench.stroke((x, y), (x + 5, y))


def settled(bench: Bench) -> None:
    bench.until(lambda: not bench.session.paint.notice)
    bench.done_with("rde-roto-aside")


def test_strokes_wait_for_each_other_and_none_is_lost(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        tracked(bench)
        refine_at(bench, 1003)
        before = bench.session.paint.pixels()
        settled(bench)
        rows = np.nonzero((bench.session.paint.pixels() != before).any(axis=1))[0]
        body_rows = np.nonzero((before > 0.5).any(axis=1))[0]
        assert rows.min() < body_rows.min() + 16
        assert rows.max() > body_rows.max() - 16


def test_an_element_that_is_deleted_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    path = write_shot(tmp_path)
    with working_on(path, SeeingToys()) as bench:
        tracked(bench)
        bench.session.add_element("other")
        bench.session.choose_element("body")
        refine_at(bench, 1003)
        bench.session.remove_element("body")
        settled(bench)
        assert not bench.session.draft.drawings
        assert "refine edge is dropped: its element was deleted" in bench.log.sentences
    assert [element.id for element in open_draft(str(path)).draft.elements] == ["other"]


def test_undo_drops_it_and_can_be_redone(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        tracked(bench)
        refine_at(bench, 1003)
        bench.session.undo()
        settled(bench)
        bench.session.redo()
        assert list(bench.session.draft.drawings) == [FIRST]


def test_a_session_that_is_closed_meanwhile_stays_as_it_was(tmp_path: Path) -> None:
    path = write_shot(tmp_path)
    with working_on(path, SeeingToys()) as bench:
        tracked(bench)
        refine_at(bench, 1003)
        bench.session.close()
        bench.done_with("rde-roto-aside")
        assert list(bench.session.draft.drawings) == [FIRST]
    assert list(open_draft(str(path)).draft.drawings) == [FIRST]


def refined_at_first(bench: Bench) -> None:
    """The body is tracked, and one stroke over its top at the first frame has refined it."""
    tracked(bench)
    session, sheet = bench.session, bench.session.paint
    sheet.choose_tool("refine")
    sheet.brush = Brush(24, 0.5)
    x, y = max(blob(0).tolist(), key=lambda point: -point[1])
    bench.stroke((x - 8, y), (x + 8, y))
    bench.until(lambda: session.editor.undo_label == "refine edge")
    settled(bench)
    session.propagate(FORWARD)
    bench.propagated()


def differs_px(bench: Bench, frame: int, before: FloatArray) -> np.ndarray:
    """Where a frame is not as it was, (x, y) of each pixel."""
    after = bench.session.draft.drawings[frame]["body"].pixels
    return np.argwhere(np.abs(after - before) > 0.02)[:, ::-1]


def tracked_pixels(bench: Bench, frame: int) -> FloatArray:
    bench.session.go_to(frame)
    bench.until(lambda: bench.session.shown.pixels("body") is not None)
    return bench.session.paint.pixels()


def test_a_refined_edge_is_repeated_where_the_track_has_carried_it(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        refined_at_first(bench)
        session = bench.session
        before = {frame: tracked_pixels(bench, frame) for frame in (1008, 1015)}
        session.go_to(FIRST)
        session.set_bounds(1004, 1015)
        session.refine_bounds()
        assert "refining the edge from in to out" in session.paint.notice
        bench.until(lambda: session.editor.undo_label == "refine edge from in to out")
        assert sorted(session.draft.drawings) == [FIRST, *range(1004, 1016)]
        assert bench.log.sentences[-1] == "the edge is refined on 12 more frames"
        assert not session.paint.notice
        for frame, was in before.items():
            top = max(blob(frame - FIRST).tolist(), key=lambda point: -point[1])
            away = np.hypot(*(differs_px(bench, frame, was) - np.array(top)).T)
            assert len(away) > 20
            assert away.max() < 40  # the brush, its stroke, and how closely it is followed
        session.undo()
        assert list(session.draft.drawings) == [FIRST]


def test_repeated_edges_can_be_tracked_again_so_that_a_correction_flows(tmp_path: Path) -> None:
    """Also tomorrow, when undo is gone: every refined frame is a keyframe, and keeps its matte."""
    path = write_shot(tmp_path)
    with working_on(path, SeeingToys()) as bench:
        refined_at_first(bench)
        bench.session.set_bounds(1002, 1008)
        bench.session.refine_bounds()
        bench.until(lambda: len(bench.session.draft.drawings) == 8)
    with working_on(path, SeeingToys()) as bench:
        session = bench.session
        session.go_to(1005)
        session.toggle_lock()
        bench.until(lambda: bool(session.draft.locks))
        bench.named()
        session.go_to(FIRST)
        session.set_bounds(FIRST, 1006)
        session.clear_bounds()
        assert sorted(session.draft.drawings) == [FIRST, 1005, 1007, 1008]
        assert "deleted the keyframes at 1002-1004,1006" in bench.log.sentences[-1]
        assert is_marked(session.draft.drawn(FIRST, "body"))
        session.undo()
        assert len(session.draft.drawings) == 8
        session.set_bounds(1009, 1012)
        session.clear_bounds()
        assert "there is no other keyframe of this element at 1009-1012" in bench.log.sentences
        session.go_to(1010)
        session.clear_bounds()
        assert "go to a keyframe of this element first" in bench.log.sentences[-1]
        assert len(session.draft.drawings) == 8


def test_what_is_locked_or_not_tracked_is_not_refined_and_named(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        refined_at_first(bench)
        session = bench.session
        session.go_to(1003)
        session.toggle_lock()
        bench.until(lambda: bool(session.draft.locks))
        bench.named()
        session.go_to(FIRST)
        session.set_bounds(FIRST, 1005)
        session.refine_bounds()
        bench.until(lambda: session.editor.undo_label == "refine edge from in to out")
        assert sorted(session.draft.drawings) == [FIRST, 1002, 1004, 1005]
        assert "not on 1003: " in bench.log.sentences[-1]


def test_a_repeated_edge_that_is_stopped_changes_nothing(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        refined_at_first(bench)
        session = bench.session
        session.refine_bounds()
        session.escape()
        settled(bench)
        assert list(session.draft.drawings) == [FIRST]
        session.go_to(1003)
        session.refine_bounds()
        assert "there is nothing to repeat" in bench.log.sentences[-1]


def test_nothing_is_awaited_of_an_edge_in_a_shot_that_overlaps(tmp_path: Path) -> None:
    """It was said to be refined for ever."""
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        refined_at_first(bench)
        session = bench.session
        whole = Plane.of(np.ones(session.size, np.float32))
        draft = session.draft.with_element("other")
        draft = draft.with_plane(FIRST, draft.elements[-1].id, whole)
        session.editor.apply(draft, "as from a file")
        bench.until(lambda: "elements overlap" in bench.log.sentences[-1])
        session.refine_bounds()
        bench.until(lambda: session.live.has_failed)
        assert "elements overlap" in bench.log.sentences[-1]
        assert session.paint.notice == ""


def test_the_strokes_are_kept_with_the_keyframe(tmp_path: Path) -> None:
    path = write_shot(tmp_path)
    with working_on(path, SeeingToys()) as bench:
        refined_at_first(bench)
        plane = bench.session.draft.drawings[FIRST]["body"]
        assert len(plane.marks) == 1
    (again,) = open_draft(str(path)).draft.drawings[FIRST].values()
    assert again.marks == plane.marks
    assert [outline.line for outline in again.outlines] == [one.line for one in plane.outlines]
