"""What an artist does while lines and refined edges are being made on another thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import write_image
from moving_shapes import WINDOW, blob
from seeing_tracker import (
    FIRST,
    SeeingNode,
    SeeingToys,
    SeeingTracker,
    body,
    corners,
)
from session_bench import Bench, not_asked, working_on
from torch import Tensor

from rde_roto.node import RotoNode
from rde_roto.session.document.frame_states import FORWARD
from rde_roto.session.document.opening import open_draft
from rde_roto.session.document.saving import DraftWriter
from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.outlines import of_lines
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.tools import PenEvent
from rde_roto.session.pictures.element_colours import colour_of
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot
from toy_tracker import ToyFrames, ToyState

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

EDITED = 1008


def tracked(bench: Bench) -> None:
    """The body is drawn with a refined edge at the first frame, and tracked."""
    plane = of_lines([Line(tuple(corners(FIRST))).curved()], WINDOW.shape)
    top = min(blob(0).tolist(), key=lambda point: point[1])
    pen = tuple(((top[0] + by, top[1]), 1.0) for by in (-8, 8))
    marked = replace(plane, marks=(EdgeMark(pen, Brush(24, 0.5)),))
    session = bench.session
    session.editor.apply(session.draft.with_plane(FIRST, "body", marked), "draw")
    session.propagate(FORWARD)
    bench.propagated()


def shown(bench: Bench, frame: int) -> None:
    bench.session.go_to(frame)
    bench.until(lambda: bench.session.shown.pixels("body") is not None)


def trace(bench: Bench) -> None:
    shown(bench, EDITED)
    bench.session.paint.trace_matte()
    assert "making lines" in bench.session.paint.notice


def repeat(bench: Bench) -> None:
    shown(bench, FIRST)
    bench.session.refine_bounds()


def read(bench: Bench) -> None:
    """Begins to import the frame's own matte, moved down."""
    shown(bench, EDITED)
    moved = np.roll(bench.session.paint.pixels(), 20, axis=0)
    path = bench.session.editor.document.parent / "moved.exr"
    bench.session.paint.import_file(write_image(path, moved[..., None]), not_asked)
    assert bench.session.paint.notice == "reading moved.exr…   Esc: stop"


def ended(bench: Bench) -> None:
    bench.until(lambda: not bench.session.paint.notice)
    bench.done_with("rde-roto-aside")


def undo(bench: Bench) -> None:
    bench.session.add_element("other")
    bench.session.choose_element("body")
    bench.session.undo()


@pytest.mark.parametrize("stop", [undo, lambda bench: bench.session.escape()])
@pytest.mark.parametrize("make", [trace, repeat, read])
def test_what_is_being_made_is_dropped_by_undo_and_esc(
    moving_body: Path, make: Callable[[Bench], None], stop: Callable[[Bench], None]
) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        make(bench)
        stop(bench)
        ended(bench)
        assert list(bench.session.draft.drawings) == [FIRST]


@pytest.mark.parametrize("make", [trace, repeat, read])
def test_nothing_is_drawn_in_a_session_that_was_closed(
    moving_body: Path, make: Callable[[Bench], None]
) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        make(bench)
        bench.session.close()
        bench.done_with("rde-roto-aside")
        assert list(bench.session.draft.drawings) == [FIRST]
    assert list(open_draft(str(moving_body)).draft.drawings) == [FIRST]


@pytest.mark.parametrize("make", [trace, repeat])
def test_what_was_made_waits_for_the_end_of_a_stroke_and_loses_to_it(
    moving_body: Path, make: Callable[[Bench], None]
) -> None:
    """A stroke goes on from what was there when it began, over the whole plane."""
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        make(bench)
        shown(bench, EDITED)
        sheet = bench.session.paint
        sheet.choose_tool("brush")
        sheet.brush = Brush(6, 1.0)
        expected = sheet.pixels()
        sheet.press(PenEvent((12.0, 12.0)))
        bench.done_with("rde-roto-aside")
        assert list(bench.session.draft.drawings) == [FIRST]
        sheet.release(PenEvent((12.0, 12.0)))
        ended(bench)
        after = bench.session.draft.drawings[EDITED]["body"].pixels
        assert after[12, 12] == 1
        rows, columns = np.nonzero(after != expected)
        assert max(rows.max(), columns.max()) < 24
        assert not sheet.lines


