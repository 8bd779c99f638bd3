"""Shapes that have the points of lines which an artist drew at keyframes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from moving_shapes import FORMAT, WINDOW, blob, disk, iou, matte

from rde_roto.shapes import (
    Shape,
    ShapeMaker,
    ShotShapes,
    Spline,
    draw_shapes,
    file_text,
    read_shapes,
)
from rde_roto.shapes.drawing import spline_coverage
from rde_roto.shapes.shape import Points
from rde_roto.values.matte import FloatArray

FIRST, FRAMES = 1001, 12


def line(index: int, count: int = 14, width: tuple[float, float] = (0, 0)) -> Spline:
    """The body of a frame as somebody draws it: handles of any length, and one broken."""
    at = blob(index, 4)[np.linspace(0, 900, count, endpoint=False).astype(int)]
    along = (np.roll(at, -1, axis=0) - np.roll(at, 1, axis=0)) / 6
    left, right = at - 0.8 * along, at + 1.1 * along
    left[3] += (4, -3)
    return Spline(np.stack([left, at, right], axis=1), np.tile(np.array(width, float), (count, 1)))


def drawn(own: Spline) -> FloatArray:
    return spline_coverage(own.points, own.feather, WINDOW)


def made(
    lines: Mapping[int, Spline], tolerance_px: float = 1.0
) -> tuple[ShotShapes, list[FloatArray]]:
    """The shapes of a body with lines in some frames, and its mattes: there those of the lines."""
    maker, mattes = ShapeMaker(FORMAT, ("hero",), tolerance_px), []
    for index in range(FRAMES):
        own = [lines[index]] if index in lines else []
        mattes.append(drawn(own[0]) if own else matte(blob(index, 4)))
        maker.add(FIRST + index, mattes[-1][None], {"hero": own})
    return maker.finish(), mattes


def only(shapes: ShotShapes) -> Shape:
    (shape,) = shapes.shapes
    return shape


def places_of(points: Points, at: Points) -> np.ndarray:
    """Which of points [N, 2] are nearest to others [P, 2]."""
    found: np.ndarray = np.hypot(*np.moveaxis(at[:, None] - points, -1, 0)).argmin(axis=1)
    return found


@pytest.mark.parametrize("key", [0, 7, FRAMES - 1])
@pytest.mark.parametrize("way", [1, -1])
def test_points_and_handles_of_a_line_are_those_of_its_shape(key: int, way: int) -> None:
    own = line(key)
    own = Spline(own.points[::way, ::way], own.feather)  # drawn in either direction
    shapes, mattes = made({key: own})
    shape = only(shapes)
    assert len(shape.points) == len(own.points)
    np.testing.assert_allclose(shape.at(FIRST + key)[0], own.points, atol=1e-9)
    assert all(FIRST + key in point.frames for point in shape.points)
    # a pixel around the body is 4.5 % of its area
    assert min(iou(draw_shapes(shapes, FIRST + i)[0], mattes[i]) for i in range(FRAMES)) > 0.955
    # the same points throughout: they move as the body does, whose own points are known
    same = places_of(blob(key, 4), own.points[:, 1])
    off = [
        np.hypot(*(shape.at(FIRST + i)[0][:, 1] - blob(i, 4)[same]).T).mean() for i in range(FRAMES)
    ]
    assert np.mean(off) <= 2
    assert shape.key_count < FRAMES * len(own.points) / 2


@pytest.mark.parametrize("ending", [".json", ".nk", ".mask.json"])
def test_every_host_gets_the_points_of_a_line(ending: str, tmp_path: Path) -> None:
    own, path = line(5), tmp_path / f"hero{ending}"
    shapes, _ = made({5: own})
    path.write_text(file_text(path, shapes), encoding="utf-8")
    found, _ = only(read_shapes(path)).at(FIRST + 5)
    np.testing.assert_allclose(found, own.points, atol=2e-3)  # what the files round to


def test_points_are_added_where_the_body_needs_them_and_all_of_the_line_stay() -> None:
    own = line(5, count=7)
    shapes, mattes = made({5: own})
    shape = only(shapes)
    at = shape.at(FIRST + 5)[0][:, 1]
    hers = places_of(at, own.points[:, 1])
    assert len(at) > len(own.points)
    assert list(hers) == sorted(set(hers))
    np.testing.assert_allclose(at[hers], own.points[:, 1], atol=1e-9)
    # the curve is the same one: chords that draw it are within 0.01 px of it
    np.testing.assert_allclose(draw_shapes(shapes, FIRST + 5)[0], mattes[5], atol=0.03)
    for index in (0, 11):
        assert iou(draw_shapes(shapes, FIRST + index)[0], mattes[index]) > 0.955


def test_an_edit_of_the_same_line_at_another_keyframe_is_kept_too() -> None:
    first, later = line(2), line(9)
    later.points[6] += (3, 5)
    later.points[8, 0] += (2, -4)  # a broken handle
    shape = only(made({2: first, 9: later})[0])
    for index, own in ((2, first), (9, later)):
        np.testing.assert_allclose(shape.at(FIRST + index)[0], own.points, atol=1e-9)
    # of a line with other points, those of the first one stay
    shapes, mattes = made({2: first, 9: line(9, count=16)})
    np.testing.assert_allclose(only(shapes).at(FIRST + 2)[0][:, 1], first.points[:, 1], atol=1e-9)
    assert iou(draw_shapes(shapes, FIRST + 9)[0], mattes[9]) > 0.955


def test_the_feather_of_a_line_is_kept_and_so_is_the_side_to_which_it_goes() -> None:
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for index in range(6):
        own = line(index, width=(1.0, 7.0))
        maker.add(FIRST + index, drawn(own)[None], {"hero": [own]} if index == 2 else {})
    shape = only(maker.finish())
    hers = places_of(shape.at(FIRST + 2)[0][:, 1], line(2).points[:, 1])
    np.testing.assert_allclose(shape.at(FIRST + 2)[1][hers], [(1, 7)] * 14, atol=1e-9)
    there, feather = shape.at(FIRST + 5)
    inwards, outwards = feather[hers].mean(axis=0)
    # as wide as there is room for; around the middle of the edge it would be 4 on either side
    assert outwards - inwards > 4
    assert inwards + outwards == pytest.approx(8, abs=1.5)
    off = np.hypot(*(there[hers, 1] - line(5).points[:, 1]).T)
    assert off.mean() <= 2


def test_a_hole_has_the_points_of_the_line_that_cut_it() -> None:
    outer, inner = disk(150, 100, 80), disk(150, 100, 40)[::-90]
    along = (np.roll(inner, -1, axis=0) - np.roll(inner, 1, axis=0)) / 6
    own = Spline(np.stack([inner - along, inner, inner + along], axis=1), np.zeros((10, 2)))
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for index in range(3):
        alpha = matte(outer) - drawn(own)
        maker.add(FIRST + index, alpha[None], {"hero": [own]} if index == 1 else {})
    part, hole = maker.finish().shapes
    assert (part.is_hole, hole.is_hole) == (False, True)
    np.testing.assert_allclose(hole.at(FIRST + 1)[0], own.points, atol=1e-9)


def test_a_line_that_goes_out_of_the_picture_keeps_its_points_there() -> None:
    at = np.array([(-60, 60), (80, 50), (120, 110), (70, 260), (-70, 240)], float)
    along = (np.roll(at, -1, axis=0) - np.roll(at, 1, axis=0)) / 6
    own = Spline(np.stack([at - along, at, at + along], axis=1), np.zeros((5, 2)))
    maker, mattes = ShapeMaker(FORMAT, ("hero",), 1.0), []
    for index in range(6):
        mattes.append(drawn(Spline(np.add(own.points, (3 * index, 0)), own.feather)))
        maker.add(FIRST + index, mattes[-1][None], {"hero": [own]} if index == 0 else {})
    shapes = maker.finish()
    found = only(shapes).at(FIRST)[0][:, 1]
    np.testing.assert_allclose(found[places_of(found, at)], at, atol=1e-9)
    for index in range(6):
        assert iou(draw_shapes(shapes, FIRST + index)[0], mattes[index]) > 0.97


def test_a_line_under_paint_or_other_lines_gives_no_points() -> None:
    own = line(0)
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    alpha = np.maximum(drawn(own), matte(disk(190, 100, 30)))
    maker.add(FIRST, alpha[None], {"hero": [own]})
    shapes = maker.finish()
    assert iou(draw_shapes(shapes, FIRST)[0], alpha) > 0.955
    found = only(shapes).at(FIRST)[0][:, 1]
    assert np.hypot(*(found[places_of(found, own.points[:, 1])] - own.points[:, 1]).T).max() > 5
