from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rde_roto.shapes import (
    Motion,
    Shape,
    ShapePoint,
    ShotShapes,
    draw_shapes,
    file_text,
    read_shapes,
    shapes_text,
)
from rde_roto.shapes.feather_curves import feather_curves
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat, Window

FORMAT = PlateFormat(Window(-4, 2, 60, 40), Window(0, 0, 56, 44), 2.0)


def point(x: float, y: float, moves: float = 6.0) -> ShapePoint:
    """A corner with keys at 1001 and 1007."""
    here, there = (x, y), (x + moves, y)
    handles = np.array([(here, here, here), (there, there, there)])
    return ShapePoint((1001, 1007), handles, np.array([(0.0, 0.0), (1.0, 2.0)]))


def square() -> ShotShapes:
    corners = ((10, 10), (30, 10), (30, 30), (10, 30))
    shape = Shape("box", "hero", False, 1001, 1010, tuple(point(x, y) for x, y in corners))
    return ShotShapes(FORMAT, FrameRange.parse("1001-1012"), ("hero", "car"), (shape,), 0.5)


def test_between_two_keys_a_point_moves_at_constant_speed() -> None:
    (shape,) = square().shapes
    for frame, x in ((900, 10), (1001, 10), (1003, 12), (1004, 13), (1007, 16), (2000, 16)):
        handles, feather = shape.at(frame)
        assert handles[0, 1, 0] == pytest.approx(x)
        assert feather[0, 1] == pytest.approx((x - 10) / 3)
    assert shape.key_frames == (1001, 1007)
    assert shape.key_count == 8


def test_shapes_are_drawn_over_the_data_window_while_they_live() -> None:
    alpha = draw_shapes(square(), 1001)
    assert alpha.shape == (2, 40, 60)
    assert not alpha[1].any()
    expected = np.zeros((40, 60), np.float32)
    expected[8:28, 14:34] = 1  # (10, 10) of the display window
    np.testing.assert_allclose(alpha[0], expected, atol=1e-5)
    assert draw_shapes(square(), 1010)[0].any()
    assert not draw_shapes(square(), 1011)[0].any()
    for frame in (1000, 1013, 11):  # were drawn black
        with pytest.raises(UsageError, match=f"the shapes have the frames 1001-1012, not {frame}"):
            draw_shapes(square(), frame)


def test_shapes_are_drawn_as_far_as_they_reach_into_the_window() -> None:
    (box,) = square().shapes
    for x, y, covered in ((-24, 0, 10 * 20), (300, 0, 0), (0, -300, 0), (20, 10, 20 * 20)):
        moved = Motion(np.zeros(2), (1001,), np.array([(x, y)], float), np.zeros(1))
        alpha = draw_shapes(replace(square(), shapes=(replace(box, motion=moved),)), 1001)
        assert alpha.sum() == pytest.approx(covered, abs=1e-3)


