"""Whole shapes from mattes: few points, few keys, the same points throughout, and bad mattes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from moving_shapes import FORMAT, WINDOW, blob, disk, iou, matte

from rde_roto.shapes import Shape, ShapeMaker, ShotShapes, draw_shapes, tracks
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window

Mattes = Callable[[int], FloatArray]


def made(
    mattes: Mattes, frames: int, tolerance_px: float = 1.0, first: int = 1001
) -> tuple[ShotShapes, list[str]]:
    """The shapes of one element, and what was said about them."""
    maker = ShapeMaker(FORMAT, ("hero",), tolerance_px)
    for index in range(frames):
        maker.add(first + index, mattes(index)[None])
    return maker.finish(), list(maker.warnings)


def overlaps(shapes: ShotShapes, mattes: Mattes) -> list[float]:
    first = shapes.frames.first
    return [iou(draw_shapes(shapes, frame)[0], mattes(frame - first)) for frame in shapes.frames]


def points_alone(mattes: Mattes, index: int, tolerance_px: float) -> int:
    """The points of a fit of one frame alone."""
    shapes, _ = made(lambda _: mattes(index), 1, tolerance_px)
    return shapes.shapes[0].key_count


@pytest.mark.parametrize("tolerance_px", [1.0, 0.5])
def test_a_body_that_moves_is_one_shape_with_few_keys(tolerance_px: float) -> None:
    def mattes(index: int) -> FloatArray:
        return matte(blob(index, breathes=4))

    shapes, said = made(mattes, 24, tolerance_px)
    (shape,) = shapes.shapes
    assert said == []
    assert (shape.first, shape.last, shape.element) == (1001, 1024, "hero")
    assert 3 <= len(shape.points) <= 24
    # the body is small: a pixel around it is 4.5 % of its area
    assert min(overlaps(shapes, mattes)) > (0.95 if tolerance_px == 1 else 0.975)
    alone = [points_alone(mattes, index, tolerance_px) for index in (0, 11, 23)]
    assert shape.key_count <= 24 * np.mean(alone) / 3


def test_a_shaking_camera_costs_keys_of_the_motion_alone() -> None:
    shakes = np.random.default_rng(2).normal(0, 3, (16, 2))

    def mattes(index: int) -> FloatArray:
        return matte(blob(0) + shakes[index])

    shapes, _ = made(mattes, 16)
    (shape,) = shapes.shapes
    assert shape.motion is not None
    assert len(shape.motion.frames) >= 12
    assert shape.key_count - len(shape.motion.frames) <= 3 * len(shape.points)
    assert min(overlaps(shapes, mattes)) > 0.95


def test_points_move_as_the_outline_does() -> None:
    shapes, _ = made(lambda index: matte(blob(index)), 16)
    (shape,) = shapes.shapes
    start = shape.at(1001)[0][:, 1]
    nearest = np.hypot(*np.moveaxis(start[:, None] - blob(0), -1, 0)).argmin(axis=1)
    off = [
        np.hypot(*(shape.at(1001 + index)[0][:, 1] - blob(index)[nearest]).T).mean()
        for index in range(16)
    ]
    assert np.mean(off) <= 2


def test_corners_get_points_of_their_own() -> None:
    corners = np.array([(60, 40), (200, 60), (180, 150), (80, 140)], float)
    shapes, _ = made(lambda index: matte(np.add(corners, (2 * index, 0))), 10, 0.5)
    (shape,) = shapes.shapes
    at = shape.at(1001)[0][:, 1]
    away = np.hypot(*np.moveaxis(corners[:, None] - at, -1, 0)).min(axis=1)
    assert away.max() < 2
    assert len(shape.points) <= 10
    assert shape.key_count <= 2 * len(shape.points) + 4  # it moves in a straight line


def test_a_hole_is_a_shape_that_is_taken_away() -> None:
    def mattes(index: int) -> FloatArray:
        return matte(disk(120 + index, 100, 60), holes=(disk(125 + index, 100, 25),))

    shapes, _ = made(mattes, 8)
    assert [(shape.name, shape.is_hole) for shape in shapes.shapes] == [
        ("hero_part1", False),
        ("hero_hole1", True),
    ]
    assert min(overlaps(shapes, mattes)) > 0.98


def test_a_part_in_a_hole_is_there_again() -> None:
    def mattes(_: int) -> FloatArray:
        ring = matte(disk(150, 100, 80), holes=(disk(150, 100, 50),))
        whole: FloatArray = ring + matte(disk(150, 100, 20))
        return whole

    shapes, _ = made(mattes, 2)
    assert len(shapes.shapes) == 3
    assert min(overlaps(shapes, mattes)) > 0.98


def test_parts_that_come_go_split_and_join_live_as_long_as_they_are_there() -> None:
    def mattes(index: int) -> FloatArray:
        if 4 <= index < 8:
            return matte(disk(70, 100, 25), disk(150, 100, 40))
        return matte(disk(150, 100, 40))

    shapes, _ = made(mattes, 12)
    lives = sorted((shape.first, shape.last) for shape in shapes.shapes)
    assert lives == [(1001, 1012), (1005, 1008)]
    assert min(overlaps(shapes, mattes)) > 0.97

    def apart(index: int) -> FloatArray:
        return matte(disk(150 - 4 * index, 100, 30), disk(150 + 4 * index, 100, 30))

    shapes, _ = made(apart, 16)
    assert {shape.last for shape in shapes.shapes} >= {1016}
    assert min(overlaps(shapes, apart)) > 0.95


def test_several_elements_have_shapes_of_their_own() -> None:
    maker = ShapeMaker(FORMAT, ("hero", "car"), 1.0)
    planes = np.stack([matte(disk(80, 100, 40)), matte(disk(230, 100, 50))])
    maker.add(7, planes)
    shapes = maker.finish()
    assert [shape.element for shape in shapes.shapes] == ["hero", "car"]
    for plane, truth in zip(draw_shapes(shapes, 7), planes, strict=True):
        assert iou(plane, truth) > 0.98


def test_a_soft_edge_becomes_feather() -> None:
    across = np.hypot(np.arange(320)[None] + 0.5 - 160, np.arange(200)[:, None] + 0.5 - 100)

    def mattes(index: int) -> FloatArray:
        soft: FloatArray = (0.5 + (60 - across) / (12 + index)).clip(0, 1).astype(np.float32)
        return soft

    shapes, _ = made(mattes, 6)
    (shape,) = shapes.shapes
    for frame in (1001, 1006):
        _, feather = shape.at(frame)
        assert feather.mean() == pytest.approx((12 + frame - 1001) / 2, rel=0.1)
        alpha, truth = draw_shapes(shapes, frame)[0], mattes(frame - 1001)
        edge = (truth > 0.01) & (truth < 0.99)
        assert np.abs(alpha - truth)[edge].mean() < 0.03
    # a hole whose edge fades 8 px inwards and 3 outwards, into the element
    uneven = np.where(across < 60, 0.5 - (60 - across) / 16, 0.5 + (across - 60) / 6)
    truth = uneven.clip(0, 1).astype(np.float32)
    shapes, _ = made(lambda _: truth, 1)
    (hole,) = [shape for shape in shapes.shapes if shape.is_hole]
    inwards, outwards = hole.at(1001)[1].mean(axis=0)
    assert inwards > outwards + 1
    assert inwards + outwards == pytest.approx(11, abs=1)
    edge = (truth > 0.01) & (truth < 0.99)
    # shapes fade evenly: the nearest even ramp is 0.06 from this one on average
    assert np.abs(draw_shapes(shapes, 1001)[0] - truth)[edge].mean() < 0.08
    hard, _ = made(lambda _: matte(disk(150, 100, 50)), 1)
    assert not hard.shapes[0].at(1001)[1].any()


def test_an_empty_matte_has_no_shapes_and_that_is_said() -> None:
    shapes, said = made(lambda _: np.zeros(WINDOW.shape, np.float32), 3)
    assert shapes.shapes == ()
    assert said == ["hero: nothing to draw, no pixel of its mattes is above one half"]
    assert not draw_shapes(shapes, 1002).any()


def test_crumbs_are_left_out_and_counted() -> None:
    def mattes(_: int) -> FloatArray:
        plane = matte(disk(150, 100, 50))
        plane[5, 5:300:10] = 1
        return plane

    shapes, said = made(mattes, 2)
    assert len(shapes.shapes) == 1
    assert said == ["hero: 60 crumbs below 9 px left out"]


def test_small_holes_of_a_single_frame_are_left_out_between_others() -> None:
    def mattes(index: int) -> FloatArray:
        plane = matte(disk(150, 100, 50))
        plane[90:94, 140:144] = 0 if index == 1 else 1
        plane[110:116, 140:146] = 0 if index == 1 else 1
        return plane

    shapes, said = made(mattes, 3)
    assert [shape.is_hole for shape in shapes.shapes] == [False, True]
    assert said == ["hero: 1 crumb of a single frame, below 25 px left out"]
    alone, said = made(lambda _: mattes(1), 1)
    assert len(alone.shapes) == 3
    assert said == []


def test_a_small_thing_that_is_all_of_an_element_is_never_taken_for_a_speck() -> None:
    """Also if it moves too fast to be followed, so that each frame has a shape of its own."""
    shapes, said = made(lambda index: matte(disk(20 + 30 * index, 100, 2.3)), 8)
    assert all(draw_shapes(shapes, frame).any() for frame in shapes.frames)
    assert said == []


def test_a_small_part_is_there_to_the_last_frame_of_a_long_shot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shape has 240 frames at most; what is left of a part is no speck."""
    monkeypatch.setattr(tracks, "_LONGEST", 4)

    def mattes(index: int) -> FloatArray:
        return matte(disk(30, 30, 6), *([disk(100, 100, 2.3)] if index < 5 else []))

    shapes, said = made(mattes, 7)
    assert draw_shapes(shapes, shapes.frames.first + 4)[0, 90:110, 90:110].any()
    assert said == []


