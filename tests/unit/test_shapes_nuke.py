"""Shapes as Nuke's Roto nodes. The scripts here are written by hand, as Nuke writes its own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_shapes import FORMAT, blob, disk, iou, matte

from rde_roto.shapes import (
    Motion,
    Shape,
    ShapeMaker,
    ShapePoint,
    ShotShapes,
    draw_shapes,
    file_text,
    nuke_text,
)
from rde_roto.shapes import read_shapes as read
from rde_roto.shapes.bezier import flattened
from rde_roto.shapes.feather_curves import feather_curves, line_between, turn_of
from rde_roto.shapes.raster import coverage
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat, Window

WITHIN_PX = 0.1


@cache
def made() -> ShotShapes:
    """A body that drifts and turns, with a hole."""
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for index in range(8):
        hole = disk(120 + 2.5 * index, 100, 20)
        maker.add(1001 + index, matte(blob(index), holes=(hole,))[None])
    return maker.finish()


def again(shapes: ShotShapes, folder: Path) -> ShotShapes:
    """Shapes by way of Nuke's text."""
    path = folder / "again.nk"
    path.write_text(nuke_text(shapes), encoding="utf-8")
    return read(path)


def farthest(one: ShotShapes, other: ShotShapes) -> float:
    """How far the points of shapes of one name are apart in any frame, in pixels."""
    others = {(shape.element, shape.name): shape for shape in other.shapes}
    assert len(others) == len(one.shapes) > 0
    found = 0.0
    for shape in one.shapes:
        same = others[shape.element, shape.name]
        assert (same.first, same.last, same.is_hole) == (shape.first, shape.last, shape.is_hole)
        for frame in range(shape.first, shape.last + 1):
            (points, feather), (as_points, as_feather) = shape.at(frame), same.at(frame)
            found = max(found, np.abs(points - as_points).max())
            # in between, a feather that turns grows a little narrower
            if frame in shape.key_frames:
                _, expected = line_between(*feather_curves(points, feather))
                found = max(found, np.abs(expected - as_feather).max())
    return found


def test_shapes_come_back_from_nuke_as_they_went(tmp_path: Path) -> None:
    shapes = made()
    back = again(shapes, tmp_path)
    assert (back.format, back.frames, back.elements) == (FORMAT, shapes.frames, ("hero",))
    assert farthest(shapes, back) < WITHIN_PX
    # a motion goes into the keys of all points, at most one a frame
    keys = sum(
        len(s.points) * (s.last - s.first + 1) if s.motion else s.key_count for s in shapes.shapes
    )
    assert sum(s.key_count for s in back.shapes) <= keys
    for frame in shapes.frames:
        # what keys leave of a turn: 0.05 px
        assert np.abs(draw_shapes(shapes, frame) - draw_shapes(back, frame)).max() < 0.06


@st.composite
def shots(draw: st.DrawFn) -> ShotShapes:
    """Anything that shapes can say with a feather as wide inwards as outwards."""
    width, height = draw(st.integers(16, 4096)), draw(st.integers(16, 4096))
    display = Window(draw(st.integers(-99, 99)), draw(st.integers(-99, 99)), width, height)
    data = Window(draw(st.integers(-99, 99)), draw(st.integers(-99, 99)), width + 7, height + 3)
    plate = PlateFormat(
        data, display, draw(st.sampled_from([0.5, 1.0, 1.46, 2.0, 4 / 3, 1.0000001]))
    )
    first = draw(st.integers(-50, 100_000))
    elements = draw(st.lists(st.sampled_from(["hero", "car_2", "_b"]), min_size=1, unique=True))
    shapes = [
        draw(closed(element, index, first, (width, height)))
        for index, element in enumerate(elements * draw(st.integers(1, 2)))
    ]
    frames = FrameRange.between(first, first + 30)
    return ShotShapes(plate, frames, tuple(elements), tuple(shapes))


@st.composite
def closed(draw: st.DrawFn, element: str, index: int, first: int, size: tuple[int, int]) -> Shape:
    random = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    life = sorted(draw(st.tuples(st.integers(0, 30), st.integers(0, 30))))
    count = draw(st.integers(1, 9))
    is_soft = draw(st.booleans())
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = []
    for angle in turn:
        frames = sorted({*random.integers(life[0], life[1] + 1, draw(st.integers(1, 5))).tolist()})
        keys = len(frames)
        at = np.array(size) / 2 + 0.3 * min(size) * np.array([np.cos(angle), np.sin(angle)])
        at = at + random.uniform(-20, 20, (keys, 2))
        along = min(size) * 0.6 / max(3, count) * np.array([-np.sin(angle), np.cos(angle)])
        handles = np.stack([at - along, at, at + along], axis=1)
        width = random.uniform(0, 9, keys) if is_soft else np.zeros(keys)
        numbers = tuple(first + frame for frame in frames)
        points.append(ShapePoint(numbers, handles, np.stack([width, width], axis=1)))
    ends = (first + life[0], first + life[1])
    return Shape(f"{element}_{index}", element, draw(st.booleans()), *ends, tuple(points))


