"""Elements exclude each other while they are drawn, and a drawing starts from the frame's matte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from session_bench import Bench, paint, set_points, working_on

from rde_roto.session.document.frame_states import FORWARD, FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.tools import PenEvent
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import overlaps

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

HARD = Brush(8, 1.0)


def drawn(bench: Bench, frame: int, element: str) -> FloatArray:
    plane = bench.session.draft.drawn(frame, element)
    assert plane is not None
    return plane.pixels


def two(bench: Bench) -> None:
    """A hero and a car that is drawn over a part of it."""
    bench.session.paint.brush = HARD
    bench.stroke((20, 20), (60, 20))
    bench.session.add_element("car")
    bench.stroke((50, 20), (90, 20))


def test_a_stroke_takes_from_the_element_below_as_one_step(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.brush = HARD
        bench.stroke((20, 20), (60, 20))
        before = drawn(bench, 1001, "hero")
        session.add_element("car")
        bench.stroke((50, 20), (90, 20))
        hero, car = drawn(bench, 1001, "hero"), drawn(bench, 1001, "car")
        assert (hero + car).max() <= 1
        assert hero[20, 60] == 0
        np.testing.assert_array_equal(hero[:, :40], before[:, :40])
        lost = int(np.count_nonzero(before - hero > 1 / 255))
        assert bench.log.sentences[-1] == f"brush stroke: took {lost} pixels of hero"
        bench.named()  # the shot is accepted
        assert session.live.node is not None
        assert session.live.node.shot.ids == ("hero", "car")
        session.undo()
        np.testing.assert_array_equal(drawn(bench, 1001, "hero"), before)
        assert session.draft.drawn(1001, "car") is None


@pytest.mark.parametrize("tool", ["polygon", "grow", "import"])
def test_whatever_draws_takes_from_the_others(document: Path, mask: Path, tool: str) -> None:
    with working_on(document) as bench:
        bench.import_file(mask)
        hero = drawn(bench, 1001, "hero")
        bench.session.add_element("car")
        if tool == "polygon":
            height, width = hero.shape
            set_points(bench, [(0, 0), (width, 0), (width, height), (0, height)])
        elif tool == "import":
            bench.import_file(mask)
        else:
            rows, columns = np.nonzero(hero > 0.5)
            bench.session.paint.brush = Brush(2, 1.0)
            bench.stroke((float(columns.min()) - 4, float(rows.mean())))
            bench.session.paint.grow(9)
        left = drawn(bench, 1001, "hero")
        assert left.sum() < hero.sum()
        assert (left + drawn(bench, 1001, "car")).max() <= 1 + 1e-6
        assert "pixels of hero" in " ".join(bench.log.sentences)


def test_a_tracked_element_that_is_covered_becomes_a_keyframe_too(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(1005)
        bench.until(lambda: session.shown.alpha("hero") is not None)
        tracked = session.shown.alpha("hero")
        assert tracked is not None
        session.add_element("car")
        height, width = tracked.shape
        set_points(bench, [(0, 0), (width, 0), (width, height), (0, height)])
        assert session.draft.drawn(1005, "hero") is not None
        assert not drawn(bench, 1005, "hero").any()
        assert "which is a keyframe here now" in bench.log.sentences[-1]
        session.undo()
        assert 1005 not in session.draft.drawings


def test_what_lies_over_a_locked_element_is_left_out_and_told(
    document: Path,
) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.propagate(FORWARD)
        bench.propagated()
        session.editor.lock(FrameRange.parse("1005"))
        bench.done_with("rde-roto-aside")
        bench.named()
        session.go_to(1005)
        bench.until(lambda: session.shown.alpha("hero") is not None)
        session.add_element("car")
        height, width = session.size
        set_points(bench, [(0, 0), (width, 0), (width, height), (0, height)])
        assert session.draft.drawn(1005, "hero") is None
        seen = session.live.newest(1005)
        assert seen is not None
        locked = seen.planes["hero"]
        assert np.count_nonzero(locked > 0.5) > 20
        np.testing.assert_allclose(drawn(bench, 1005, "car"), 1 - locked, atol=1e-6)
        lost = int(np.count_nonzero(locked > 1 / 255))
        assert f"left out {lost} pixels of hero, which is locked here" in bench.log.sentences[-1]
        session.undo()
        assert session.draft.drawn(1005, "car") is None


def test_a_stroke_over_the_soft_edge_of_a_locked_element_leaves_it_out(document: Path) -> None:
    """Where that covered less than half of each pixel the two added up to more than 1."""
    with working_on(document) as bench:
        session = bench.session
        session.paint.brush = Brush(20, 0.0)
        bench.stroke((20.0, 20.0), (40.0, 20.0))
        bench.named()
        session.editor.lock(FrameRange.parse("1001"))
        bench.until(lambda: bool(session.draft.locks))
        bench.named()
        session.add_element("car")
        session.paint.brush = Brush(4, 1.0)
        bench.stroke((20.0, 37.0), (40.0, 37.0))
        hero, car = (session.draft.drawings[1001][key].pixels for key in ("hero", "car"))
        assert np.count_nonzero(hero[car > 0] > 0.1) > 20
        assert hero[car > 0].max() < 0.5
        np.testing.assert_array_less(hero + car, 1 + 1e-6)
        assert "of hero, which is locked here" in bench.log.sentences[-1]


def test_a_document_with_an_overlap_is_told_and_mended_by_a_choice(document: Path) -> None:
    with working_on(document) as bench:
        two(bench)
        session = bench.session
        whole = Plane.of(np.ones_like(drawn(bench, 1001, "car")))
        session.editor.apply(session.draft.with_plane(1001, "car", whole), "as from a file")
        bench.until(lambda: "elements overlap" in " ".join(bench.log.sentences))
        told = next(one for one in bench.log.sentences if "elements overlap" in one)
        assert "keyframe at frame 1001: 'hero' and 'car' by" in told
        session.choose_element("hero")
        session.paint.take_overlaps()
        planes = np.stack([drawn(bench, 1001, "hero"), drawn(bench, 1001, "car")])
        assert overlaps(planes) == ()
        assert planes[0].max() == 1
        assert planes[1].max() == 1
        bench.named()
        assert session.live.node is not None
        session.paint.take_overlaps()
        assert "overlaps with no other" in bench.log.sentences[-1]


def test_a_frame_that_is_not_tracked_yet_is_tracked_before_it_is_drawn_on(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.go_to(1012)
        session.paint.brush = Brush(3, 1.0)
        bench.stroke((70, 40), (72, 40))
        assert 1012 not in session.draft.drawings
        assert "frame 1012 is tracked first" in bench.log.sentences[-1]
        assert "tracking frame 1012" in session.paint.notice
        bench.until(lambda: session.paint.notice == "")
        assert bench.log.sentences[-1] == "frame 1012 is tracked: draw on it"
        assert session.state(1012) is FrameState.MADE
        assert session.state(1013) is FrameState.EMPTY
        tracked = session.shown.alpha("hero")
        assert tracked is not None
        bench.stroke((70, 40), (72, 40))
        corrected = drawn(bench, 1012, "hero")
        np.testing.assert_array_equal(corrected[:30, :60], tracked[:30, :60])
        assert corrected[40, 71] == 1


def test_escape_draws_a_frame_from_nothing(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.go_to(1012)
        session.paint.brush = HARD
        session.paint.grow(2)  # nothing that changes a matte goes without one
        assert "is tracked first" in bench.log.sentences[-1]
        session.escape()
        assert session.paint.notice == "frame 1012 is drawn from nothing"
        bench.stroke((70, 40), (72, 40))
        assert not drawn(bench, 1012, "hero")[:30].any()


def test_a_frame_that_cannot_be_tracked_can_be_drawn(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        (document.parent / "plate/hero.1004.exr").write_bytes(b"no picture")  # a memory frame
        session.go_to(1012)
        session.paint.brush = HARD
        bench.stroke((70, 40), (72, 40))
        assert session.paint.start.awaited == 1012
        bench.until(lambda: session.paint.start.awaited is None)
        assert "hero.1004.exr" in " ".join(bench.log.sentences)
        assert session.paint.notice == "frame 1012 is drawn from nothing"
        bench.stroke((70, 40), (72, 40))
        assert drawn(bench, 1012, "hero").any()
        assert session.paint.notice == ""


def test_undo_while_a_frame_is_tracked_first_does_not_let_it_be_drawn_from_nothing(
    document: Path,
) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.set_colour("hero", "#ff0000")
        bench.named()
        session.go_to(1012)
        bench.stroke((70, 40), (72, 40))
        session.undo()
        bench.named()
        assert (session.frame, session.paint.notice) == (1012, "")
        bench.stroke((70, 40), (72, 40))
        assert 1012 not in session.draft.drawings
        assert "is tracked first" in bench.log.sentences[-1]


def test_a_frame_is_drawn_from_nothing_only_until_it_has_been_tracked(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.go_to(1012)
        bench.stroke((70, 40), (72, 40))
        session.escape()
        session.go_to(1001)
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(1012)
        assert session.shown.pixels("hero") is not None
        with monkeypatch.context() as patch:  # there was no room for it
            patch.setattr(bench.toys.stores.mattes, "get", lambda _digest: None)
            bench.stroke((70, 40), (72, 40))
        assert 1012 not in session.draft.drawings


def test_another_element_that_is_chosen_while_the_pen_is_down_gets_no_matte(
    document: Path,
) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.brush = HARD
        session.add_element("car")
        session.choose_element("hero")
        bench.stroke((20, 20), (60, 20))
        before = session.draft.drawings
        session.paint.press(PenEvent((20, 50)))
        session.choose_next_element()
        session.paint.drag(PenEvent((30, 50)))
        session.paint.release(PenEvent((40, 50)))
        assert session.draft.drawings is before


def test_points_that_are_dropped_by_going_elsewhere_are_told(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.choose_tool("polygon")
        bench.stroke((10, 10))
        session.go_to(1002)
        assert "what was not finished is dropped" in bench.log.sentences[-1]
        bench.log.sentences.clear()
        session.go_to(1003)
        assert not bench.log.sentences


def test_what_cannot_be_seen_is_not_taken(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        set_points(bench, [(10, 10), (60, 10), (60, 60), (10, 60)])
        session.add_element("car")
        session.paint.choose_tool("brush")
        session.paint.brush = Brush(12, 0.0)
        bench.stroke((35, 35), (45, 35))
        car = session.draft.drawn(1001, "car")
        session.choose_element("hero")
        session.paint.choose_tool("polygon")
        bench.stroke((60, 60), (64, 64))  # a point of its line
        assert session.editor.undo_label == "move point"
        assert "took 0 pixels" not in " ".join(bench.log.sentences)
        assert session.draft.drawn(1001, "car") is car


def test_what_is_asked_of_a_shot_that_overlaps_says_so_and_waits_for_nothing(
    document: Path,
) -> None:
    with working_on(document) as bench:
        two(bench)
        session, told = bench.session, bench.log.sentences
        whole = Plane.of(np.ones_like(drawn(bench, 1001, "car")))
        session.editor.apply(session.draft.with_plane(1001, "car", whole), "as from a file")

        def refused() -> None:
            bench.until(lambda: session.live.has_failed and "elements overlap" in told[-1])
            told.clear()

        refused()
        session.propagate(FORWARD)
        refused()
        assert session.live.remaining == 0
        session.toggle_lock()
        refused()
        assert not session.editor.locking
        session.go_to(1012)
        bench.stroke((70, 40), (72, 40))
        refused()
        assert session.paint.start.awaited is None
        session.go_to(1001)
        session.paint.take_overlaps()
        bench.named()
        assert not session.draft.locks  # what was refused is not done later
        session.propagate(FORWARD)
        bench.propagated()
        assert session.state(1030) is FrameState.MADE


def test_a_box_of_smart_select_needs_no_matte_and_a_scribble_does(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.go_to(1012)
        session.paint.choose_tool("smart")
        session.paint.press(PenEvent((10.0, 10.0)))
        assert session.paint.start.awaited is None
        session.paint.cancel_tool()
        session.paint.toggle_subtracts()
        session.paint.press(PenEvent((10.0, 10.0)))
        assert session.paint.start.awaited == 1012


def test_tools_add_or_subtract_as_chosen_and_the_right_button_does_the_opposite(
    document: Path,
) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.brush = HARD
        bench.stroke((20, 20), (60, 20))
        bench.stroke((30, 20), subtracts=True)
        assert drawn(bench, 1001, "hero")[20, 30] == 0
        session.paint.toggle_subtracts()
        assert session.paint.is_erasing
        bench.stroke((50, 20))
        assert drawn(bench, 1001, "hero")[20, 50] == 0
        bench.stroke((50, 20), subtracts=True)
        assert drawn(bench, 1001, "hero")[20, 50] == 1
        session.paint.choose_tool("lasso")
        session.paint.press(PenEvent((5.0, 5.0)))
        assert [trace.subtracts for trace in session.paint.tool.traces(session.paint)] == [True]
