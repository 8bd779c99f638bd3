"""Lines: points that come and go, and edges that fade outwards of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rde_roto.session.lines import Line
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SHAPE = (90, 120)
WHOLE = Window(0, 0, 120, 90)
SQUARE = Line(((30.0, 20.0), (80.0, 20.0), (80.0, 70.0), (30.0, 70.0)))


def pixels(line: Line) -> FloatArray:
    return line.over(np.zeros(SHAPE, np.float32), WHOLE, SHAPE)


@pytest.mark.parametrize("width", [4.0, 10.0, 18.5])
def test_alpha_falls_evenly_from_the_line_to_the_width_of_its_feather(width: float) -> None:
    soft = pixels(replace(SQUARE, feather=(width,) * 4))
    np.testing.assert_array_equal(soft[20:70, 30:80], 1)
    centres = np.arange(80, 119) + 0.5
    # one line of equal alpha a pixel: right to half of one, and to a whole where it begins and ends
    expected = (1 - (centres - 80) / width).clip(0, 1)
    np.testing.assert_allclose(soft[45, 80:119], expected, atol=0.6 / width)
    assert soft[45, 80 + int(np.ceil(width)) + 1 :].max() == 0


def test_the_feather_is_that_of_each_point() -> None:
    soft = pixels(replace(SQUARE, feather=(0.0, 20.0, 20.0, 0.0)))
    np.testing.assert_allclose(soft[45, 80:100:4], 1 - (np.arange(0, 20, 4) + 0.5) / 20, atol=0.03)
    np.testing.assert_array_equal(soft[45, :30], 0)  # the other side is hard
    middle = soft[:, 55]  # half way between a soft point and a hard one
    assert middle[70:80].min() > 0
    assert middle[81:].max() == 0


def test_a_subtracting_line_fades_outwards_of_the_hole() -> None:
    hole = replace(SQUARE, subtracts=True, feather=(10.0,) * 4)
    left = hole.over(np.ones(SHAPE, np.float32), WHOLE, SHAPE)
    np.testing.assert_allclose(left, 1 - pixels(replace(hole, subtracts=False)), atol=1e-6)
    np.testing.assert_array_equal(left[20:70, 30:80], 0)


def test_a_feather_is_pulled_outwards_and_pushed_in_again() -> None:
    circle = Line(((60.0, 20.0), (85.0, 45.0), (60.0, 70.0), (35.0, 45.0)), smooth=True)
    soft = circle.feathered_to(1, (97.0, 50.0))
    assert soft.widths == pytest.approx((0, 12, 0, 0), abs=0.2)  # across the line alone
    assert soft.feather_ends[1] == pytest.approx((97, 45), abs=0.2)
    assert soft.feather_ends[0] == circle.points[0]
    assert soft.feathered_to(1, (70.0, 45.0)) == circle
    assert max(x for x, _ in soft.fade) == pytest.approx(97, abs=0.2)
    assert circle.fade == ()


def test_points_come_and_go_with_their_feather() -> None:
    soft = replace(SQUARE, feather=(0.0, 8.0, 4.0, 0.0))
    more = soft.with_point(2, (85.0, 45.0))
    assert more.feather == (0, 8, 6, 4, 0)
    assert more.without_point(2) == soft
    last = soft.with_point(4, (25.0, 45.0))
    assert last.points[-1] == (25, 45)
    assert last.feather[-1] == 0
    triangle = SQUARE.without_point(0)
    assert triangle is not None
    assert triangle.without_point(0) is None
    assert soft.without_point(0).feather == (8, 4, 0)  # type: ignore[union-attr]


def test_a_point_goes_where_the_line_is_touched() -> None:
    assert SQUARE.place_of((55.0, 21.0), 2.0) == 1
    assert SQUARE.place_of((29.0, 45.0), 2.0) == 4
    assert SQUARE.place_of((55.0, 45.0), 2.0) is None
    curve = replace(SQUARE, smooth=True)
    x, y = curve.drawn[len(curve.drawn) * 3 // 8]
    assert curve.place_of((x, y), 1.0) == 2
    assert curve.moved((3.0, -2.0)).points[2] == (83, 68)
    assert curve.moved((3.0, -2.0), 0).points[2] == (80, 70)