@settings(max_examples=12, deadline=None)
@given(shots())
def test_windows_aspect_frames_and_places_survive(
    tmp_path_factory: pytest.TempPathFactory, shapes: ShotShapes
) -> None:
    back = again(shapes, tmp_path_factory.getbasetemp())
    assert (back.format, back.frames) == (shapes.format, shapes.frames)
    assert back.elements == shapes.elements
    assert farthest(shapes, back) < WITHIN_PX


def test_nuke_counts_from_the_bottom_left_corner(tmp_path: Path) -> None:
    corners = ((10, 4), (30, 4), (30, 20), (10, 20))
    still = [ShapePoint((7,), np.array([[at, at, at]], float), np.zeros((1, 2))) for at in corners]
    plate = PlateFormat(Window(-4, -4, 60, 50), Window(2, 3, 48, 40), 2.0)
    box = Shape("my box", "hero", True, 5, 9, tuple(still))
    text = nuke_text(ShotShapes(plate, FrameRange.parse("5-9"), ("hero",), (box,)))
    assert 'format "48 40 0 0 48 40 2 "' in text
    assert "first_frame 5\n last_frame 9\n" in text
    assert "{curvegroup my_box 512 bezier" in text
    ten, thirty, top, bottom = "x41200000", "x41f00000", "x42100000", "x41a00000"  # 10 30 36 20
    assert f"{{px x40e00000\n        {{0 0}}\n        {{{ten} {top}}}\n        {{0 0}}" in text
    assert f"{{{thirty} {top}}}" in text
    assert f"{{{thirty} {bottom}}}" in text
    assert text.count("idem") == 1
    # minus, from frame 5 to 9
    assert "{a bm x41400000 ltn x40a00000 ltm x41100000 ltt x40800000" in text


@pytest.mark.parametrize("ending", [".nk", ".mask.json"])
def test_how_a_shape_moves_as_a_whole_goes_into_its_keys(tmp_path: Path, ending: str) -> None:
    """The hosts' files have no motion: a shift needs its own keys alone, a turn some in between."""
    for turn, keys in ((0.0, 3), (40.0, 15)):
        shifts = np.array([[0.0, 0.0], [30.0, 5.0], [-8.0, 2.0]])
        motion = Motion(np.array([80.0, 60.0]), (1, 11, 21), shifts, np.array([0.0, turn, turn]))
        corners = ((50, 40), (110, 40), (110, 80), (50, 80))
        points = [ShapePoint((1,), np.array([[at] * 3], float), np.zeros((1, 2))) for at in corners]
        box = Shape("box", "hero", False, 1, 21, tuple(points), motion)
        shapes = ShotShapes(FORMAT, FrameRange.parse("1-21"), ("hero",), (box,))
        path = tmp_path / f"box{ending}"
        path.write_text(file_text(path, shapes), encoding="utf-8")
        back = read(path)
        assert farthest(shapes, back) < WITHIN_PX
        assert 3 <= max(len(point.frames) for point in back.shapes[0].points) <= keys


def test_tcl_reads_the_script_as_we_do() -> None:
    """Nuke's scripts are Tcl: each line is a command, each knob a word and its value."""
    tkinter = pytest.importorskip("tkinter", reason="this Python has no Tcl")
    nodes: dict[str, dict[str, str]] = {}
    tcl = tkinter.Tcl()

    def node(kind: str, body: str) -> None:
        words = tcl.splitlist(body)
        nodes[kind] = dict(zip(words[::2], words[1::2], strict=True))

    tcl.createcommand("node", node)
    tcl.eval("proc version args {}\nproc unknown {class body} {node $class $body}")
    tcl.eval(nuke_text(made()))
    assert list(nodes) == ["Root", "Roto"]
    assert nodes["Roto"]["rde_roto_windows"] == "0 0 320 200 0 0 320 200"
    (tree,) = tcl.splitlist(nodes["Roto"]["curves"])
    version, flags, layers = tcl.splitlist(tree)
    assert (version, flags) == ("v x3f99999a", "f 0")
    root = tcl.splitlist(tcl.splitlist(layers)[1])
    assert root[:2] == ("layer", "Root")
    assert [tcl.splitlist(shape)[1] for shape in root[5:]] == ["hero_hole1", "hero_part1"]


