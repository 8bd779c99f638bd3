"""What the screen shows of a plate, and what is prepared for it."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import dataclass
from queue import Queue
from typing import cast

import numpy as np
import pytest
from scripted_nodes import PATIENCE_S

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.network_view import Picture
from rde_roto.session.pictures.display_pixels import ViewExposure, matte_pixels, plate_pixels
from rde_roto.session.pictures.picture_cache import Bytes, PictureCache
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

FRAME = 1001


@dataclass
class InMemory:
    """What is asked of a plate here."""

    pixels: FloatArray
    input_transform: None = None

    def read(self, _frame: int) -> FloatArray:
        return self.pixels


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


def test_a_picture_for_the_screen_is_made_strip_by_strip() -> None:
    """Else each step would fill and free memory of the plate's size, and hold the window up."""
    pixels = np.random.default_rng(0).random((512, 512, 3), np.float32)
    plate = cast("Plate", InMemory(pixels))  # it has all that is asked for
    plate_pixels(plate, FRAME, ViewExposure())  # the table is made once
    tracemalloc.start()
    try:
        picture = plate_pixels(plate, FRAME, ViewExposure())
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes - picture.nbytes < pixels.nbytes / 4


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


def test_a_slow_disk_does_not_hold_up_what_another_thread_makes() -> None:
    """Undo did not show while a frame of the plate was being read."""
    is_back = threading.Event()

    def slow() -> Bytes:
        assert is_back.wait(PATIENCE_S)
        return np.zeros(1, np.uint8)

    made: Queue[object] = Queue()
    ahead = PictureCache(100, lambda name, _error: made.put(name), threads=2)
    ahead.request([], [("plate", slow)])
    ahead.request([("matte", lambda: np.zeros(1, np.uint8))], [("plate", slow)])
    assert made.get(timeout=PATIENCE_S) == "matte"
    is_back.set()
    assert made.get(timeout=PATIENCE_S) == "plate"
    ahead.settle()
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
    assert ahead.error("bad") is told["bad"]
    ahead.request([("bad", lambda: np.zeros(1, np.uint8))])
    ahead.settle()
    assert ahead.get("bad") is None  # it is tried once
    ahead.forget_errors()
    ahead.request([("bad", lambda: np.zeros(1, np.uint8))])
    ahead.settle()
    assert ahead.get("bad") is not None
    ahead.close()
