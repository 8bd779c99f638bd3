"""The first mask from a box, and what the screen shows of a plate."""

from __future__ import annotations

import numpy as np
import pytest

from rde_roto.doors.demo import demo_shot
from rde_roto.images.files import read_channels
from rde_roto.images.plates import open_plate
from rde_roto.model.network_view import Picture
from rde_roto.session.display_pixels import ViewExposure, matte_pixels, plate_pixels
from rde_roto.session.painting import within
from rde_roto.session.picture_cache import Bytes, PictureCache
from rde_roto.session.smart_select import Hints, select
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

FRAME = 1001


@pytest.fixture(scope="module")
def truth() -> FloatArray:
    alpha: FloatArray = read_channels(demo_shot() / f"truth/demo.{FRAME}.exr", ["A"])[..., 0]
    return alpha


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture.of(open_plate(str(demo_shot() / "plate")), FRAME)


def selected(picture: Picture, drawn: FloatArray, hints: Hints) -> FloatArray:
    box, mask = select(picture, drawn, hints)
    whole: FloatArray = drawn.copy()
    whole[within(box)] = mask
    return whole


def overlap(one: FloatArray, other: FloatArray) -> float:
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def test_a_box_around_the_element_selects_it(picture: Picture, truth: FloatArray) -> None:
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    box = Window(
        int(columns[0]) - 4,
        int(rows[0]) - 4,
        int(columns[-1] - columns[0]) + 9,
        int(rows[-1] - rows[0]) + 9,
    )
    hints = Hints(box)
    mask = selected(picture, np.zeros_like(truth), hints)
    assert overlap(mask, truth) > 0.65  # the plants behind it have its colours
    assert ((mask > 0.05) & (mask < 0.95)).any()  # a soft edge
    np.testing.assert_array_equal(selected(picture, np.zeros_like(truth), hints), mask)


def test_scribbles_correct_what_is_near_them_and_nothing_else(
    picture: Picture, truth: FloatArray
) -> None:
    drawn = truth.copy()
    drawn[150:230, 150:200] = 1  # the plants
    line = [(165.0, 165.0), (168.0, 195.0), (172.0, 215.0)]
    corrected = selected(picture, drawn, Hints(outside=(line,), width_px=10))
    assert overlap(corrected, truth) > overlap(drawn, truth)
    assert corrected[195, 168] < 0.5
    far = np.ones(truth.shape, bool)
    far[100:280, 100:240] = False
    np.testing.assert_array_equal(corrected[far], drawn[far])
    back = selected(picture, corrected, Hints(inside=(line,), width_px=10))
    assert back[195, 168] > 0.5


@pytest.mark.parametrize(
    ("hints", "sentence"),
    [(Hints(), "drag a box"), (Hints(Window(5, 5, 1, 1)), "whole element")],
)
def test_hints_that_say_too_little_are_refused(
    picture: Picture, truth: FloatArray, hints: Hints, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        select(picture, np.zeros_like(truth), hints)


def test_the_screen_shows_the_view_and_exposure_changes_its_light() -> None:
    plate = open_plate(str(demo_shot() / "plate"))
    view = Picture.of(plate, FRAME).to_network_view().numpy()
    neutral = plate_pixels(plate, FRAME, ViewExposure())
    assert neutral.shape == (*view.shape[:2], 4)
    # half a code of 8 bits, and one of 16
    assert np.abs(neutral[..., 2::-1] / 255 - view).max() <= 0.5 / 255 + 1e-4
    brighter, darker = (plate_pixels(plate, FRAME, ViewExposure(stops)) for stops in (1, -1))
    assert (brighter[..., :3] >= neutral[..., :3]).all()
    assert (darker[..., :3] <= neutral[..., :3]).all()
    # 0.18 of light, which is 0.461 of the display, is 0.36 one stop up: 0.637
    grey = np.abs(view[..., 0] - 0.4613).argmin()
    found = brighter[..., 2].flat[grey] / 255
    assert found == pytest.approx(0.637, abs=0.01)


def test_alpha_for_the_screen_is_rounded() -> None:
    alpha = np.array([[0, 0.5, 1, 1 / 255]], np.float32)
    assert matte_pixels(alpha).tolist() == [[0, 128, 255, 1]]


def test_what_is_wanted_is_made_first_and_what_is_far_forgotten() -> None:
    made: list[object] = []
    ahead = PictureCache(20, lambda name, _error: made.append(name))
    ahead.request([(n, lambda: np.zeros(10, np.uint8)) for n in range(4)])
    ahead.settle()
    assert made == [0, 1, 2, 3]
    assert [ahead.get(n) is not None for n in range(4)] == [False, False, True, True]
    ahead.close()


def test_one_bad_frame_does_not_stop_the_others() -> None:
    told: dict[object, Exception | None] = {}

    def bad() -> Bytes:
        raise ValueError("damaged")

    ahead = PictureCache(100, told.__setitem__)
    ahead.request([("bad", bad), ("good", lambda: np.zeros(1, np.uint8))])
    ahead.settle()
    assert str(told["bad"]) == "damaged"
    assert told["good"] is None
    ahead.close()