def test_between_two_keys_nuke_moves_points_at_constant_speed() -> None:
    places = np.array([(0.0, 0.0), (6.0, 0.0), (6.0, 9.0)])
    point = ShapePoint((1, 4, 7), np.repeat(places[:, None], 3, axis=1), np.zeros((3, 2)))
    shape = Shape("one", "hero", False, 1, 7, (point, replace(point)))
    text = nuke_text(ShotShapes(FORMAT, FrameRange.parse("1-7"), ("hero",), (shape,)))
    assert "{1 x40800000 x40e00000}" in text  # frames 1, 4 and 7 for all points
    # x: 0, 6 and 6, at 2 px a frame at first; the slopes on both sides of each key, and their reach
    assert "{{0 0 1 x40000000 1} {x40c00000 x40000000 1 0 1} {x40c00000 -}}" in text


def test_feather_fades_between_the_two_curves_as_it_is_drawn() -> None:
    """Nuke's feather, drawn as its manual says: from the shape's line to the feather's line."""
    shapes = soft()
    (shape,) = shapes.shapes
    for frame in (1001, 1006):
        points, feather = shape.at(frame)
        curves = feather_curves(points, feather)
        inner, outer = (resampled(curve, 16) for curve in curves)
        alpha = np.mean(
            [
                coverage(inner + level * (outer - inner), WINDOW)
                for level in np.arange(0.5, 32) / 32
            ],
            axis=0,
        )
        edge = (alpha > 0.01) & (alpha < 0.99)
        assert edge.sum() > 500
        assert np.abs(alpha - draw_shapes(shapes, frame)[0])[edge].mean() < 0.01
        line, widths = line_between(*curves)
        # half of what the two differ by is where the line in the middle lies
        np.testing.assert_allclose(line[:, 1], points[:, 1], atol=0.1)
        np.testing.assert_allclose(
            widths, feather.mean(axis=1, keepdims=True) + 0 * widths, atol=0.01
        )


def strip(thick_px: float, feather_px: float) -> ShotShapes:
    """A lying bar of 160 px with a waist in its middle, where it is `thick_px` thick; its ends are
    12 px thicker.
    """
    top, bottom, far = 100 - thick_px / 2, 100 + thick_px / 2, 80.0
    # cubics from end to end, whose middle is three quarters of the way to their handles
    corners = [(160 - far, top - 6), (160 + far, top - 6), (160 + far, bottom + 6)]
    corners += [(160 - far, bottom + 6)]
    handles = np.repeat(np.array(corners)[:, None], 3, axis=1)
    handles[0, 2] = handles[1, 0] = (160, top + 2)
    handles[2, 2] = handles[3, 0] = (160, bottom - 2)
    widths = np.full((1, 2), feather_px)
    points = tuple(ShapePoint((1,), one[None], widths) for one in handles)
    bar = Shape("bar", "hero", False, 1, 1, points)
    return ShotShapes(FORMAT, FrameRange.parse("1"), ("hero",), (bar,))


@pytest.mark.parametrize("thick_px", [6.0, 14.0, 60.0])
def test_a_part_thinner_than_its_feather_keeps_its_line_in_nuke(
    tmp_path: Path, thick_px: float
) -> None:
    shapes = strip(thick_px, 12.0)
    points, feather = shapes.shapes[0].at(1)
    inner, _ = feather_curves(points, feather)
    flat, line = (flattened(one).polygon for one in (inner, points))
    # what the inner curve encloses lies within the line, and is not turned inside out
    assert turn_of(inner) == turn_of(points)
    own, whole = coverage(flat, WINDOW), coverage(line, WINDOW)
    assert 0 < own.sum() < whole.sum()
    assert (own <= whole + 1e-5).all()
    across = flat[(np.abs(flat[:, 0] - 160) < 30), 1]
    assert len(across) > 4
    # the two sides of the inner curve's waist have not crossed
    ((first, last),) = {tuple(np.sign(across[[0, -1]] - 100))}
    assert (first, last) == tuple(np.sign([points[0, 1, 1] - 100, points[2, 1, 1] - 100]))
    back = again(shapes, tmp_path)
    np.testing.assert_allclose(back.shapes[0].at(1)[0], points, atol=1e-3)
    is_narrower = back.shapes[0].at(1)[1].max() < 11.9
    assert is_narrower == (thick_px < 24)


