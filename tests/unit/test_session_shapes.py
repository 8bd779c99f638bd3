"""Shapes in a session: lines that are made of a matte, or read from shapes, and edited there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from moving_shapes import FORMAT, WINDOW, iou
from seeing_tracker import FIRST, SeeingToys, body, corners
from session_bench import Bench, working_on

from rde_roto.session.document.frame_states import FORWARD, FrameState
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.outlines import of_lines
from rde_roto.session.drawing.shape_lines import lines_of, lines_of_matte
from rde_roto.shapes import ShapeMaker, ShotShapes, draw_shapes, nuke_text, shapes_text
from rde_roto.values.errors import UsageError
from rde_roto.values.plate import PlateFormat, Window

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")

EDITED = 1008


def tracked(bench: Bench) -> None:
    """Draws the body on the first frame, and has it tracked."""
    sheet = bench.session.paint
    sheet.choose_tool("polygon")
    sheet.draw_line(Line(tuple(corners(FIRST))).curved(), "curve")
    bench.session.propagate(FORWARD)
    bench.propagated()


def traced(bench: Bench) -> None:
    """Has lines made of the matte at a tracked frame."""
    bench.session.go_to(EDITED)
    bench.until(lambda: bench.session.shown.pixels(bench.session.element) is not None)
    bench.session.paint.trace_matte()
    bench.until(lambda: bench.session.draft.drawn(EDITED, bench.session.element) is not None)


def test_the_matte_of_a_frame_becomes_lines_that_draw_it(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        traced(bench)
        session, sheet = bench.session, bench.session.paint
        assert session.state(EDITED) is FrameState.KEYFRAME
        assert session.editor.undo_label == "lines from the matte"
        (line,) = sheet.lines
        assert 4 <= len(line.points) <= 24
        assert not sheet.are_carried
        np.testing.assert_array_equal(sheet.pixels(), of_lines([line], WINDOW.shape).pixels)
        assert iou(sheet.pixels(), body(EDITED)) > 0.97
        bench.named()
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(EDITED + 4)
        bench.until(lambda: len(sheet.lines) == 1 and sheet.are_carried)
        bench.until(lambda: len(sheet.lines[0].points) == len(line.points))  # follows from here
        drawn = of_lines(sheet.lines, WINDOW.shape).pixels
        assert iou(drawn, body(EDITED + 4)) > 0.95


def test_an_edit_of_a_handle_changes_its_frame_alone_and_is_there_the_next_day(
    moving_body: Path,
) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        traced(bench)
        session, sheet = bench.session, bench.session.paint
        (line,), before = sheet.lines, session.draft
        bench.stroke(line.points[2])  # shows its handles
        *others, handles = sheet.tool.traces(sheet)
        assert handles.is_handle
        assert others
        assert not any(trace.is_handle for trace in others)
        _, at, (x, y) = line.handle_ends(2)
        to = x + 0.5 * (y - at[1]) + 4, y - 0.5 * (x - at[0]) + 4
        bench.stroke((x, y), to)
        (edited,) = sheet.lines
        assert edited == line.with_handle(2, 1, to)
        assert session.draft.frames_changed_since(before) == {EDITED}
        np.testing.assert_array_equal(sheet.pixels(), of_lines([edited], WINDOW.shape).pixels)
        session.undo()
        assert sheet.lines == [line]
        session.redo()
    with working_on(moving_body, SeeingToys()) as again:
        again.session.go_to(EDITED)
        assert again.session.paint.lines == [edited]


def test_a_handle_is_deleted_and_pulled_alone(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        traced(bench)
        sheet = bench.session.paint
        (line,) = sheet.lines
        bench.stroke(line.points[2])
        left, at, right = line.handle_ends(2)
        bench.stroke(right, (right[0] + 3, right[1] + 5), alternate=True)
        assert sheet.lines[0].handle_ends(2)[0] == left
        bench.stroke(left, subtracts=True)
        assert sheet.lines[0].handles[2][0] == (0, 0)
        assert bench.session.editor.undo_label == "delete handle"
        assert sheet.lines[0].points[2] == at


def test_a_point_is_not_lost_behind_its_short_handles(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        tracked(bench)
        traced(bench)
        sheet = bench.session.paint
        (x, y), *_ = sheet.lines[0].points
        bench.stroke((x, y))
        bench.stroke(sheet.lines[0].handle_ends(0)[2], (x + 2, y + 1))  # now 2 px long
        bench.stroke((x, y), (x - 7, y))
        assert bench.session.editor.undo_label == "move point"
        assert sheet.lines[0].points[0] == (x - 7, y)


def test_there_are_no_lines_of_nothing(moving_body: Path) -> None:
    with working_on(moving_body, SeeingToys()) as bench:
        bench.session.paint.trace_matte()
        bench.until(lambda: "no matte here" in " ".join(bench.log.sentences))
        assert not bench.session.draft.drawings


def shapes_of_body(
    elements: tuple[str, ...] = ("hero",), plate: PlateFormat = FORMAT
) -> ShotShapes:
    maker = ShapeMaker(plate, elements, 1.0)
    for index in range(5):
        maker.add(FIRST + index, np.stack([body(FIRST + index)] * len(elements)))
    return maker.finish()


@pytest.mark.parametrize("ending", [".json", ".nk"])
def test_shapes_are_imported_as_lines_of_their_frame(moving_body: Path, ending: str) -> None:
    shapes, path = shapes_of_body(), moving_body.parent / f"body{ending}"
    text = shapes_text(shapes) if ending == ".json" else nuke_text(shapes)
    path.write_text(text, encoding="utf-8")
    with working_on(moving_body, SeeingToys()) as bench:
        session, sheet = bench.session, bench.session.paint
        session.go_to(FIRST + 2)
        bench.import_file(path)
        (line,) = sheet.lines
        assert len(line.points) == len(shapes.shapes[0].points)
        # what the keys of Nuke leave of a motion: 0.05 px
        np.testing.assert_allclose(sheet.pixels(), draw_shapes(shapes, FIRST + 2)[0], atol=0.06)
        assert session.editor.undo_label == f"import {path.name}"
        session.go_to(FIRST + 9)
        bench.import_file(path)
        sentence = f"{path.name} has no shape at frame {FIRST + 9}"
        assert bench.log.sentences[-1].startswith(sentence)


def test_shapes_of_several_elements_go_to_those_of_their_names(moving_body: Path) -> None:
    path = moving_body.parent / "two.json"
    path.write_text(shapes_text(shapes_of_body(("car", "hero"))), encoding="utf-8")
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        own = session.element
        session.rename(own, "hero")
        bench.import_file(path)
        assert [element.name for element in session.draft.elements] == ["hero", "car"]
        planes = session.draft.drawings[session.frame]
        assert {len(plane.outlines) for plane in planes.values()} == {1}


def test_shapes_go_by_the_name_that_is_seen_also_if_it_is_the_id_of_another(
    moving_body: Path,
) -> None:
    """An element keeps its id when it is renamed: the shapes of two whose names were swapped were
    drawn on each other's.
    """
    path = moving_body.parent / "two.json"
    path.write_text(shapes_text(shapes_of_body(("car", "hero"))), encoding="utf-8")
    with working_on(moving_body, SeeingToys()) as bench:
        session = bench.session
        first = session.element
        session.rename(first, "hero")
        session.add_element("car")
        second = session.element
        bench.import_file(path)
        planes = session.draft.drawings[session.frame]
        lines = {key: plane.lines for key, plane in planes.items()}
        session.undo()
        session.rename(first, "x")
        session.rename(second, "hero")
        session.rename(first, "car")
        bench.import_file(path)
        planes = session.draft.drawings[session.frame]
        assert {key: plane.lines for key, plane in planes.items()} == {
            first: lines[second],
            second: lines[first],
        }


def test_lines_lie_where_shapes_do_in_any_data_window() -> None:
    data, display = Window(-7, 12, *WINDOW.shape[::-1]), Window(3, -4, 400, 300)
    plate = PlateFormat(data, display, 1.0)
    shapes = shapes_of_body(plate=plate)
    lines = lines_of(shapes, "hero", FIRST + 1, plate)
    drawn = of_lines(lines, data.shape).pixels
    np.testing.assert_allclose(drawn, draw_shapes(shapes, FIRST + 1)[0], atol=1e-6)
    other = replace(shapes, format=PlateFormat(data, Window(3, -4, 200, 300), 1.0))
    with pytest.raises(UsageError, match=r"^the shapes are for a plate of 200 x 300, not"):
        lines_of(other, "hero", FIRST + 1, plate)


def test_a_matte_with_a_hole_is_drawn_by_its_lines() -> None:
    rows, columns = np.mgrid[: WINDOW.height, : WINDOW.width] + 0.5
    across = np.hypot(columns - 150, rows - 100)
    ring = ((70 - across).clip(0, 1) * (across - 30).clip(0, 1)).astype(np.float32)
    island = (12 - across).clip(0, 1).astype(np.float32)
    lines = lines_of_matte(ring + island, FORMAT)
    assert [line.subtracts for line in lines] == [False, True, False]
    assert iou(of_lines(lines, WINDOW.shape).pixels, ring + island) > 0.97
