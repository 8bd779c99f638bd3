from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import Plate, PlateFormat, Window
from rde_roto.values.shot import Shot

FORMAT = PlateFormat(Window(-2, 1, 6, 4), Window(0, 0, 4, 6))


@dataclass(frozen=True)
class GreyPlate:
    """A plate that needs no disk."""

    range: FrameRange
    name: str = "grey.####.exr"
    format: PlateFormat = FORMAT
    input_transform = None

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
    return Shot(plate(), FrameRange.parse(frames), elements_named(*names), keyframes)


def drawing(frame: int, *elements: str) -> Keyframe:
    return Keyframe(frame, keyframe(frame, len(elements)).alpha, elements)


def walks(shot: Shot) -> list[list[list[int]]]:
    """Of each stretch the walks that reach it, each with its keyframe at its head."""
    return [[[span.keyframe.frame, *span] for span in stretch.spans] for stretch in shot.stretches]


def test_one_keyframe_is_walked_from_in_both_directions() -> None:
    assert walks(shot(keyframe(1004), frames="1002-1007")) == [
        [[1004, 1005, 1006, 1007]],
        [[1004, 1003, 1002]],
    ]


def test_a_keyframe_at_an_end_is_walked_from_in_one_direction() -> None:
    assert walks(shot(keyframe(1001))) == [[list(range(1001, 1011))]]
    assert walks(shot(keyframe(1010))) == [[list(range(1010, 1000, -1))]]
    assert walks(shot(keyframe(1005), frames="1005")) == []


def test_between_two_keyframes_one_walks_from_either_and_sees_both() -> None:
    late, early = keyframe(1008), keyframe(1003)
    both = shot(late, early)
    assert walks(both) == [
        [[1003, 1004, 1005, 1006, 1007], [1008, 1007, 1006, 1005, 1004]],
        [[1008, 1009, 1010]],
        [[1003, 1002, 1001]],
    ]
    assert [[span.far for span in stretch.spans] for stretch in both.stretches] == [
        [late, early],
        [early],
        [late],
    ]
    middle = keyframe(1005)
    three = shot(early, middle, late)
    assert [span.far for stretch in three.stretches[2:] for span in stretch.spans] == [early, late]


def gone(frame: int, *elements: str) -> Keyframe:
    """Draws these elements as empty masks."""
    return Keyframe(frame, np.zeros((len(elements), 4, 6), np.float32), elements)


def remembered(made: Shot) -> list[Keyframe | None]:
    """The other keyframe in memory behind the last keyframe and before the first."""
    behind, before = made.stretches[-2:]
    return [behind.spans[0].far, before.spans[0].far]


def test_a_keyframe_that_lacks_an_element_is_not_remembered_where_that_is_tracked() -> None:
    """It may be in the picture there, only not drawn yet."""
    first, last = drawing(1003, "a"), drawing(1006, "a", "b")
    assert remembered(shot(first, last, names=AB)) == [None, last]


def test_a_keyframe_past_which_an_element_is_tracked_is_not_remembered() -> None:
    """What is tracked there may be wrong."""
    first, last = drawing(1003, "a", "b"), drawing(1006, "b")
    assert remembered(shot(first, last, names=AB)) == [first, None]


def test_what_is_gone_is_not_brought_back_by_another_keyframe() -> None:
    """Nor is a keyframe without the element remembered where that is there."""
    seen, empty = drawing(1003, "a", "b"), gone(1006, "a", "b")
    assert remembered(shot(seen, empty, names=AB)) == [None, None]
    empty, seen = gone(1003, "a", "b"), drawing(1006, "a", "b")
    assert remembered(shot(empty, seen, names=AB)) == [None, None]


def test_what_is_gone_before_the_last_keyframe_stays_gone_behind_it() -> None:
    first, empty, last = drawing(1003, "a", "b"), gone(1005, "a"), drawing(1007, "b")
    assert remembered(shot(first, empty, last, names=AB)) == [None, None]
    assert remembered(shot(first, drawing(1005, "a"), last, names=AB)) == [first, None]


def test_keyframes_side_by_side_have_nothing_between_them() -> None:
    assert len(shot(keyframe(1004), keyframe(1005), frames="1004-1005").stretches) == 0


def test_a_stepped_range_is_walked_frame_by_frame() -> None:
    assert walks(shot(keyframe(1001), frames="1001-1005x2")) == [[[1001, 1002, 1003, 1004, 1005]]]


def test_every_frame_lies_in_one_stretch_or_is_a_keyframe() -> None:
    both = shot(keyframe(1003), keyframe(1008))
    for frame in both.range:
        if both.keyframe_at(frame) is None:
            assert [s for s in both.stretches if frame in s] == [both.stretch_at(frame)]
    with pytest.raises(UsageError, match="1003 is in no stretch"):
        both.stretch_at(1003)


def test_the_digests_of_a_keyframe_are_those_of_its_planes() -> None:
    assert keyframe(1001).plane_digests == keyframe(1002).plane_digests
    one, two = keyframe(1001, planes=2).plane_digests
    assert one == two == keyframe(1001).plane_digests[0]


# Elements that come later.

AB = ("a", "b")


def test_an_element_exists_from_the_keyframe_that_introduces_it() -> None:
    made = shot(drawing(1003, "a"), drawing(1006, "b"), names=AB)
    assert [made.first_frame(element) for element in made.elements] == [1001, 1006]
    assert [made.existing(frame) for frame in (1001, 1005, 1006)] == [("a",), ("a",), AB]
    assert [[span.elements for span in stretch.spans] for stretch in made.stretches] == [
        [("a",), ("a",)],
        [AB],
        [("a",)],
    ]