def test_frames_that_nuke_would_round_are_refused() -> None:
    shapes = strip(60.0, 0.0)
    (bar,) = shapes.shapes
    last = 1 << 24
    at_last = replace(shapes, frames=FrameRange.of([last]))
    assert f"last_frame {last}" in nuke_text(at_last)
    for wrong in (
        replace(shapes, frames=FrameRange.of([last + 1])),
        replace(shapes, shapes=(replace(bar, first=-last - 1),)),
    ):
        with pytest.raises(UsageError, match=r"^frame -?16777217: Nuke's shapes count frames to"):
            nuke_text(wrong)


WINDOW = FORMAT.data


def soft() -> ShotShapes:
    """A disk with a soft edge, which grows softer."""
    across = np.hypot(np.arange(320)[None] + 0.5 - 160, np.arange(200)[:, None] + 0.5 - 100)
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for index in range(6):
        plane = (0.5 + (60 - across) / (12 + index)).clip(0, 1).astype(np.float32)
        maker.add(1001 + index, plane[None])
    shapes = maker.finish()
    assert any(point.feather.any() for point in shapes.shapes[0].points)
    return shapes


def resampled(curve: np.ndarray, chords: int) -> np.ndarray:
    """The same places of each segment of a closed spline."""
    t = (np.arange(chords) / chords)[:, None]
    s = 1 - t
    after = np.roll(curve, -1, axis=0)
    found = [
        s**3 * one[1] + 3 * s * s * t * one[2] + 3 * s * t * t * other[0] + t**3 * other[1]
        for one, other in zip(curve, after, strict=True)
    ]
    return np.concatenate(found)


def test_no_two_shapes_of_a_node_have_one_name(tmp_path: Path) -> None:
    body, hole = made().shapes
    own = [replace(body, name="a b"), replace(hole, name="a_b"), replace(body, name="a_b_2")]
    back = again(replace(made(), shapes=tuple(own)), tmp_path)
    assert len({shape.name for shape in back.shapes}) == 3


def test_a_part_in_a_hole_lies_above_it(tmp_path: Path) -> None:
    ring = matte(disk(150, 100, 80), holes=(disk(150, 100, 50),)) + matte(disk(150, 100, 20))
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    maker.add(1, ring[None])
    shapes = maker.finish()
    text = nuke_text(shapes)
    places = [text.index(name) for name in ("hero_part2 ", "hero_hole1 ", "hero_part1 ")]
    assert places == sorted(places)  # the first is on top
    for one in (shapes, again(shapes, tmp_path)):
        assert iou(draw_shapes(one, 1)[0], ring) > 0.98


def test_an_edit_of_a_key_in_nuke_changes_the_frames_up_to_the_keys_beside_it(
    tmp_path: Path,
) -> None:
    corners = ((10.0, 4.0), (30.0, 4.0), (30.0, 20.0), (10.0, 20.0))
    moving = []
    for x, y in corners:
        places = np.array([[(x + 2 * frame, y)] * 3 for frame in (0, 4, 8, 12)])
        moving.append(ShapePoint((1, 5, 9, 13), places, np.zeros((4, 2))))
    # a hook in the path, so that all keys are needed
    moving[0].handles[2] += (0, 1)
    shape = Shape("box", "hero", False, 1, 13, tuple(moving))
    before = ShotShapes(FORMAT, FrameRange.parse("1-13"), ("hero",), (shape,))
    text = nuke_text(before)
    # the third point at frame 9: 46, 180 from the bottom
    old = "{x42380000 x40000000 1 x40000000 1}"
    assert old in text
    path = tmp_path / "edited.nk"
    at = text.index(old, text.index(old) + 1)
    path.write_text(text[:at] + old.replace("x42380000", "x42480000") + text[at + len(old) :])
    after = read(path)
    changed = [
        frame
        for frame in before.frames
        if np.abs(draw_shapes(after, frame) - draw_shapes(before, frame)).max() > 0.01
    ]
    assert changed == [6, 7, 8, 9, 10, 11, 12]


# --- scripts of other people ----------------------------------------------------------------------

OUTLINE = """{cc
       {f 8192}
       {px 1 {-9 0} {100 50} {9 0} {0 0} {300 50} {0 0} {0 0} {200 150} {0 0}}}"""


