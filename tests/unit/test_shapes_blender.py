"""Shapes as Blender's masks; what Blender makes of them is in tests/hosts/test_blender.py."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from moving_shapes import FORMAT, blob, disk, matte

from rde_roto.shapes import Shape, ShapeMaker, ShapePoint, ShotShapes, draw_shapes, file_text
from rde_roto.shapes import read_shapes as read
from rde_roto.shapes.drawing import spline_coverage
from rde_roto.values.errors import DocumentError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat, Window

WITHIN_PX = 0.1
OVERSCAN = PlateFormat(Window(-10, -6, 320, 200), Window(0, 0, 300, 188), 2.0)


@cache
def made() -> ShotShapes:
    """A body that drifts and turns, with a hole, over a plate with overscan."""
    maker = ShapeMaker(OVERSCAN, ("hero", "car"), 1.0)
    for index in range(6):
        hole = disk(120 + 2.5 * index, 100, 20)
        planes = np.stack([matte(blob(index), holes=(hole,)), matte(disk(40, 40 + index, 9))])
        maker.add(1001 + index, planes)
    return maker.finish()


def document(shapes: ShotShapes) -> dict[str, object]:
    found: dict[str, object] = json.loads(file_text(Path("hero.mask.json"), shapes))
    return found


def again(fields: dict[str, object], folder: Path) -> ShotShapes:
    path = folder / "Hero.Mask.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return read(path)


def test_shapes_come_back_from_blender_as_they_went(tmp_path: Path) -> None:
    shapes = made()
    back = again(document(shapes), tmp_path)
    assert (back.format, back.frames) == (OVERSCAN, shapes.frames)
    assert back.elements == ("hero", "car")
    assert {(s.name, s.is_hole, s.first, s.last) for s in back.shapes} == {
        (s.name, s.is_hole, s.first, s.last) for s in shapes.shapes
    }
    for frame in shapes.frames:
        assert np.abs(draw_shapes(shapes, frame) - draw_shapes(back, frame)).max() < 0.06
    # a motion goes into the keys of all points, at most one a frame
    keys = sum(
        len(s.points) * (s.last - s.first + 1) if s.motion else s.key_count for s in shapes.shapes
    )
    assert sum(s.key_count for s in back.shapes) <= keys


def test_a_feather_lies_outside_of_the_masks_spline(tmp_path: Path) -> None:
    """Blender feathers to one side, outside of what runs clockwise on the screen."""
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    for order in (1, -1):
        points = []
        for angle in turn[::order]:
            at = 100 + 40 * np.array([np.cos(angle), np.sin(angle)])
            along = order * 40 * 0.265 * np.array([-np.sin(angle), np.cos(angle)])
            handles = np.array([[at - along, at, at + along]])
            points.append(ShapePoint((1,), handles, np.array([[4.0, 4.0]])))
        window = Window(0, 0, 200, 200)
        shape = Shape("disk", "hero", False, 1, 1, tuple(points))
        plate = PlateFormat(window, window)
        shapes = ShotShapes(plate, FrameRange.of([1]), ("hero",), (shape,))
        fields = json.loads(file_text(Path("x.mask.json"), shapes))
        (layer,) = fields["masks"][0]["layers"]
        values = np.array(layer["keys"][0]["splines"][0])
        radius = np.hypot(*(values[:, 2:4] - 0.5).T) * 200
        np.testing.assert_allclose(radius, 36, atol=1e-4)
        np.testing.assert_allclose(values[:, 6] * 200, 8, atol=1e-4)
        x, y = values[:, 2:4].T
        assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() < 0  # y goes up: clockwise
        back = again(fields, tmp_path)
        np.testing.assert_allclose(back.shapes[0].at(1)[1], 4, atol=1e-3)
        # 1e-4 px wider, a feather may be drawn in 11 steps in place of 10: a tenth of one shows
        assert np.abs(draw_shapes(back, 1) - draw_shapes(shapes, 1)).max() < 0.02
        # drawn the other way round, it has no feather in Blender
        layer["keys"][0]["splines"][0] = [
            [*one[4:6], *one[2:4], *one[0:2], one[6]] for one in values[::-1].tolist()
        ]
        assert not again(fields, tmp_path).shapes[0].at(1)[1].any()


def test_tight_bends_with_uneven_feather_come_back_where_they_were(tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radius = np.where(np.arange(14) % 2, 50, 62)
    corners = np.stack([160 + radius * np.cos(turn), 100 + radius * np.sin(turn)], axis=1)
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    along = (after - before) / 6
    handles = np.stack([corners - along, corners, corners + along], axis=1)
    points = [
        ShapePoint((1,), one[None], np.full((1, 2), 1.0 + index % 4))
        for index, one in enumerate(handles)
    ]
    star = Shape("star", "hero", False, 1, 1, tuple(points))
    shapes = ShotShapes(FORMAT, FrameRange.parse("1"), ("hero",), (star,))
    (back,) = again(document(shapes), tmp_path).shapes
    found = back.at(1)[0][:, 1]
    apart = np.hypot(*np.moveaxis(found[:, None] - corners, -1, 0)).min(axis=1)
    assert apart.max() < WITHIN_PX


def test_a_soft_curve_that_turns_far_is_cut_and_stays_what_it_is(tmp_path: Path) -> None:
    """A disk of three points: each of its curves turns by 120 degrees, too far for Blender."""
    turn = np.arange(3) * 2 * np.pi / 3
    at = 40 * np.stack([np.cos(turn), np.sin(turn)], axis=1) + 100
    along = 40 * 0.7698 * np.stack([-np.sin(turn), np.cos(turn)], axis=1)
    handles = np.stack([at - along, at, at + along], axis=1)
    for width, count in ((5.0, 6), (0.0, 3)):
        feather = np.full((1, 2), width)
        points = tuple(ShapePoint((1,), one[None], feather) for one in handles)
        disk = Shape("disk", "hero", False, 1, 1, points)
        shapes = ShotShapes(FORMAT, FrameRange.parse("1"), ("hero",), (disk,))
        back = again(document(shapes), tmp_path)
        assert len(back.shapes[0].points) == count
        # a fortieth of a pixel, where edges are hard
        assert np.abs(draw_shapes(back, 1) - draw_shapes(shapes, 1)).max() < 0.025


def test_a_hole_that_is_thinner_than_its_feather_does_not_grow(tmp_path: Path) -> None:
    hole = [
        ShapePoint((1,), np.array([[at, at, at]], float), np.full((1, 2), 8.0))
        for at in ((150, 100), (160, 100), (155, 108))
    ]
    small = Shape("hole", "hero", True, 1, 1, tuple(hole))
    shapes = ShotShapes(FORMAT, FrameRange.parse("1"), ("hero",), (small,))
    (back,) = again(document(shapes), tmp_path).shapes
    before, after = (spline_coverage(*one.at(1), FORMAT.data) for one in (small, back))
    assert 0 < after.sum() <= before.sum()
    # the line of one half is where it was
    assert np.count_nonzero((after > 0.5) != (before > 0.5)) <= 6


def test_coordinates_are_those_of_the_picture_that_blender_shows() -> None:
    """The plate's data window, 320 by 200: its middle is (150, 94) from the display window."""
    still = [
        ShapePoint((5,), np.full((1, 3, 2), at, float), np.zeros((1, 2)))
        for at in ((150, 94), (310, 94), (150, 194))
    ]
    shape = Shape("corner", "hero", True, 5, 6, tuple(still))
    fields = document(ShotShapes(OVERSCAN, FrameRange.parse("5-6"), ("hero",), (shape,)))
    masks = fields["masks"]
    assert isinstance(masks, list)
    (layer,) = masks[0]["layers"]
    assert (layer["blend"], layer["first"], layer["last"]) == ("MERGE_SUBTRACT", 5, 6)
    assert [key["frame"] for key in layer["keys"]] == [5]  # it stands still
    places = {tuple(point[2:4]) for point in layer["keys"][0]["splines"][0]}
    assert places == {(0.5, 0.5), (1.0, 0.5), (0.5, 0.1875)}


