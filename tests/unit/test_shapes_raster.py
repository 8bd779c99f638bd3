from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_shapes import disk

from rde_roto.shapes.raster import coverage, faded_coverage
from rde_roto.values.plate import Window

WINDOW = Window(0, 0, 40, 30)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def test_a_pixel_counts_by_how_much_of_it_is_covered() -> None:
    covered = coverage(box(10.25, 5.5, 13.5, 7), WINDOW)
    assert covered.dtype == np.float32
    np.testing.assert_allclose(covered[5, 9:15], [0, 0.375, 0.5, 0.5, 0.25, 0], atol=1e-6)
    np.testing.assert_allclose(covered[6, 9:15], [0, 0.75, 1, 1, 0.5, 0], atol=1e-6)
    assert covered.sum() == pytest.approx(3.25 * 1.5, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 50)), min_size=3, max_size=3),
    st.integers(-5, 5),
    st.integers(-5, 5),
)
def test_triangles_cover_their_area_wherever_the_window_lies(
    corners: list[tuple[float, float]], x: int, y: int
) -> None:
    triangle = np.array(corners)
    whole = coverage(triangle, Window(-32, -32, 128, 128))
    (x0, y0), (x1, y1), (x2, y2) = corners
    area = abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2
    assert whole.sum(dtype=float) == pytest.approx(area, abs=0.01)  # float32 in 16,384 pixels
    assert whole.min() >= 0
    assert whole.max() <= 1
    cut = coverage(triangle, Window(x, y, 20, 20))
    np.testing.assert_allclose(cut, whole[32 + y : 52 + y, 32 + x : 52 + x], atol=1e-5)


def test_the_direction_of_a_polygon_does_not_matter() -> None:
    circle = disk(20, 15, 9.3)
    np.testing.assert_allclose(coverage(circle, WINDOW), coverage(circle[::-1], WINDOW), atol=1e-6)
    # a polygon of 900 sides has 8 millionths less than a circle
    assert coverage(circle, WINDOW).sum() == pytest.approx(math.pi * 9.3**2, rel=1e-4)


@pytest.mark.parametrize("points", [[], [(5, 5)], [(5, 5), (9, 7)], [(500, 5), (600, 5), (600, 9)]])
def test_what_encloses_nothing_in_the_window_covers_nothing(points: list[tuple[int, int]]) -> None:
    assert not coverage(np.array(points, float).reshape(-1, 2), WINDOW).any()


def test_a_polygon_far_larger_than_the_window_costs_no_more() -> None:
    far = 1e6
    covered = coverage(np.array([(-far, -far), (far, -far), (far, 10.25), (-far, 10.25)]), WINDOW)
    expected = np.repeat([1, 0.25, 0], [10, 1, 19])[:, None]
    # at a million pixels a double knows a ten-billionth of one
    np.testing.assert_allclose(covered, np.broadcast_to(expected, (30, 40)), atol=1e-6)
    zigzag = np.array([(x, y) for x in range(5, 35) for y in (-far, far)])
    assert coverage(zigzag, WINDOW).max() <= 1


@pytest.mark.parametrize("order", [1, -1])
def test_an_edge_fades_evenly_from_one_line_to_the_other(order: int) -> None:
    inner, outer = (disk(20, 15, radius)[::order] for radius in (4, 14))
    drawn = faded_coverage(inner, outer, WINDOW)
    y, x = np.mgrid[:30, :40] + 0.5
    expected = ((14 - np.hypot(x - 20, y - 15)) / 10).clip(0, 1)
    # a line of equal alpha for each pixel of the way
    np.testing.assert_allclose(drawn, expected, atol=0.05)
    assert drawn.max() == 1
