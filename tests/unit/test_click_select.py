"""The selector: the rules hold with any weights, here the tracker's, and what is selected does
not depend on the size of the plate.

How well the shipped weights select is measured by tests/bench/clicks.py.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from one_frame import OneFrame

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.click_model import ClickModel, load_click_model
from rde_roto.model.geometry import resized
from rde_roto.model.network_view import Picture
from rde_roto.model.weights import load_model
from rde_roto.net import ClickNet
from rde_roto.session.clicks.select import ClickSelector
from rde_roto.session.drawing.painting import within
from rde_roto.session.drawing.selection import Click, Hints
from rde_roto.training.clicks.simulated_clicks import next_click
from rde_roto.values.errors import UsageError, WeightsError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

HEIGHT, WIDTH = 96, 128
ON, OFF = (40.0, 40.0), (100.0, 80.0)


@pytest.fixture(scope="module")
def model() -> ClickModel:
    net = ClickNet()
    net.start_from(load_model("rde-lite").net)
    return ClickModel(net, torch.device("cpu"))


@pytest.fixture(scope="module")
def shipped() -> ClickModel:
    try:
        return load_click_model(torch.device("cpu"))
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def plate() -> OneFrame:
    """A disc on a ground, both with grain."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = (rows - 44) ** 2 + (columns - 48) ** 2 < 30**2
    grain = np.random.default_rng(1).random((HEIGHT, WIDTH, 3)) * 0.2
    return OneFrame((grain + np.where(inside, 0.7, 0.1)[..., None]).astype(np.float32))


@pytest.fixture(scope="module")
def selector(plate: OneFrame, model: ClickModel) -> ClickSelector:
    return ClickSelector(plate, lambda: model)


def clicks(point: tuple[float, float], adds: bool, earlier: tuple[Click, ...] = ()) -> Hints:
    return Hints(clicks=(Click(point, adds),), earlier=earlier)


def after(selector: ClickSelector, before: FloatArray, hints: Hints) -> FloatArray:
    change = selector.select(1, before, hints)
    pixels: FloatArray = np.zeros_like(before) if hints.box is not None else before.copy()
    if change is not None:
        part = within(change.box)
        pixels[part] = change.over(pixels[part])
    return pixels


def nothing() -> FloatArray:
    return np.zeros((HEIGHT, WIDTH), np.float32)


def test_clicks_do_what_they_say_and_nothing_against_it(selector: ClickSelector) -> None:
    """Six clicks here and there, of both kinds, on what the ones before have left."""
    random, mask = np.random.default_rng(5), nothing()
    earlier: tuple[Click, ...] = ()
    for step in range(6):
        point = float(random.integers(8, WIDTH - 8)), float(random.integers(8, HEIGHT - 8))
        hints = clicks(point, step % 2 == 0, earlier)
        then = after(selector, mask, hints)
        assert (then >= mask).all() if hints.adds else (then <= mask).all()
        assert (then[int(point[1]), int(point[0])] >= 0.5) is np.bool_(hints.adds)
        assert then.min() >= 0
        assert then.max() <= 1
        mask, earlier = then, (*earlier, *hints.clicks)


def test_an_adding_click_adds_one_piece(selector: ClickSelector) -> None:
    first = after(selector, nothing(), clicks(ON, adds=True))
    count, _ = cv2.connectedComponents((first >= 0.5).astype(np.uint8))
    assert count == 2  # with the ground


def test_a_new_click_does_not_go_against_an_earlier_one(selector: ClickSelector) -> None:
    mask, earlier = nothing(), (Click(OFF, False),)
    for x in (40.0, 90.0, 96.0):
        mask = after(selector, mask, clicks((x, 80.0), True, earlier))
    assert mask[80, 100] < 0.5


def test_equal_hints_give_equal_masks(plate: OneFrame, model: ClickModel) -> None:
    """Whatever was selected before, and though the frame is read and looked at only once."""
    one, other = ClickSelector(plate, lambda: model), ClickSelector(plate, lambda: model)
    first = after(one, nothing(), clicks(ON, adds=True))
    plate.read_times = 0
    for point in ((60.0, 20.0), ON, OFF):
        after(other, nothing(), clicks(point, adds=True))
    np.testing.assert_array_equal(after(other, nothing(), clicks(ON, adds=True)), first)
    assert plate.read_times == 1