def script(shape: str, root: str = "{f 0} {t 160 100} {a}", more: str = "") -> str:
    """A script with a Roto node, as people copy them from Nuke."""
    return f"""#! /opt/Nuke/Nuke15.1v3/Nuke15.1 -nx
set cut_paste_input [stack 0]
version 15.1 v3
push $cut_paste_input
Grade {{
 label "a \\"quoted\\" \\[value size] {{brace"
 name Grade1
}}
Roto {{
 output alpha
 curves {{{{{{v x3f99999a}}
  {{f 0}}
  {{n
   {{layer Root
    {root}
    {shape}}}}}}}}}
 toolbox {{selectAll {{
  {{ selectAll str 1 ssx 1 ssy 1 sf 1 }}
}} }}
 name Roto1.2
 {more}
}}
"""


def shape_text(curves: str = f"{OUTLINE} idem", more: str = "{tx 1 200 80} {a str 1}") -> str:
    return f"{{curvegroup Bezier1 512 bezier {{{curves}}} {more}}}"


def windows(text: str) -> str:
    return f'format "320 200 0 0 320 200 1 "\n rde_roto_windows "{text}"'


def found(text: str, folder: Path) -> ShotShapes:
    path = folder / "theirs.nk"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_a_shape_that_somebody_drew_is_read(tmp_path: Path) -> None:
    shapes = found(script(shape_text()), tmp_path)
    assert shapes.elements == ("Roto1_2",)
    assert shapes.format.display == Window(0, 0, 320, 200)  # twice the pivot of the root
    (shape,) = shapes.shapes
    points, feather = shape.at(1)
    np.testing.assert_allclose(points[0], [(91, 150), (100, 150), (109, 150)])
    np.testing.assert_allclose(points[:, 1], [(100, 150), (300, 150), (200, 50)])
    assert not feather.any()


def test_keys_ease_in_and_out_as_their_slopes_say(tmp_path: Path) -> None:
    keys = "{{0 0 1 0 1} {30 0 1 0 1}}"
    moving = f"""{{cc {{f 8192}} {{px {{1 11}}
      {{{{{{x 2 {{0 -}}}}}} {{{{x 2 {{0 -}}}}}}}} {{{keys} {{{{x 2 50}}}}}} {{0 0}}
      {{0 0}} {{300 50}} {{0 0}} {{0 0}} {{200 150}} {{0 0}}}}}}"""
    (shape,) = found(script(shape_text(f"{moving} idem")), tmp_path).shapes
    for frame in range(1, 12):
        t = (frame - 1) / 10
        expected = 30 * t * t * (3 - 2 * t)
        assert shape.at(frame)[0][0, 1, 0] == pytest.approx(expected, abs=0.06)
    # handles twice as long: slow for longer, then fast
    longer = moving.replace("{0 0 1 0 1}", "{0 0 2 0 2}").replace("{30 0 1 0 1}", "{30 0 2 0 2}")
    (shape,) = found(script(shape_text(f"{longer} idem")), tmp_path).shapes
    # x(u) = 2u(1-u)^2 + u^2(1-u) + u^3 is 0.2 at u = 0.11983
    u = 0.11983
    expected = 30 * u * u * (3 - 2 * u)
    assert shape.at(3)[0][0, 1, 0] == pytest.approx(expected, abs=0.06)


def test_a_feather_that_somebody_pulled_out_has_its_line_in_the_middle(tmp_path: Path) -> None:
    feather = """{cc {f 8192} {px 1 {-9 0} {0 -20} {9 0} {0 0} {0 0} {0 0} {0 0} {0 0} {0 0}}}"""
    (shape,) = found(script(shape_text(f"{OUTLINE} {feather}")), tmp_path).shapes
    points, widths = shape.at(1)
    np.testing.assert_allclose(points[0, 1], (100, 160))  # 50 and 30 from the bottom
    np.testing.assert_allclose(widths, [(10, 10), (0, 0), (0, 0)])


def test_a_feather_that_leans_is_read_and_said(tmp_path: Path) -> None:
    assert again(strip(60.0, 12.0), tmp_path).remarks == ()
    leans = """{cc {f 8192} {px 1 {0 0} {20 9} {0 0} {0 0} {20 9} {0 0} {0 0} {20 9} {0 0}}}"""
    (said,) = found(script(shape_text(f"{OUTLINE} {leans}")), tmp_path).remarks
    assert said.startswith("Roto1_2: the feather of Bezier1 is drawn up to ")


