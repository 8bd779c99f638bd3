from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import Plate, PlateFormat, Window
from rde_roto.values.shot import Keyframe, Shot, Span

FORMAT = PlateFormat(Window(-2, 1, 6, 4), Window(0, 0, 4, 6))


@dataclass(frozen=True)
class GreyPlate:
    """A plate that needs no disk."""

    range: FrameRange
    name: str = "grey.####.exr"
    format: PlateFormat = FORMAT

    def digest(self, frame: int) -> str:
        return digest_of(frame)

    def read(self, frame: int) -> FloatArray:
        return np.full((*self.format.data.shape, 3), 0.5, np.float32)


def plate(frames: str = "1001-1010") -> Plate:
    return GreyPlate(FrameRange.parse(frames))


def keyframe(frame: int, planes: int = 1) -> Keyframe:
    alpha = np.zeros((planes, 4, 6), np.float32)
    alpha[:, 1, 1] = 1
    return Keyframe(frame, alpha)


def shot(
    *keyframes: Keyframe, frames: str = "1001-1010", names: tuple[str, ...] = ("hero",)
) -> Shot:
    return Shot(plate(), FrameRange.parse(frames), names, keyframes)


def walks(shot: Shot) -> list[list[int]]:
    return [[span.keyframe.frame, *span] for span in shot.spans()]


def test_one_keyframe_is_walked_from_in_both_directions() -> None:
    assert walks(shot(keyframe(1004), frames="1002-1007")) == [
        [1004, 1005, 1006, 1007],
        [1004, 1003, 1002],
    ]


def test_a_keyframe_at_an_end_is_walked_from_in_one_direction() -> None:
    assert walks(shot(keyframe(1001))) == [list(range(1001, 1011))]
    assert walks(shot(keyframe(1010))) == [list(range(1010, 1000, -1))]
    assert walks(shot(keyframe(1005), frames="1005")) == []


def test_walks_end_before_the_next_keyframe() -> None:
    assert walks(shot(keyframe(1008), keyframe(1003))) == [
        [1003, 1004, 1005, 1006, 1007],
        [1003, 1002, 1001],
        [1008, 1009, 1010],
        [1008, 1007, 1006, 1005, 1004],
    ]


def test_a_stepped_range_is_walked_frame_by_frame() -> None:
    assert list(Span(keyframe(1001), 1, 1005)) == [1002, 1003, 1004, 1005]
    assert walks(shot(keyframe(1001), frames="1001-1005x2")) == [[1001, 1002, 1003, 1004, 1005]]


def test_the_digest_of_a_keyframe_is_that_of_its_pixels() -> None:
    assert keyframe(1001).digest == keyframe(1002).digest
    assert keyframe(1001, planes=2).digest != keyframe(1001).digest


@pytest.mark.parametrize(
    ("keyframes", "frames", "names", "says"),
    [
        ([keyframe(1001)], "1003-1010", ("hero",), "keyframe at frame 1001 lies outside"),
        ([keyframe(1001, 2)], "1001-1010", ("hero",), "has 2 planes for 1 elements"),
        ([keyframe(1001), keyframe(1001)], "1001-1010", ("hero",), "has 2 keyframes"),
        ([keyframe(1001, 2)], "1001-1010", ("hero", "hero"), "named 'hero'"),
        ([], "1001-1010", (), "at least one element"),
    ],
)
def test_what_does_not_fit_together_is_a_usage_error(
    keyframes: list[Keyframe], frames: str, names: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        shot(*keyframes, frames=frames, names=names)


def test_an_empty_range_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no frame of grey"):
        Shot(plate(), FrameRange.of([]), ("hero",), ())


def test_frames_the_plate_lacks_are_named() -> None:
    with pytest.raises(InputError, match=r"lacks frames that are asked for: 1011-1012 \(it has"):
        shot(keyframe(1001), frames="1001-1012")


def test_a_keyframe_has_the_size_of_the_data_window() -> None:
    small = Keyframe(1001, np.ones((1, 2, 3), np.float32))
    with pytest.raises(InputError, match=r"is 3x2, the data window of grey\.####\.exr is 6x4"):
        shot(small)


def test_an_element_without_a_pixel_is_named() -> None:
    key = keyframe(1001, planes=2)
    key.alpha[1] = 0
    with pytest.raises(InputError, match="'car' is empty"):
        shot(key, names=("hero", "car"))
    assert shot(key, keyframe(1005, planes=2), names=("hero", "car")).keyframes


def test_a_matte_has_one_plane_an_element() -> None:
    with pytest.raises(ValueError, match=r"expected alpha \[2, H, W\]"):
        Matte(1001, np.zeros((1, 4, 6), np.float32), ("hero", "car"), "d")


@pytest.mark.parametrize(
    ("window", "text"), [((0, 0, 6, 4), "6x4"), ((-2, 1, 6, 4), "6x4 at (-2, 1)")]
)
def test_a_window_says_its_size_and_its_corner(
    window: tuple[int, int, int, int], text: str
) -> None:
    assert str(Window(*window)) == text
    assert Window(*window).shape == (4, 6)