def test_an_in_point_makes_it_part_of_the_walks_before() -> None:
    elements = (Element("a", "a"), Element("b", "b", in_point=1005))
    keyframes = (drawing(1003, "a"), drawing(1006, "b"))
    made = Shot(plate(), FrameRange.parse("1001-1010"), elements, keyframes)
    assert [made.existing(frame) for frame in (1004, 1005)] == [("a",), AB]
    assert [span.elements for span in made.stretches[0].spans] == [AB, AB]


def test_what_is_not_drawn_is_carried_from_the_left_by_a_walk_that_sees_no_other() -> None:
    made = shot(drawing(1002, "b", "a"), drawing(1005, "a"), drawing(1008, "a", "b"), names=AB)
    first, second, third = made.ordered
    assert (made.carrying_span(first), made.carrying_span(third)) == (None, None)
    carrying = made.carrying_span(second)
    assert carrying is not None
    assert (carrying.keyframe, carrying.far, carrying.stop) == (first, None, 1005)
    assert carrying.elements == AB


@pytest.mark.parametrize(
    ("in_point", "says"),
    [
        (1007, "the keyframe at 1006 draws it: move the in-point to 1006 or before"),
        (1003, "the keyframe at 1003 does not draw it: draw it there"),
        (1001, "the keyframe at 1003 does not draw it"),
    ],
)
def test_an_in_point_that_does_not_fit_the_keyframes(in_point: int, says: str) -> None:
    elements = (Element("a", "a"), Element("b", "b", in_point))
    keyframes = (drawing(1003, "a"), drawing(1006, "b"))
    with pytest.raises(UsageError, match=says):
        Shot(plate(), FrameRange.parse("1001-1010"), elements, keyframes)


def test_every_element_is_drawn_somewhere() -> None:
    with pytest.raises(UsageError, match="no keyframe draws the element 'b'"):
        shot(drawing(1003, "a"), names=AB)
    with pytest.raises(UsageError, match="draws c: expected each once, of a, b"):
        shot(drawing(1003, "c"), names=AB)


@pytest.mark.parametrize(
    ("keyframes", "frames", "names", "says"),
    [
        ([keyframe(1001)], "1003-1010", ("hero",), "keyframe at frame 1001 lies outside"),
        ([keyframe(1001, 2)], "1001-1010", ("hero",), "has 2 planes for 1 element"),
        ([keyframe(1001), keyframe(1001)], "1001-1010", ("hero",), "has 2 keyframes"),
        ([keyframe(1001, 2)], "1001-1010", ("hero", "hero"), "named 'hero'"),
        ([], "1001-1010", (), "grey.* has no keyframe: paint a mask of one frame"),
    ],
)
def test_what_does_not_fit_together_is_a_usage_error(
    keyframes: list[Keyframe], frames: str, names: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        shot(*keyframes, frames=frames, names=names)


def test_an_empty_range_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no frame of grey"):
        Shot(plate(), FrameRange.of([]), elements_named("hero"), ())


def test_frames_the_plate_lacks_are_named() -> None:
    with pytest.raises(InputError, match=r"lacks requested frames: 1011-1012 \(it has") as error:
        shot(keyframe(1001), frames="1001-1012")
    assert error.value.keys == ("range", "plate.missing"), "what helps"


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


def test_beside_a_frame_lie_two_of_the_plates_or_none() -> None:
    holed = Shot(
        plate("1001-1005,1007-1010"),
        FrameRange.parse("1002-1004"),
        elements_named("hero"),
        (keyframe(1003),),
    )
    assert holed.neighbours(1004) == (1003, 1005), "outside the range too"
    assert [holed.neighbours(frame) for frame in (1001, 1005, 1007, 1010)] == [()] * 4


@pytest.mark.parametrize("kind", [bool, np.float64, np.float16])
def test_masks_of_other_floats_become_float32(kind: type) -> None:
    drawn = keyframe(1001)
    same = Keyframe(1001, drawn.alpha.astype(kind))
    assert same.alpha.dtype == np.float32
    assert same.plane_digests == drawn.plane_digests


def test_a_buffer_that_is_filled_again_changes_no_keyframe() -> None:
    """A script draws all its masks into one array; digests of the first one's pixels name others
    in the cache.
    """
    buffer = np.ones((1, 4, 6), np.float32)
    first = Keyframe(1001, buffer)
    buffer[:] = 0
    assert first.alpha.all()
    buffer.flags.writeable = False
    assert Keyframe(1002, buffer).alpha is buffer, "4K masks are not copied for nothing"


def test_a_keyframes_frame_is_a_whole_number() -> None:
    """Those of a table are text, which looks the same in every message."""
    alpha = np.ones((1, 4, 6), np.float32)
    assert type(Keyframe(np.int64(1001), alpha).frame) is int
    with pytest.raises(TypeError, match="expected a frame, such as 1001, not the str '"):
        Keyframe("1001", alpha)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("alpha", "says"),
    [
        (np.full((1, 4, 6), 255, np.uint8), "in 0..1, not uint8: divide it by the number"),
        (np.full((1, 4, 6), 255, np.float32), "its values go from 255 to 255"),
        (np.full((1, 4, 6), -1, np.float32), "its values go from -1 to -1"),
        (np.full((1, 4, 6), np.nan, np.float32), "its values go from nan to nan"),
    ],
)
def test_a_mask_beyond_0_to_1_is_refused(alpha: FloatArray, says: str) -> None:
    """0 to 255 from another library lost its soft edges, and came back as what it was."""
    with pytest.raises(InputError, match=f"keyframe at frame 1001 .*{says}"):
        Keyframe(1001, alpha)
