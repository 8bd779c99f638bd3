"""Planes and what tools do to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.session.document.history import History
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import Brush, Stroke, filled, grown, within
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.pictures.display_pixels import matte_pixels
from rde_roto.session.shown_mattes import drawn_pixels
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SHAPE = (150, 200)


def nothing() -> FloatArray:
    return np.zeros(SHAPE, np.float32)


@given(st.integers(0, 199), st.integers(0, 149), st.integers(1, 200), st.integers(1, 150))
def test_a_painted_box_is_there_and_all_else_as_before(x: int, y: int, w: int, h: int) -> None:
    box = Window(x, y, min(w, 200 - x), min(h, 150 - y))
    random = np.random.default_rng(1)
    before, new = random.random(SHAPE, np.float32), random.random(box.shape, np.float32)
    expected = before.copy()
    expected[within(box)] = new
    np.testing.assert_array_equal(Plane.of(before).painted(box, new).pixels, expected)


def test_a_stroke_copies_the_tiles_that_it_touches_alone() -> None:
    before = Plane.of(np.ones(SHAPE, np.float32))
    after = before.painted(Window(10, 10, 5, 5), np.zeros((5, 5), np.float32))
    others = [key for key in before.tiles if after.tiles[key] is before.tiles[key]]
    assert len(others) == len(before.tiles) - 1


def test_what_is_erased_altogether_takes_no_room() -> None:
    plane = Plane.of(np.ones(SHAPE, np.float32))
    assert plane.painted(Window(0, 0, 200, 150), nothing()).is_empty
    assert Plane(SHAPE).is_empty


def test_a_stroke_is_one_inside_and_soft_at_its_edge() -> None:
    stroke = Stroke(nothing(), Brush(radius_px=10, hardness=0.5))
    stroke.to((50, 60))
    stroke.to((90, 60))
    assert stroke.box == Window(39, 49, 62, 22)
    alpha = stroke.pixels
    assert alpha[58:62, 50:90].min() > 0.99
    down = alpha[60:75, 70]
    assert (np.diff(down) <= 0).all()
    assert 0 < down[8] < 1
    outside = alpha.copy()
    outside[within(stroke.box)] = 0
    assert not outside.any()


def test_a_stroke_over_itself_adds_nothing_up() -> None:
    once, twice = (Stroke(nothing(), Brush(12, 0.2)) for _ in range(2))
    for point in [(30.0, 30.0), (80.0, 40.0)]:
        once.to(point)
        twice.to(point)
    twice.to((30.0, 30.0))
    np.testing.assert_allclose(twice.pixels, once.pixels, atol=1e-6)


def test_the_eraser_takes_away_what_a_brush_of_the_same_size_paints() -> None:
    stroke = Stroke(nothing(), Brush(15, 1.0))
    stroke.to((70, 70))
    eraser = Stroke(stroke.pixels.copy(), Brush(17, 1.0), erases=True)
    eraser.to((70, 70))
    assert not eraser.pixels.any()


def test_the_first_brush_looks_alike_on_every_plate() -> None:
    assert Brush.for_plate(90) == Brush.for_plate(1080) == Brush()
    assert Brush.for_plate(2160).radius_px == 2 * Brush().radius_px


def test_pressure_makes_the_brush_smaller() -> None:
    light, hard = (Stroke(nothing(), Brush(20, 1.0)) for _ in range(2))
    light.to((70, 70), pressure=0.5)
    hard.to((70, 70))
    # areas go with the square; half a pixel of soft edge is the tolerance
    assert light.pixels.sum() == pytest.approx(np.pi * 10**2, rel=0.03)
    assert hard.pixels.sum() == pytest.approx(np.pi * 20**2, rel=0.03)


def test_a_stroke_beside_the_plate_does_nothing() -> None:
    assert Stroke(nothing(), Brush(5)).to((-40, 10)) is None


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_a_polygon_covers_pixels_by_the_share_that_lies_within(shift: float) -> None:
    corners = ((20 + shift, 10.0), (60 + shift, 10.0), (60 + shift, 50.0), (20 + shift, 50.0))
    whole = Line(corners).over(nothing(), Window(0, 0, 200, 150), SHAPE)
    assert whole.sum() == pytest.approx(1600, rel=1e-6)  # float32
    assert whole[30, 20] == pytest.approx(1 - shift)
    assert whole[30, 40] == 1


def test_a_spline_goes_through_its_points() -> None:
    points = ((20.0, 20.0), (60.0, 25.0), (70.0, 70.0), (30.0, 60.0))
    curve = Line(points).curved().drawn
    assert set(points) <= set(curve)
    assert len(curve) > len(points)
    assert tuple(Line(points).drawn) == points
    assert tuple(Line(points[:2]).curved().drawn) == points[:2]


def test_fill_closes_a_hole_with_its_soft_edge_and_nothing_else() -> None:
    ring = Stroke(nothing(), Brush(40, 0.9))
    ring.to((100, 75))
    hole = Stroke(ring.pixels.copy(), Brush(15, 0.8), erases=True)
    hole.to((100, 75))
    np.testing.assert_allclose(filled(hole.pixels, (100, 75)), ring.pixels, atol=0.02)
    np.testing.assert_array_equal(filled(hole.pixels, (130, 75)), hole.pixels)


def test_grow_moves_the_edge_by_whole_pixels() -> None:
    box = nothing()
    box[50:60, 50:60] = 1
    assert grown(box, 3)[55].sum() == 16
    assert grown(box, -3)[55].sum() == 4
    np.testing.assert_array_equal(grown(box, 0), box)
    box[0:70, -3:] = 0.5  # at two edges of the plate, and over the border of a tile
    for by_px in (3, -2):
        plane = Plane.of(box).grown(by_px)
        np.testing.assert_array_equal(plane.pixels, grown(box, by_px))
        np.testing.assert_array_equal(drawn_pixels(plane), matte_pixels(plane.pixels))
    assert Plane.of(nothing()).grown(1).is_empty


def test_history_goes_back_and_forth_without_end() -> None:
    history = History(0)
    for value in range(1, 201):
        history.push(value, f"to {value}")
    assert [history.undo() for _ in range(200)] == [f"to {n}" for n in range(200, 0, -1)]
    assert history.undo() is None
    assert history.value == 0
    assert history.redo() == "to 1"
    history.push(-1, "elsewhere")
    assert history.redo() is None
    assert (history.value, history.undo_label) == (-1, "elsewhere")