def test_hundreds_of_holes_are_bounded() -> None:
    plane = np.ones(WINDOW.shape, np.float32)
    for row in range(4, 196, 10):
        for column in range(4, 316, 10):
            plane[row : row + 5, column : column + 5] = 0
    shapes, said = made(lambda _: plane, 2)
    assert len(shapes.shapes) <= 64
    assert said == ["hero: 1154 outlines beyond the largest 64 of a frame left out"]


def test_noise_that_is_another_one_in_every_frame_is_bounded() -> None:
    random = np.random.default_rng(3)
    coarse = random.random((4, 10, 16)).astype(np.float32)
    shapes, _ = made(lambda index: np.kron(coarse[index], np.ones((20, 20), np.float32)), 4)
    assert shapes.shapes
    assert max(len(shape.points) for shape in shapes.shapes) <= 128
    assert sum(shape.key_count for shape in shapes.shapes) < 4 * 64 * 128


def test_what_touches_the_border_has_no_edge_there() -> None:
    def mattes(index: int) -> FloatArray:
        return matte(disk(5.0 * index, 190, 70))

    shapes, _ = made(mattes, 8)
    assert min(overlaps(shapes, mattes)) > 0.98
    alpha = draw_shapes(shapes, 1008)[0]
    assert (alpha[-1, 10:60] > 0.99).all()


