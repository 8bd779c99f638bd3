"""Lines: points that come and go, and edges that fade outwards of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rde_roto.session.drawing.lines import INWARDS, OUTWARDS, Line
from rde_roto.shapes import Shape, ShapePoint
from rde_roto.shapes.drawing import spline_coverage
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SHAPE = (90, 120)
WHOLE = Window(0, 0, 120, 90)
SQUARE = Line(((30.0, 20.0), (80.0, 20.0), (80.0, 70.0), (30.0, 70.0)))


def pixels(line: Line) -> FloatArray:
    return line.over(np.zeros(SHAPE, np.float32), WHOLE, SHAPE)


@pytest.mark.parametrize("width", [4.0, 10.0, 18.5])
def test_alpha_falls_evenly_over_the_feather_and_is_a_half_on_the_line(width: float) -> None:
    soft = pixels(replace(SQUARE, feather=((width, width),) * 4))
    centres = np.arange(60, 119) + 0.5
    # one line of equal alpha a pixel: right to half of one, and to a whole where it begins and ends
    expected = (0.5 - (centres - 80) / (2 * width)).clip(0, 1)
    np.testing.assert_allclose(soft[45, 60:119], expected, atol=0.6 / (2 * width))
    assert soft[45, 80 + int(np.ceil(width)) + 1 :].max() == 0


def test_the_feather_is_that_of_each_point_and_side() -> None:
    soft = pixels(replace(SQUARE, feather=((0.0, 0.0), (5.0, 20.0), (5.0, 20.0), (0.0, 0.0))))
    even = 1 - (np.arange(0, 24, 4) + 0.5) / 25
    np.testing.assert_allclose(soft[45, 75:99:4], even, atol=0.03)
    np.testing.assert_allclose(soft[45, [73, 74]], 1, atol=0.01)
    np.testing.assert_array_equal(soft[45, :30], 0)  # the other side is hard
    middle = soft[:, 55]  # half way between a soft point and a hard one
    assert middle[70:76].min() > 0
    assert middle[81:].max() == 0


def test_a_subtracting_line_takes_away_what_it_would_draw() -> None:
    hole = replace(SQUARE, subtracts=True, feather=((3.0, 10.0),) * 4)
    left = hole.over(np.ones(SHAPE, np.float32), WHOLE, SHAPE)
    np.testing.assert_allclose(left, 1 - pixels(replace(hole, subtracts=False)), atol=1e-6)
    np.testing.assert_array_equal(left[24:66, 34:76], 0)


CIRCLE = Line(((60.0, 20.0), (85.0, 45.0), (60.0, 70.0), (35.0, 45.0))).curved()


def test_a_feather_is_pulled_out_of_a_point_and_its_ends_alone() -> None:
    soft = CIRCLE.feathered_to(1, (97.0, 50.0))
    np.testing.assert_allclose(soft.widths[1], 12, atol=0.2)  # across the line alone
    assert soft.widths[0] == (0, 0)
    assert soft.feather_ends(OUTWARDS)[1] == pytest.approx((97, 45), abs=0.2)
    assert soft.feather_ends(INWARDS)[1] == pytest.approx((73, 45), abs=0.2)
    assert soft.feather_ends(OUTWARDS)[0] == CIRCLE.points[0]
    assert soft.feathered_to(1, (70.0, 45.0)) == CIRCLE
    inner, outer = soft.fades
    assert max(x for x, _ in outer) == pytest.approx(97, abs=0.2)
    assert max(x for x, _ in inner) < 82
    assert CIRCLE.fades == ()
    for side, at in ((INWARDS, 80.0), (OUTWARDS, 90.0)):
        alone = soft.feathered_to(1, (at, 45.0), side)
        assert alone.widths[1][side] == pytest.approx(5, abs=0.2)
        assert alone.widths[1][1 - side] == soft.widths[1][1 - side]
    assert soft.hardened(1) == CIRCLE


def test_points_come_and_go_with_their_feather() -> None:
    soft = replace(SQUARE, feather=((0.0, 0.0), (2.0, 8.0), (4.0, 4.0), (0.0, 0.0)))
    more = soft.with_point(2, (85.0, 45.0))
    assert more.feather == ((0, 0), (2, 8), (3, 6), (4, 4), (0, 0))
    assert more.without_point(2) == soft
    last = soft.with_point(4, (25.0, 45.0))
    assert last.points[-1] == (25, 45)
    assert last.feather[-1] == (0, 0)
    triangle = SQUARE.without_point(0)
    assert triangle is not None
    assert triangle.without_point(0) is None
    assert soft.without_point(0).feather == ((2, 8), (4, 4), (0, 0))  # type: ignore[union-attr]


@pytest.mark.parametrize("place", [1, 4])
def test_a_point_on_a_curve_does_not_change_it(place: int) -> None:
    first = (place - 1) * len(CIRCLE.drawn) // 4
    at = CIRCLE.drawn[first + len(CIRCLE.drawn) // 12]
    more = CIRCLE.with_point(place, at)
    assert more.points[place] == at
    # it is cut at the nearest of 257 places
    np.testing.assert_allclose(pixels(more), pixels(CIRCLE), atol=0.05)


def test_handles_turn_together_unless_one_is_pulled_alone() -> None:
    left, at, right = CIRCLE.handle_ends(1)
    assert right[1] - at[1] == pytest.approx(at[1] - left[1])
    pulled = CIRCLE.with_handle(1, 1, (at[0] + 6, at[1] + 8))
    assert pulled.handles[1][1] == (6, 8)
    length = np.hypot(*CIRCLE.handles[1][0])
    np.testing.assert_allclose(pulled.handles[1][0], (-0.6 * length, -0.8 * length))
    alone = CIRCLE.with_handle(1, 1, (at[0] + 6, at[1] + 8), alone=True)
    assert alone.handles[1] == (CIRCLE.handles[1][0], (6, 8))
    # the two of a corner go their own ways
    corner = alone.with_handle(1, 0, (at[0], at[1] - 3))
    assert corner.handles[1] == ((0, -3), (6, 8))
    assert {one.handles[0] for one in (pulled, alone, corner)} == {CIRCLE.handles[0]}


def test_a_line_is_a_shape_at_one_frame() -> None:
    random = np.random.default_rng(5)
    places = CIRCLE.places + random.uniform(-2, 2, (4, 3, 2))
    widths = random.uniform(0, 5, (4, 2))
    points = tuple(
        ShapePoint((7,), one[None], own[None]) for one, own in zip(places, widths, strict=True)
    )
    shape = Shape("disk", "hero", False, 1, 9, points)
    line = Line.of(*shape.at(7), subtracts=False)
    np.testing.assert_array_equal(pixels(line), spline_coverage(*shape.at(7), WHOLE))
    np.testing.assert_allclose(line.places, places)


def test_a_point_goes_where_the_line_is_touched() -> None:
    assert SQUARE.place_of((55.0, 21.0), 2.0) == 1
    assert SQUARE.place_of((29.0, 45.0), 2.0) == 4
    assert SQUARE.place_of((55.0, 45.0), 2.0) is None
    curve = SQUARE.curved()
    x, y = curve.drawn[len(curve.drawn) * 3 // 8]
    assert curve.place_of((x, y), 1.0) == 2
    assert curve.moved((3.0, -2.0)).points[2] == (83, 68)
    assert curve.moved((3.0, -2.0), 0).points[2] == (80, 70)