def test_a_mask_without_clicks_is_kept_as_it_is_elsewhere(selector: ClickSelector) -> None:
    painted = nothing()
    painted[10:40, 10:40] = 1
    painted[60:80, 100:120] = 0.75
    then = after(selector, painted, clicks((20.0, 20.0), adds=False))
    assert then[20, 20] < 0.5
    np.testing.assert_array_equal(then[60:, 96:], painted[60:, 96:])


def test_a_box_replaces_what_is_there_and_selects_inside_of_it(selector: ClickSelector) -> None:
    box = Window(12, 8, 72, 72)
    then = after(selector, np.ones((HEIGHT, WIDTH), np.float32), Hints(box))
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[within(box)] = True
    assert (then[inside] >= 0.5).any()
    # one cell of the network's picture is a pixel here, and edges are softened over one more
    assert not then[~_grown(inside, 3)].any()


def test_a_frame_that_was_looked_at_is_not_read_again(model: ClickModel, plate: OneFrame) -> None:
    known, expected = (
        OneFrame(plate.pixels),
        after(ClickSelector(plate, lambda: model), nothing(), clicks(ON, True)),
    )
    selector = ClickSelector(known, lambda: model)
    selector.look_at(1)
    assert known.read_times == 1
    np.testing.assert_array_equal(after(selector, nothing(), clicks(ON, True)), expected)
    assert known.read_times == 1


def test_a_plate_of_4k_is_selected_as_one_of_480_lines(shipped: ClickModel) -> None:
    """The network sees the same; the edges are drawn at the plate's size."""
    view = Picture.of(open_plate(str(demo_shot() / "plate")), 1001).to_network_view()
    truth = read_channels(demo_shot() / "truth/demo.1001.exr", ["A"])[..., 0] >= 0.5
    found = []
    for lines in (480, 2160):
        size = lines, lines * truth.shape[1] // truth.shape[0]
        large = resized(view.permute(2, 0, 1)[None], size)[0].permute(1, 2, 0).contiguous()
        selector = ClickSelector(OneFrame(large.numpy()), lambda: shipped)
        found.append(clicked_five_times(selector, size, truth))
    small, large_one = found
    assert overlap(small, truth) > 0.75  # tests/bench/clicks.py says how well
    assert overlap(large_one, truth) > overlap(small, truth) - 0.05


def clicked_five_times(
    selector: ClickSelector, size: tuple[int, int], truth: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The mask after five clicks on what is wrong, at the size of the truth."""
    earlier: tuple[Click, ...] = ()
    mask, scale = np.zeros(size, np.float32), size[0] / len(truth)
    shown = np.zeros_like(truth)
    for _ in range(5):
        row, column, adds = next_click(torch.from_numpy(shown), torch.from_numpy(truth)) or (
            0,
            0,
            1,
        )
        point = (column + 0.5) * scale, (row + 0.5) * scale
        hints = clicks(point, bool(adds), earlier)
        mask, earlier = after(selector, mask, hints), (*earlier, *hints.clicks)
        shown = resized(torch.from_numpy(mask)[None, None], truth.shape)[0, 0].numpy() >= 0.5
    return shown


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_hints_that_say_too_little_are_refused(selector: ClickSelector) -> None:
    for hints, sentence in (
        (clicks((-5.0, 10.0), adds=True), "click on the element"),
        (Hints(Window(5, 5, 1, 1)), "whole element"),
        (Hints(Window(500, 5, 50, 50)), "outside the picture"),
    ):
        with pytest.raises(UsageError, match=sentence):
            selector.select(1, nothing(), hints)


def _grown(cells: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    side = 2 * by + 1
    grown: NDArray[np.bool_] = cv2.dilate(cells.astype(np.uint8), np.ones((side, side))) > 0
    return grown