def test_slivers_are_bounded_too() -> None:
    def mattes(index: int) -> FloatArray:
        plane = np.zeros(WINDOW.shape, np.float32)
        plane[20 + index, 10:300] = 1
        plane[60:180, 40 + 2 * index] = 0.6
        return plane

    shapes, _ = made(mattes, 3)
    assert shapes.shapes
    assert all(np.isfinite(draw_shapes(shapes, frame)).all() for frame in shapes.frames)


def test_one_frame_is_enough() -> None:
    shapes, _ = made(lambda _: matte(blob(0)), 1)
    (shape,) = shapes.shapes
    assert shape.key_frames == (1001,)
    assert overlaps(shapes, lambda _: matte(blob(0)))[0] > 0.965


def test_frames_may_have_gaps() -> None:
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for frame in (10, 12, 14, 20):
        maker.add(frame, matte(disk(100 + frame, 100, 40))[None])
    shapes = maker.finish()
    assert shapes.frames == FrameRange.of([10, 12, 14, 20])
    (shape,) = shapes.shapes
    assert shape.at(15)[0][:, 1].mean(axis=0)[0] == pytest.approx(115, abs=0.5)


def test_frames_come_in_order() -> None:
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    maker.add(3, matte(disk(100, 100, 40))[None])
    with pytest.raises(ValueError, match="frame 3 comes after 3"):
        maker.add(3, matte(disk(100, 100, 40))[None])