def test_a_document_reads_back_as_the_same_shapes(tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    path.write_text(shapes_text(square()), encoding="utf-8")
    found = read_shapes(path)
    assert (found.format, found.frames) == (FORMAT, square().frames)
    assert (found.elements, found.tolerance_px) == (("hero", "car"), 0.5)
    for frame in (1001, 1005, 1007):
        for one, other in zip(found.shapes[0].at(frame), square().shapes[0].at(frame), strict=True):
            np.testing.assert_allclose(one, other, atol=5e-4)  # 1/1000 px, rounded
    assert shapes_text(found) == shapes_text(square())
    fields = json.loads(path.read_text(encoding="utf-8"))
    assert fields["schema"] == "rde-roto.shapes/1"
    assert fields["shapes"][0]["points"][0]["keys"][1] == {
        "frame": 1007,
        "at": [16, 10],
        "left": [16, 10],
        "right": [16, 10],
        "feather": [1, 2],
    }


def test_a_shape_moves_as_a_whole(tmp_path: Path) -> None:
    (box,) = square().shapes
    motion = Motion(
        np.array([20.0, 20.0]), (1001, 1009), np.array([(0, 0), (8, -4)], float), np.array([0, 90])
    )
    moving = replace(square(), shapes=(replace(box, motion=motion),))
    found = read_text(shapes_text(moving), tmp_path)
    assert shapes_text(found) == shapes_text(moving)
    (shape,) = found.shapes
    # where (16, 10), its first corner in 1009, goes by a quarter turn clockwise around (20, 20)
    np.testing.assert_allclose(shape.at(1009)[0][0, 1], (30 + 8, 16 - 4), atol=1e-3)
    np.testing.assert_allclose(shape.at(1001)[0], box.at(1001)[0], atol=1e-3)


def test_keys_of_a_motion_are_in_order(tmp_path: Path) -> None:
    fields = json.loads(shapes_text(square()))
    keys = [{"frame": frame, "shift": [0, 0]} for frame in (1003, 1002)]
    fields["shapes"][0]["motion"] = {"centre": [0, 0], "keys": keys}
    with pytest.raises(DocumentError, match=r"shapes\.0\.motion\.keys: keys must be in order"):
        read_text(json.dumps(fields), tmp_path)


def test_an_edited_key_changes_only_the_frames_up_to_its_neighbours(
    tmp_path: Path,
) -> None:
    before = square()
    fields = json.loads(shapes_text(before))
    keys = fields["shapes"][0]["points"][0]["keys"]
    keys.insert(1, {"frame": 1003, "at": [4, 4], "left": [4, 4], "right": [4, 4]})
    held = {"at": [11, 10], "left": [11, 10], "right": [11, 10], "feather": [1 / 6, 1 / 3]}
    keys.insert(1, {"frame": 1002, **held})
    after = read_text(json.dumps(fields), tmp_path)
    changed = [
        frame
        for frame in before.frames
        if np.abs(draw_shapes(after, frame) - draw_shapes(before, frame)).max() > 0.01
    ]
    assert changed == [1003, 1004, 1005, 1006]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": "rde-roto.shapes/9"}, "declares the schema 'rde-roto.shapes/9'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"elements": ["hero"], "shapes": "none"}, "shapes: Input should be a valid"),
        ({"elements": ["car"]}, "box belongs to 'hero', which is no element"),
        ({"frames": "10-1"}, "runs backwards"),
        ({"plate": {}}, "plate.display: Field required"),
        ({"elements": [], "shapes": []}, "elements: List should have at least 1 item"),
        ({"elements": ["hero", "hero"]}, "an element is listed twice"),
    ],
)
def test_a_wrong_document_is_refused_by_name_and_place(
    change: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "hero.json"
    path.write_text(json.dumps({**json.loads(shapes_text(square())), **change}), encoding="utf-8")
    with pytest.raises(DocumentError, match=sentence) as refused:
        read_shapes(path)
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"frame": 1007', '"frame": 1001'),
        ('"at": [16.0, 10.0]', '"at": [1e300, 10.0]'),
        ('"at": [16.0, 10.0]', '"at": [NaN, 10.0]'),
        ('"at": [16.0, 10.0]', '"at": [16.0]'),
        ('"feather": [1.0, 2.0]', '"feather": [-1.0, 2.0]'),
        ('"first": 1001', '"first": "1001"'),
        ('"first": 1001', '"first": 1011'),
        ('"frame": 1007', '"frame": 101002'),
        pytest.param('"frame": 1007', f'"frame": 1{"0" * 400}', id="more than a float holds"),
    ],
)
def test_a_wrong_key_is_refused(old: str, new: str, tmp_path: Path) -> None:
    text = shapes_text(square())
    assert old in text
    with pytest.raises(DocumentError, match=r"shapes\.0"):
        read_text(text.replace(old, new), tmp_path)


@pytest.mark.parametrize("aspect", [1e-300, 0.09, 11.0, 1e300])
def test_pixels_that_no_picture_has_are_refused(aspect: float, tmp_path: Path) -> None:
    fields = json.loads(shapes_text(square()))
    fields["plate"]["pixel_aspect"] = aspect
    with pytest.raises(DocumentError, match=r"plate\.pixel_aspect"):
        read_text(json.dumps(fields), tmp_path)


@pytest.mark.parametrize("ending", [".json", ".nk", ".mask.json"])
@pytest.mark.parametrize("shift_px", [None, 30.0])
def test_a_life_far_longer_than_the_keys_costs_nothing(
    ending: str, shift_px: float | None, tmp_path: Path
) -> None:
    (box,) = square().shapes
    shifts = np.array([(0.0, 0.0), (shift_px or 0.0, 0.0)])
    motion = Motion(np.zeros(2), (1003, 1009), shifts, np.zeros(2))
    always = replace(box, first=-(10**7), last=10**7, motion=motion if shift_px else None)
    shapes = replace(square(), shapes=(always,))
    path = tmp_path / f"hero{ending}"
    path.write_text(file_text(path, shapes), encoding="utf-8")
    (back,) = read_shapes(path).shapes
    assert (back.first, back.last) == (always.first, always.last)
    for frame in (-(10**7), 1001, 1005, 1008, 10**7):
        # the hosts' formats leave out keys within 0.05 px
        curves, expected = (feather_curves(*shape.at(frame)) for shape in (back, always))
        np.testing.assert_allclose(curves, expected, atol=0.1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_document_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError):
        read_shapes(path)
    with pytest.raises(DocumentError, match="No such file"):
        read_shapes(tmp_path / "gone.json")


def test_an_unknown_element_is_named() -> None:
    with pytest.raises(UsageError, match="no element 'dog', but hero, car"):
        list(square().there("dog", 1001))


def read_text(text: str, folder: Path) -> ShotShapes:
    """Read a document from a text."""
    path = folder / "shapes.json"
    path.write_text(text, encoding="utf-8")
    return read_shapes(path)