def test_a_keyframe_whose_edge_is_repeated_may_go_meanwhile(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        bench.session.paint.copy_matte()
        shown(bench, EDITED)
        bench.session.paint.copy_matte()
        shown(bench, FIRST)
        bench.session.refine_bounds()  # begins when it is known which frames are tracked
        bench.session.paint.clear_frame()
        ended(bench)
        assert list(bench.session.draft.drawings) == [EDITED]
        assert "refined on 0 more frames" in bench.log.sentences[-1]


def test_an_edge_that_was_erased_is_not_repeated(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        session = bench.session
        empty = session.draft.drawings[FIRST]["body"].painted(
            Plane(WINDOW.shape).box, np.zeros(WINDOW.shape, np.float32)
        )
        session.editor.apply(session.draft.with_plane(FIRST, "body", empty), "erase")
        session.refine_bounds()
        assert "there is nothing to repeat" in bench.log.sentences[-1]
        assert not session.paint.notice


def test_frames_that_are_tracked_otherwise_now_are_not_refined_from_what_they_were(
    moving_body: Path,
) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        repeat(bench)
        shown(bench, EDITED)
        bench.session.paint.copy_matte()
        bench.session.paint.grow(3)
        ended(bench)
        drawn = sorted(bench.session.draft.drawings)
        assert EDITED in drawn
        assert "out of date" in bench.log.sentences[-1]
        assert EDITED + 1 not in drawn


def test_a_polygon_that_was_begun_does_not_go_to_another_element(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        session, sheet = bench.session, bench.session.paint
        session.add_element("other")
        sheet.choose_tool("polygon")
        for point in ((10.0, 10.0), (40.0, 10.0), (40.0, 40.0)):
            bench.stroke(point)
        session.remove_element("other")
        sheet.confirm()
        assert session.element == "body"
        assert len(session.draft.drawings[FIRST]["body"].outlines) == 1
        assert session.editor.undo_label == "delete element"


def test_elements_keep_their_colours_when_one_before_them_is_deleted(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        session.add_element("second")
        session.add_element("third")
        before = {
            one.id: colour_of(one.id, session.draft.elements) for one in session.draft.elements
        }
        session.remove_element("body")
        after = {
            one.id: colour_of(one.id, session.draft.elements) for one in session.draft.elements
        }
        del before["body"]
        assert after == before


def test_after_an_error_of_any_kind_the_next_change_is_saved(
    moving_body: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        with monkeypatch.context() as broken:
            broken.setattr(DraftWriter, "write", lambda *_: 1 // 0)
            session.add_element("second")
            session.editor.wait_until_saved()
        bench.until(lambda: "not saved: ZeroDivisionError" in " ".join(bench.log.sentences))
        session.add_element("third")
    assert [one.id for one in open_draft(str(moving_body)).draft.elements] == [
        "body",
        "second",
        "third",
    ]


class TwoTracker(SeeingTracker):
    """Takes what is not red for another element."""

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        nothing, seen = super().read(state, encoded).chunk(2, dim=1)
        return torch.cat([torch.zeros_like(nothing), seen, 1 - seen], dim=1)


class TwoNode(SeeingNode):
    """A node over that tracker."""

    def __init__(self, shot: Shot, preset: Preset, stores: object) -> None:
        self.toy = TwoTracker(preset.tracking)
        RotoNode.__init__(self, shot, preset, lambda _tracking: self.toy, stores)  # type: ignore[arg-type]


class TwoToys(SeeingToys):
    """Makes such nodes."""

    def make(self, shot: Shot, preset: Preset, _learned: Path | None = None) -> TwoNode:
        return TwoNode(shot, preset, self.stores)


def test_an_edge_is_repeated_over_keyframes_of_another_element_and_what_it_takes_is_said(
    moving_body: Path,
) -> None:
    with working_on(moving_body, TwoToys()) as bench:
        session = bench.session
        session.add_element("wall")
        session.choose_element("body")
        walls = {at: Plane.of(1 - body(at)) for at in (FIRST, EDITED)}
        for at, plane in walls.items():
            session.editor.apply(session.draft.with_plane(at, "wall", plane), "draw the wall")
        tracked(bench)
        shown(bench, EDITED - 1)
        shown(bench, FIRST)
        session.set_bounds(EDITED - 1, EDITED + 1)
        session.refine_bounds()
        ended(bench)
        assert session.editor.undo_label == "refine edge from in to out"
        drawn = session.draft.drawings
        assert sorted(drawn) == [FIRST, *range(EDITED - 1, EDITED + 2)]
        assert [at for at in drawn if "body" in drawn[at]] == list(drawn)
        assert str(EDITED) in bench.log.sentences[-1].partition("taken from them, on ")[2]
        both = drawn[EDITED]["body"].pixels + drawn[EDITED]["wall"].pixels
        assert both.max() < 1.001
        session.undo()
        assert session.draft.drawings[EDITED] == {"wall": walls[EDITED]}
