"""Lines that are moved after they were drawn, with what lies under, between and over them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.session.document.drawing_files import DrawingFiles, with_header
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.outlines import with_line, with_line_changed
from rde_roto.session.drawing.painting import Brush, Stroke, within
from rde_roto.session.drawing.planes import Plane
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window

SHAPE = (90, 120)
FORMAT = PlateFormat(Window(0, 0, 120, 90), Window(0, 0, 120, 90))

places = st.tuples(st.floats(-20, 140), st.floats(-20, 110))
widths = st.sampled_from([(), ((0.0, 0.0), (4.0, 9.0), (4.0, 0.0))])
lines = st.builds(
    lambda points, is_curve, subtracts, widths: made(
        Line(tuple(points), (), subtracts, widths and (widths * 2)[: len(points)]), is_curve
    ),
    st.lists(places, min_size=3, max_size=6),
    st.booleans(),
    st.booleans(),
    widths,
)


def made(line: Line, is_curve: bool) -> Line:
    return line.curved() if is_curve else line


def ground() -> Plane:
    """A soft field: what was tracked, say."""
    across = np.linspace(0, 1, SHAPE[1], dtype=np.float32)[None]
    down = np.linspace(0, 1, SHAPE[0], dtype=np.float32)[:, None]
    soft: FloatArray = across * down
    return Plane.of(soft)


def brushed(plane: Plane, erases: bool, *points: tuple[float, float]) -> Plane:
    stroke = Stroke(plane.pixels, Brush(6, 0.7), erases)
    for point in points:
        stroke.to(point)
    assert stroke.box is not None
    return plane.painted(stroke.box, stroke.pixels[within(stroke.box)])


def of(*drawn_lines: Line) -> Plane:
    plane = ground()
    for line in drawn_lines:
        plane = with_line(plane, line)
    return plane


@given(lines, lines, lines, st.integers(0, 1))
def test_a_moved_line_is_as_if_it_had_been_drawn_there(
    one: Line, two: Line, other: Line, place: int
) -> None:
    before = of(one, two)
    assume(len(before.outlines) == 2)  # else one of them lies beside the plane
    expected = of(other, two) if place == 0 else of(one, other)
    after = with_line_changed(before, place, other)
    # a fold of float32 that is done once more gives the same numbers, but for the shares that
    # are told from paint by a division: none here
    np.testing.assert_array_equal(after.pixels, expected.pixels)
    assert [outline.line for outline in after.outlines][place] == other


@given(lines, lines, st.integers(0, 1))
def test_a_line_that_is_taken_away_was_never_drawn(one: Line, two: Line, place: int) -> None:
    before = of(one, two)
    assume(len(before.outlines) == 2)
    after = with_line_changed(before, place, None)
    np.testing.assert_array_equal(after.pixels, of(two if place == 0 else one).pixels)
    assert len(after.outlines) == 1


SQUARE = Line(((20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0)))
MOVED = replace(SQUARE, points=((20.0, 20.0), (80.0, 20.0), (80.0, 60.0), (20.0, 60.0)))


def test_paint_over_a_line_stays_when_the_line_moves() -> None:
    empty = Plane(SHAPE)
    plane = brushed(with_line(empty, SQUARE), False, (100, 30), (110, 30))  # beside it
    plane = brushed(plane, True, (30, 30), (40, 30))  # a hole in it
    after = with_line_changed(plane, 0, MOVED).pixels
    assert after[30, 105] == 1
    assert after[30, 35] == 0
    assert after[40, 70] == 1
    back = with_line_changed(with_line_changed(plane, 0, MOVED), 0, SQUARE)
    # shares of paint go through a division and back: good to a few steps of float32
    np.testing.assert_allclose(back.pixels, plane.pixels, atol=1e-5)


def test_what_a_line_was_drawn_on_comes_back_when_it_leaves() -> None:
    shrunk = replace(SQUARE, points=((20.0, 20.0), (40.0, 20.0), (40.0, 60.0), (20.0, 60.0)))
    after = with_line_changed(with_line(ground(), SQUARE), 0, shrunk).pixels
    np.testing.assert_array_equal(after[:, 42:], ground().pixels[:, 42:])
    assert after[30, 30] == 1


def test_paint_between_two_lines_stays_between_them() -> None:
    hole = Line(((25.0, 25.0), (35.0, 25.0), (35.0, 35.0), (25.0, 35.0)), subtracts=True)
    plane = with_line(brushed(with_line(Plane(SHAPE), SQUARE), False, (30, 30), (90, 30)), hole)
    assert plane.pixels[30, 30] == 0
    after = with_line_changed(plane, 0, MOVED).pixels
    assert after[30, 30] == 0  # the hole lies over the paint
    assert after[30, 88] == 1  # the paint over the square
    assert after[50, 70] == 1


def test_a_line_beside_the_plane_is_not_drawn() -> None:
    plane = Plane(SHAPE)
    assert with_line(plane, Line(((-9.0, -9.0), (-5.0, -9.0), (-5.0, -5.0)))) is plane
    assert with_line(plane, Line(((9.0, 9.0), (15.0, 9.0)))) is plane


def test_lines_are_in_the_files_of_drawings(tmp_path: Path) -> None:
    files = DrawingFiles(tmp_path, FORMAT)
    curve = replace(MOVED.curved(), subtracts=True, feather=((1.0, 2.5),) * 4)
    plane = with_line(with_line(Plane(SHAPE), SQUARE), curve)
    path = tmp_path / files.write(1001, "hero", plane)
    found = with_header(Plane(SHAPE), path, FORMAT).outlines
    assert [outline.line for outline in found] == [SQUARE, curve]
    assert not found[0].before.pixels.any()
    np.testing.assert_array_equal(found[1].before.pixels, with_line(Plane(SHAPE), SQUARE).pixels)
    again = with_line_changed(replace(plane, outlines=found), 0, MOVED)
    np.testing.assert_array_equal(again.pixels, with_line_changed(plane, 0, MOVED).pixels)


def test_equal_pixels_of_other_lines_are_another_file(tmp_path: Path) -> None:
    files = DrawingFiles(tmp_path, FORMAT)
    plane = with_line(Plane(SHAPE), SQUARE)
    bare = replace(plane, outlines=())
    assert files.write(1, "hero", plane) != files.write(1, "hero", bare)
    assert files.write(1, "hero", bare) == files.write(1, "hero", Plane.of(plane.pixels))


@pytest.mark.parametrize(
    "said",
    [
        "not json",
        '[{"points": [[0, 0], [1, 0], [1, NaN]], "takes": false, "before": ""}]',
        '[{"points": [], "takes": false, "before": "../other.exr"}]',
        '[{"points": [], "takes": false, "before": "gone.exr"}]',
        '[{"points": [[0, 0]], "takes": false, "feather": [[1, 1], [2, 2]], "before": ""}]',
        '[{"points": [[0, 0]], "takes": false, "feather": [[1, -1]], "before": ""}]',
        '[{"points": [[0, 0]], "takes": false, "handles": [[[0, 0]]], "before": ""}]',
    ],
)
def test_a_header_that_is_not_ours_gives_no_lines(tmp_path: Path, said: str) -> None:
    path = tmp_path / "keyframes/hero.exr"
    path.parent.mkdir()
    pixels = ground().pixels
    write_planes(tmp_path / "other.exr", {"A": pixels}, FORMAT, {}, FLOAT)
    write_planes(path, {"A": pixels}, FORMAT, {"rde-roto:lines": said}, FLOAT)
    assert with_header(Plane(SHAPE), path, FORMAT).outlines == ()


def test_a_feather_is_in_the_file_of_a_drawing(tmp_path: Path) -> None:
    files = DrawingFiles(tmp_path, FORMAT)
    soft = replace(SQUARE, feather=((0.0, 0.0), (1.0, 6.5), (3.0, 0.0), (0.0, 0.0)))
    path = tmp_path / files.write(1001, "hero", with_line(Plane(SHAPE), soft))
    (found,) = with_header(Plane(SHAPE), path, FORMAT).outlines
    assert found.line == soft