def test_layers_hidden_shapes_and_lifetimes_are_heeded(tmp_path: Path) -> None:
    life = "{a ltn 5 ltm 9 ltt 4}"
    inner = f"{{layer Arms {{f 512}} {{t 160 100}} {{a}} {shape_text(more=life)}}}"
    hidden = shape_text(more="{a vis 0 opc 0.5}").replace("Bezier1", "Bezier2")
    single = shape_text(more="{a ltn 7 ltm 7 ltt 2}").replace("Bezier1", "Bezier3")
    shapes = found(script(f"{inner} {hidden} {single}"), tmp_path)
    lives = [(shape.name, shape.first, shape.last) for shape in shapes.shapes]
    assert lives == [("Bezier3", 7, 7), ("Bezier1", 5, 9)]  # the last one listed is at the bottom
    assert str(shapes.frames) == "5-9"
    assert found(script(hidden, more='rde_roto_frames "3-4"'), tmp_path).shapes == ()


def test_a_comment_is_not_in_quotes(tmp_path: Path) -> None:
    note = 'StickyNote {\n label "one\n#two"\n}\n# "three\n'
    assert len(found(note + script(shape_text()), tmp_path).shapes) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Grade {\n name Grade1\n}\n", "there is no Roto node in it"),
        (script(""), "there is no shape in it"),
        (script(shape_text()) * 2, "two Roto nodes are called Roto1_2"),
        (script(shape_text()) + "}", "a brace is closed that was never opened"),
        ("Roto {", "a brace is never closed"),
        ("{" * 70, "more than 64 braces"),
        (script(shape_text(more="{t 1 2 0 5}")), "it has a transform"),
        (script(shape_text(more="{t 1 2 0 {{1 0} {9 5}}}")), "it has a transform"),
        (script(shape_text(), root="{t 160 100 0 0 0 0 0 0 5}"), "layer Root: it has a transform"),
        (script(shape_text(more="{a opc 0.5}")), "its opacity or alpha is not 1"),
        (script(shape_text(more="{a opc {{1 1} {9 0}}}")), "its attribute opc is animated"),
        (script(shape_text(more="{a inv 1}")), "it is inverted"),
        (script(shape_text(more="{a bm 3}")), "blending mode is none of over, max and minus"),
        (script(shape_text(more="{a ltn 1 ltm 1 ltt 3}")), "its lifetime is none of all, single"),
        (script(shape_text(f"{OUTLINE.replace('8192', '8224')} idem")), "it is open"),
        (script(shape_text(f"{OUTLINE.replace('8192', '0')} idem")), "handles are not relative"),
        (script(shape_text(f"{OUTLINE.replace('{-9 0}', '')} idem")), "its points are not under"),
        (script(shape_text(f"{OUTLINE.replace('-9', '=frame')} idem")), "found '=frame'"),
        (script(shape_text(f"{OUTLINE.replace('-9', 'x7f800000')} idem")), "found 'x7f800000'"),
        (script(shape_text(f"{OUTLINE.replace('px 1', 'px {2 1}')} idem")), "not in the order"),
        (script(shape_text(f"{OUTLINE.replace('{-9 0}', '{{1 2} 0}')} idem")), "2 keys at 1 fr"),
        (script(shape_text(f"{OUTLINE.replace('{-9 0}', '{{{1 2}} 0}')} idem")), "not understood"),
        (script(shape_text().replace("bezier", "bspline")), "it is no Bezier"),
        (script("{cubiccurve Brush1 512 catmullrom {cc {f 2080}}}"), "it is a stroke"),
        (script(shape_text(), root="{t 0 0}"), "its format is not known"),
        (script(shape_text(OUTLINE.replace("-9", "1e30"))), "expected a number, found '1e30'"),
        (script(shape_text(OUTLINE.replace("-9", "2e6"))), "more than 1,000,000 px away"),
        (script(shape_text(more="{a ltn 1 ltm 1e30 ltt 4}")), "expected a number, found '1e30'"),
        (
            script(shape_text(), more=windows("0 0 320 200 0 0 99999 9")),
            "data window is not within",
        ),
        (script(shape_text(), more=windows("0 0 320 200 9999999 0 9 9")), "1,000,000 px apart"),
        (script(shape_text(), more='format "320 200 0 0 320 200 wide"'), "found 'wide'"),
    ],
)
def test_what_shapes_cannot_say_is_refused_by_name(
    text: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DocumentError) as refused:
        found(text, tmp_path)
    assert sentence in str(refused.value)
    assert str(tmp_path / "theirs.nk") in str(refused.value)
