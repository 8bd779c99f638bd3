from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.evaluation.playing import BackAndForth, PlayedPlate
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat, Window


class Numbered:
    """A plate whose every frame is filled with its number."""

    name = "numbered"
    range = FrameRange.parse("1001-1004")
    format = PlateFormat(Window(0, 0, 3, 2), Window(0, 0, 3, 2))
    input_transform = None

    def digest(self, frame: int) -> str:
        return f"digest of {frame}"

    def read(self, frame: int) -> FloatArray:
        return np.full((2, 3, 3), frame, np.float32)


def test_pictures_come_forwards_and_backwards() -> None:
    order = BackAndForth((1001, 1002, 1003, 1004), 14)
    assert order.lap == 6
    assert list(order.range) == list(range(14))
    shown = [order.picture(frame) - 1000 for frame in order.range]
    assert shown == [1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1, 2]


@given(count=st.integers(2, 60), start=st.integers(0, 10_000))
def test_a_lap_shows_the_same_pictures_wherever_it_begins(count: int, start: int) -> None:
    order = BackAndForth(tuple(range(count)), 20_000)
    lap = sorted(order.picture(frame) for frame in range(start, start + order.lap))
    assert lap == sorted([*range(count), *range(1, count - 1)])
    assert abs(order.picture(start + 1) - order.picture(start)) == 1


def test_a_played_plate_is_the_other_in_that_order() -> None:
    inner = Numbered()
    plate: Plate = PlayedPlate(inner, BackAndForth(tuple(inner.range), 100_000))
    assert (plate.name, plate.format) == ("numbered", inner.format)
    assert (plate.range.first, plate.range.last) == (0, 99_999)
    for frame, picture in ((0, 1001), (4, 1003), (6, 1001), (99_999, 1004)):
        assert plate.digest(frame) == f"digest of {picture}"
        assert plate.read(frame).max() == picture


@pytest.mark.parametrize("pictures", [(), (7,)])
def test_too_few_pictures(pictures: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"needs 2 frames, this one has {len(pictures)}"):
        BackAndForth(pictures, 10)