def test_the_splines_of_a_layer_are_shapes_of_their_own(tmp_path: Path) -> None:
    fields = document(made())
    masks = fields["masks"]
    assert isinstance(masks, list)
    (layer,) = masks[1]["layers"]
    for key in layer["keys"]:
        key["splines"].append(key["splines"][0])
    back = again(fields, tmp_path)
    assert [s.name for s in back.shapes if s.element == "car"] == ["car_part1_1", "car_part1_2"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("rde-roto.mask/1", "rde-roto.shapes/1", "expected masks of Blender, rde-roto.mask/1"),
        ('"MERGE_ADD"', '"LIGHTEN"', "masks.0.layers.0.blend: Input should be"),
        ('"name": "car"', '"name": "hero"', "two masks have the same name"),
        ('"frame": 1006', '"frame": 1001', "in order of their frames"),
        ('"frame": 1006', '"frame": 99991001', "for no more than a shot"),
        ('"splines": [[[', '"splines": [[[1, ', "splines.0.0"),
        ('"first": 1001', '"first": 2001', "must be shown for some frames"),
    ],
)
def test_a_damaged_file_is_refused_by_name_and_place(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    text = json.dumps(document(made()))
    assert old in text
    path = tmp_path / "hero.mask.json"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DocumentError) as refused:
        read(path)
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_point_that_no_document_could_hold_is_refused(tmp_path: Path) -> None:
    fields = document(made())
    masks = fields["masks"]
    assert isinstance(masks, list)
    masks[0]["layers"][0]["keys"][0]["splines"][0][0][2] = 1e6  # of the picture's width
    with pytest.raises(DocumentError, match=r"hero: layer hero_.*more than 1,000,000 px away"):
        again(fields, tmp_path)


def test_the_keys_of_a_layer_have_the_same_points(tmp_path: Path) -> None:
    fields = document(made())
    masks = fields["masks"]
    assert isinstance(masks, list)
    del masks[0]["layers"][0]["keys"][0]["splines"][0][0]
    with pytest.raises(DocumentError, match="must have the same splines and points"):
        again(fields, tmp_path)
