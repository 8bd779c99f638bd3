""" "Proxy scale: the same shot asked at half or quarter size answers consistently"
(conventions, Image)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_files import write_image

from rde_roto.documents.shot_document import ElementEntry, KeyframeEntry, PlateEntry, ShotDocument
from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.files import read_channels
from rde_roto.images.masks import read_mask
from rde_roto.images.scaling import reduced
from rde_roto.images.sequences import find_sequence
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files.opening import open_document
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Finish, Preset, Tracking

DEMO = Path(__file__).parents[2] / "engine/rde_roto/demo/shot"
HALF = PlateFormat(Window(-2, 1, 16, 9), Window(0, 0, 12, 12))


def test_planes_are_made_smaller_by_the_mean_of_each_area() -> None:
    planes = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6) / np.float32(48)
    expected = planes.reshape(2, 2, 2, 3, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(reduced(planes, (2, 3)), expected, atol=1e-6)
    assert reduced(planes, (4, 6)) is planes
    assert reduced(np.ones((1, 7, 5), np.float32), (3, 2)).max() == 1


def test_a_mask_of_the_full_plate_is_averaged_down(tmp_path: Path) -> None:
    plane = np.zeros((18, 32, 1), np.float32)
    plane[3:10, 5:20] = 1
    path = write_image(tmp_path / "mask.png", plane, "uint16")
    alpha, _ = read_mask(path, HALF, proxy=2)
    np.testing.assert_allclose(alpha, reduced(plane[None, ..., 0], (9, 16)), atol=1e-6)


def test_a_mask_of_the_proxy_is_taken_as_it_is(tmp_path: Path) -> None:
    plane = np.zeros((9, 16, 1), np.float32)
    plane[3:7, 5:12] = 1
    path = write_image(tmp_path / "mask.png", plane, "uint16")
    assert np.array_equal(read_mask(path, HALF, proxy=2)[0][0], plane[..., 0])


def test_an_exr_mask_of_the_full_plate_lies_where_its_windows_say(tmp_path: Path) -> None:
    square = np.ones((4, 6, 1), np.float32)
    path = write_image(
        tmp_path / "m.exr", square, channels=("A",), origin=(2, 6), display=(0, 0, 24, 24)
    )
    alpha, _ = read_mask(path, HALF, "matte", proxy=2)
    expected = np.zeros((9, 16), np.float32)  # whose corner is (-2, 1) of the proxy
    expected[2:4, 3:6] = 1
    assert np.array_equal(alpha[0], expected)


@pytest.mark.parametrize("side", [(18, 31), (17, 32), (19, 33)])
def test_a_side_that_two_does_not_divide_may_be_rounded_either_way(
    tmp_path: Path, side: tuple[int, int]
) -> None:
    path = write_image(tmp_path / "mask.png", np.ones((*side, 1), np.float32), "uint16")
    assert read_mask(path, HALF, "matte", proxy=2)[0].shape == (1, 9, 16)


def test_a_mask_of_neither_size_is_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "mask.png", np.ones((18, 24, 1), np.float32), "uint16")
    with pytest.raises(InputError, match=r"24x18, .* is 16x9 at .* or 2 times as large"):
        read_mask(path, HALF, proxy=2)
    with pytest.raises(InputError, match=r"24x18, .* is 16x9 at .*: make"):
        read_mask(path, HALF)


# with the real network, on the shot that comes along


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plate at full, half and quarter size, light averaged, and the first mask at full size."""
    folder = tmp_path_factory.mktemp("shot")
    frames = find_sequence(str(DEMO / "plate"))
    for frame in FrameRange.parse("1001-1008"):
        light = np.moveaxis(read_channels(frames.path(frame), ["R", "G", "B"]), 2, 0)
        for factor in (1, 2, 4):
            height, width = (side // factor for side in light.shape[1:])
            small = light.reshape(3, height, factor, width, factor).mean(axis=(2, 4))
            window = Window(0, 0, width, height)
            planes = dict(zip("RGB", small, strict=True))
            path = folder / f"{factor}/hero.{frame}.exr"
            write_planes(path, planes, PlateFormat(window, window), {}, FLOAT)
    return folder


def mattes(shot: Path, factor: int, lines: int, **finish: Any) -> dict[int, FloatArray]:
    mask = find_sequence(str(DEMO / "truth")).path(1001)
    document = ShotDocument(
        plate=PlateEntry(path=str(shot / f"{factor}/hero.####.exr"), proxy=factor),
        elements=[ElementEntry(id="hero")],
        keyframes=[KeyframeEntry(frame=1001, mask=str(mask))],
    )
    preset = Preset(
        name="test", tracking=Tracking(lines=lines, crop=False), finish=Finish(**finish)
    )
    opened = open_document(document, preset)
    load = tracker_of(load_model("rde-lite"), torch.device("cpu"))
    node = RotoNode(opened.shot, opened.preset, load)
    return {matte.frame: matte.alpha for matte in node.render(FrameRange.parse("1001,1004,1008"))}


@pytest.mark.parametrize(
    ("factor", "lines", "least"),
    [
        # the same working size either way. Measured 0.972 and 0.899 with the shipped weights, 0.973
        # and 0.943 with those before them: light that is averaged before the view's curve is not
        # quite the view averaged, the less so the more it is made smaller
        (2, 120, 0.96),
        (2, 180, 0.88),
    ],
)
def test_a_proxy_shows_what_the_full_plate_shows(
    shot: Path, factor: int, lines: int, least: float
) -> None:
    full, proxy = mattes(shot, 1, lines), mattes(shot, factor, lines)
    assert proxy
    assert proxy.keys() == full.keys()
    for frame, alpha in proxy.items():
        expected = reduced(full[frame], alpha.shape[1:])
        common = np.minimum(alpha, expected).sum() / np.maximum(alpha, expected).sum()
        assert common >= least, (frame, common)


def test_pixels_of_a_knob_are_those_of_the_full_plate(shot: Path) -> None:
    full = mattes(shot, 1, 180, erode_px=-6, edges="bilinear")
    proxy = mattes(shot, 2, 180, erode_px=-6, edges="bilinear")
    expected = reduced(full[1001], proxy[1001].shape[1:])
    grown, before = proxy[1001].sum(), mattes(shot, 2, 180)[1001].sum()
    assert grown > 1.1 * before
    assert np.abs(proxy[1001] - expected).mean() <= 0.004  # the disk's rim falls on other pixels
