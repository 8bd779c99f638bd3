"""One mask from the same shapes, whichever file they went through, and in the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moving_shapes import soft_mattes

from rde_roto.session.drawing.shape_lines import lines_of
from rde_roto.shapes import (
    Shape,
    ShapeMaker,
    ShapePoint,
    ShotShapes,
    draw_shapes,
    file_remarks,
    file_text,
)
from rde_roto.shapes import read_shapes as read
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window

WINDOW = Window(0, 0, 160, 96)
FORMAT = PlateFormat(WINDOW, WINDOW)


def made(seed: int) -> ShotShapes:
    """Shapes of mattes that are soft from one side to the other."""
    maker = ShapeMaker(FORMAT, ("hero",), 1.0)
    for index, plane in enumerate(soft_mattes(seed)):
        maker.add(1001 + index, plane[None])
    return maker.finish()


def by_way_of(name: str, shapes: ShotShapes, folder: Path) -> ShotShapes:
    path = folder / name
    path.write_text(file_text(path, shapes), encoding="utf-8")
    return read(path)


def in_the_window(shapes: ShotShapes, frame: int) -> FloatArray:
    plane = np.zeros(WINDOW.shape, np.float32)
    for line in lines_of(shapes, "hero", frame, FORMAT):
        plane = line.over(plane, WINDOW, WINDOW.shape)
    return plane


@settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 10**6))
@example(9282)
def test_soft_mattes_are_drawn_alike_from_all_files_and_in_the_window(
    tmp_path: Path, seed: int
) -> None:
    shapes = made(seed)
    others = [by_way_of(name, shapes, tmp_path) for name in ("a.json", "a.nk")]
    for frame in shapes.frames:
        own = draw_shapes(shapes, frame)
        for other in others:
            # a document has thousandths of a pixel, of which a sharp bend makes up to a tenth
            assert np.abs(draw_shapes(other, frame) - own).max() < 0.1
        assert np.abs(in_the_window(shapes, frame) - own[0]).max() < 1e-5


def wide(seed: int) -> ShotShapes:
    """A shape of somebody's own, whose feather is wider than it has room for, uneven and moving."""
    random = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, 7, endpoint=False)
    at = np.stack([80 + 30 * np.cos(turn), 48 + 20 * np.sin(turn)], axis=1)
    points = []
    for place, angle in zip(at, turn, strict=True):
        keys = place + random.uniform(-6, 6, (2, 1, 2))
        along = 9 * np.array([-1.5 * np.sin(angle), np.cos(angle)])
        handles = keys + along * np.array([-1, 0, 1])[:, None]
        points.append(ShapePoint((1001, 1009), handles, random.uniform(0, 60, (2, 2))))
    shape = Shape("blob", "hero", False, 1001, 1009, tuple(points))
    return ShotShapes(FORMAT, FrameRange.parse("1001-1009"), ("hero",), (shape,))


@pytest.mark.parametrize("seed", range(4))
def test_feathers_that_are_too_wide_are_drawn_alike(tmp_path: Path, seed: int) -> None:
    shapes = wide(seed)
    for name in ("a.json", "a.nk"):
        other = by_way_of(name, shapes, tmp_path)
        for frame in shapes.frames:
            own = draw_shapes(shapes, frame)
            assert np.abs(draw_shapes(other, frame) - own).max() < 0.05, (name, frame)
            assert np.abs(in_the_window(other, frame) - own[0]).max() < 0.05


@pytest.mark.parametrize("seed", range(8))
def test_a_thousandth_of_a_pixel_does_not_move_a_feather(tmp_path: Path, seed: int) -> None:
    """Even at bends so tight that the line in the middle of the feather has a cusp there."""
    random = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    out = np.where(np.arange(8) % 2, 44.0, 12.0) * random.uniform(0.9, 1.1, 8)
    at = np.stack([80 + out * np.cos(turn), 48 + out * np.sin(turn)], axis=1)
    along = (np.roll(at, -1, axis=0) - np.roll(at, 1, axis=0)) / 6
    feather = random.uniform(0, 12, (8, 2)) * [[seed % 2, 1 - seed % 2]]
    points = tuple(
        ShapePoint((1001,), np.stack([place - by, place, place + by])[None], widths[None])
        for place, by, widths in zip(at, along, feather, strict=True)
    )
    shape = Shape("star", "hero", False, 1001, 1001, points)
    shapes = ShotShapes(FORMAT, FrameRange.parse("1001"), ("hero",), (shape,))
    written = draw_shapes(by_way_of("a.json", shapes, tmp_path), 1001)
    assert np.abs(written - draw_shapes(shapes, 1001)).max() < 0.02


def test_the_widest_feathers_that_a_document_holds_are_read_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for places in random.uniform(0, 96, (16, 2, 3, 2)):
        points = tuple(
            ShapePoint((1001,), place[None], np.array([[0, width]]))
            for place, width in zip(places, (1e6, 0), strict=True)
        )
        shape = Shape("blob", "hero", False, 1001, 1001, points)
        shapes = ShotShapes(FORMAT, FrameRange.parse("1001"), ("hero",), (shape,))
        by_way_of("a.mask.json", shapes, tmp_path)  # nor is it refused
        for name in ("a.json", "a.nk"):
            other = by_way_of(name, shapes, tmp_path)
            assert np.abs(draw_shapes(other, 1001) - draw_shapes(shapes, 1001)).max() < 0.05


def test_a_feather_that_blender_draws_elsewhere_is_said() -> None:
    said = list(file_remarks(Path("a.mask.json"), wide(0)))
    assert len(said) == 1
    assert said[0].startswith("hero: Blender draws the feather of blob up to ")
    assert list(file_remarks(Path("a.nk"), wide(0))) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_blender_draws_what_was_made_of_soft_mattes_nearly_alike(tmp_path: Path, seed: int) -> None:
    shapes = made(seed)
    assert any(shape.is_soft for shape in shapes.shapes)
    other = by_way_of("a.mask.json", shapes, tmp_path)
    for frame in shapes.frames:
        off = np.abs(draw_shapes(other, frame) - draw_shapes(shapes, frame))
        assert off.mean() < 0.02
