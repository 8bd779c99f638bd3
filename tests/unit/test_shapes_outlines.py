from __future__ import annotations

import numpy as np
import pytest
from moving_shapes import WINDOW, disk, matte

from rde_roto.shapes.outlines import outlines
from rde_roto.shapes.softness import softness
from rde_roto.values.plate import Window


def test_an_outline_of_a_soft_matte_is_exact_to_a_fraction_of_a_pixel() -> None:
    (outline,) = outlines(matte(disk(150.3, 90.6, 40)), WINDOW, 2)
    away = np.hypot(*(outline.points - (150.3, 90.6)).T) - 40
    # coverage is not quite even across a slanted edge
    assert np.abs(away).max() < 0.1
    assert outline.area_px == pytest.approx(np.pi * 40**2, rel=2e-3)
    np.testing.assert_allclose(outline.centre, (150.3, 90.6), atol=0.01)
    assert outline.length_px == pytest.approx(2 * np.pi * 40, rel=0.01)


def test_holes_and_parts_are_told_apart_the_largest_first() -> None:
    plane = matte(disk(100, 100, 60), disk(250, 50, 20), holes=(disk(100, 100, 30),))
    found = outlines(plane, WINDOW, 2)
    assert [one.is_hole for one in found] == [False, True, False]
    assert [round(np.sqrt(one.area_px / np.pi)) for one in found] == [60, 30, 20]


def test_coordinates_are_those_of_the_display_window() -> None:
    window = Window(-8, 4, 320, 200)
    (outline,) = outlines(matte(disk(100, 100, 30)), window, 2)
    np.testing.assert_allclose(outline.centre, (92, 104), atol=0.01)


def test_what_touches_the_border_is_closed_outside() -> None:
    (outline,) = outlines(matte(disk(0, 100, 50)), WINDOW, 4)
    assert -5 <= outline.points[:, 0].min() <= -4
    (whole,) = outlines(np.ones(WINDOW.shape, np.float32), WINDOW, 4)
    assert whole.area_px > 320 * 200


@pytest.mark.parametrize("level", [0, 0.5])
def test_an_empty_matte_has_no_outline(level: float) -> None:
    assert outlines(np.full(WINDOW.shape, level, np.float32), WINDOW, 2) == []


def test_softness_is_how_far_an_edge_fades_on_either_side() -> None:
    x = np.arange(320) + 0.5 - 160
    points, normals = np.full((5, 2), (160.0, 100.0)), np.full((5, 2), (1.0, 0.0))

    def even(inner: float, outer: float) -> np.ndarray:
        ramp: np.ndarray = ((outer - x) / (inner + outer)).clip(0, 1).astype(np.float32)
        return ramp

    uneven = np.where(x < 0, 0.5 - x / 10, 0.5 - x / 30).clip(0, 1).astype(np.float32)
    for ramp, expected in ((even(9, 9), (9, 9)), (even(7, 12), (7, 12)), (uneven, None)):
        plane = np.broadcast_to(ramp, WINDOW.shape)
        inner, outer = softness(plane, WINDOW, points, normals)[0]
        if expected is None:  # the nearest one of all whole pixels is no nearer
            widths = range(1, 25)
            nearest = min(np.square(even(i, o) - ramp).sum() for i in widths for o in widths)
            assert np.square(even(inner, outer) - ramp).sum() <= nearest + 0.01
        else:
            assert (inner, outer) == pytest.approx(expected, abs=0.3)
    hard = (x < 0).astype(np.float32)
    assert not softness(np.broadcast_to(hard, WINDOW.shape), WINDOW, points, normals).any()