def test_windows_of_the_plate_are_honoured() -> None:
    plate = PlateFormat(Window(-10, -6, 320, 200), Window(0, 0, 300, 188), 2.0)
    maker = ShapeMaker(plate, ("hero",), 1.0)
    truth = matte(disk(100, 100, 40))
    maker.add(1, truth[None])
    shapes = maker.finish()
    np.testing.assert_allclose(centre(shapes.shapes[0], 1), (90, 94), atol=0.5)
    assert iou(draw_shapes(shapes, 1)[0], truth) > 0.98


def test_a_tolerance_that_no_matte_can_meet_is_refused() -> None:
    for tolerance_px in (0, -1, float("nan"), 1e6, float("inf")):
        with pytest.raises(UsageError, match="is of no use"):
            ShapeMaker(FORMAT, ("hero",), tolerance_px)


def centre(shape: Shape, frame: int) -> np.ndarray:
    """The middle of a shape's points."""
    found: np.ndarray = shape.at(frame)[0][:, 1].mean(axis=0)
    return found


def test_a_limb_that_comes_out_of_the_body_keeps_the_rest_in_place() -> None:
    """Before it comes out its part of the outline has no length, and must not pull elsewhere."""

    def mattes(index: int) -> FloatArray:
        body = disk(120, 100, 40)
        reach = 150 + 12 * index
        arm = np.array([(130, 90), (reach, 90), (reach, 106), (130, 106)], float)
        plane: FloatArray = np.maximum(matte(body), matte(arm))
        return plane

    shapes, _ = made(mattes, 8)
    assert len(shapes.shapes) == 1
    assert min(overlaps(shapes, mattes)) > 0.96


@pytest.mark.parametrize("blur_px", [12, 24, 40])
def test_the_feather_of_motion_blur_has_points_where_it_changes(blur_px: int) -> None:
    """A disk that moves sideways: soft on its left and right, hard on top and below."""

    def mattes(index: int) -> FloatArray:
        at = np.linspace(-blur_px / 2, blur_px / 2, 2 * blur_px)
        each = [matte(disk(150 + 4 * index + x, 100, 60)) for x in at]
        mean: FloatArray = np.mean(each, axis=0, dtype=np.float32)
        return mean

    shapes, _ = made(mattes, 3, tolerance_px=0.5)
    (shape,) = shapes.shapes
    assert len(shape.points) <= 16
    for frame in shapes.frames:
        truth = mattes(frame - 1001)
        edge = (truth > 0.02) & (truth < 0.98)
        off = np.abs(draw_shapes(shapes, frame)[0] - truth)[edge].mean()
        assert off < 0.021  # of a hard edge 0.25; of a ramp for each sample, 0.013
