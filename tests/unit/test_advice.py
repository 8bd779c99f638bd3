from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_shots import MemoryPlate, ToyNode, a_shot, mask

from rde_roto.advice import advise, confidences, next_to_fix
from rde_roto.node import RotoNode
from rde_roto.stores import MatteStore, StoredPlanes, Stores
from rde_roto.stores.ram import RamCache
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.shot import Shot

TWENTY = MemoryPlate(FrameRange.parse("1-20"))
AB = elements_named("a", "b")


class Told(MatteStore):
    """Raw mattes as the test tells them, whatever is asked for: nothing is ever tracked."""

    def __init__(self, raws: dict[str, FloatArray]) -> None:
        super().__init__(RamCache(0))
        self._raws = raws

    def get(self, digest: str) -> StoredPlanes:
        return StoredPlanes((self._raws[digest] * 65535).round().astype(np.uint16))


def box(level: float = 1.0, outside: float = 0.0, shift: int = 0) -> FloatArray:
    """A square of one level on a ground of another: one element."""
    plane = np.full((1, 32, 32), outside, np.float32)
    plane[:, 8 + shift : 20 + shift, 8:20] = level
    return plane


def told(shot: Shot, doubtful: dict[int, FloatArray], backwards: bool = True) -> RotoNode:
    """A node whose raw mattes are clear-cut but at some frames, in both walks or in the first."""
    chain, raws = ToyNode(shot).chain, {}
    for stretch in shot.stretches:
        for place, span in enumerate(stretch.spans):
            for frame in span:
                plane = doubtful.get(frame, box(0.99)) if backwards or not place else box(0.99)
                raws[chain.raw(span, frame)] = np.repeat(plane, len(span.elements), axis=0)
    return ToyNode(shot, stores=dataclasses.replace(Stores.in_ram(), raws=Told(raws)))


def test_a_clear_cut_track_is_sure_and_needs_no_correction() -> None:
    advice = advise(told(a_shot(mask(1), plate=TWENTY), {}))
    assert list(advice.confidences) == list(range(1, 21))
    assert all(0.98 < by["a"] <= 1 for by in advice.confidences.values())
    assert advice.next is None
    assert advice.doubtful == {"a": FrameRange.of([])}


def test_confidence_is_the_overlap_with_what_is_rounded() -> None:
    """12 x 12 pixels of 0.6; or of 1 with 0.25 on the other 880."""
    shot = a_shot(mask(1), plate=TWENTY)
    sure = confidences(told(shot, {5: box(0.6), 6: box(1, outside=0.25), 7: box(0.3)}))
    assert sure[5]["a"] == pytest.approx(0.6, abs=1e-4)
    assert sure[6]["a"] == pytest.approx(144 / (144 + 0.25 * 880), abs=1e-4)
    assert sure[7]["a"] == pytest.approx(0.7, abs=1e-4)  # nowhere, so sure by the highest, 0.3
    assert sure[1]["a"] == 1


def test_tracks_that_contradict_each_other_are_not_sure() -> None:
    """Boxes of 12 rows, 6 rows apart, overlap by a third."""
    shot = a_shot(mask(1), mask(20), plate=TWENTY)
    sure = confidences(told(shot, {9: box(0.99, shift=6)}, backwards=False))
    assert sure[9]["a"] == pytest.approx(0.99 / 3, abs=0.01)
    assert sure[8]["a"] > 0.98


@given(
    bad=st.integers(2, 15),
    keyframes=st.sets(st.integers(1, 20), min_size=1, max_size=3),
    length=st.integers(1, 5),
)
def test_the_suggestion_lies_in_the_stretch_that_is_bad(
    bad: int, keyframes: set[int], length: int
) -> None:
    frames = {frame: box(0.7) for frame in range(bad, bad + length)}
    shot = a_shot(*(mask(frame) for frame in keyframes), plate=TWENTY)
    suggestion = next_to_fix(told(shot, frames))
    wrong = {shot.stretch_at(frame) for frame in frames if frame not in keyframes}
    if wrong:
        assert suggestion is not None
        assert suggestion.frame not in keyframes
        assert shot.stretch_at(suggestion.frame) in wrong
        assert suggestion.element == "a"
    else:
        assert suggestion is None


@dataclasses.dataclass
class Pinned:
    """Locks an element at some frames."""

    frames: FrameRange
    elements: tuple[str, ...]
    look = None

    def digest(self, frame: int) -> str:
        return digest_of(frame)

    def read(self, frame: int) -> FloatArray:
        return np.zeros((len(self.elements), 8, 12), np.float32)


def test_a_locked_matte_is_sure_and_never_suggested() -> None:
    lock = Pinned(FrameRange.parse("9-11"), ("a",))
    shot = a_shot(mask(1), plate=TWENTY, locks=(lock,))
    advice = advise(told(shot, {frame: box(0.6) for frame in range(9, 13)}))
    assert [advice.confidences[frame]["a"] for frame in (9, 10, 11)] == [1, 1, 1]
    assert advice.doubtful["a"] == FrameRange.of([12])
    assert advice.next is not None
    assert advice.next.frame == 12


def test_elements_count_from_where_they_exist() -> None:
    elements = (Element("a", "a"), Element("b", "b", in_point=12))
    shot = a_shot(mask(1, "a"), mask(15, "ab"), plate=TWENTY, elements=elements)
    sure = confidences(told(shot, {}))
    assert {frame for frame in sure if "b" in sure[frame]} == set(range(12, 21))


def test_confidences_do_not_depend_on_what_was_made_before() -> None:
    shot = a_shot(mask(3, "ab"), mask(16, "ab"), plate=TWENTY, elements=AB)
    node = ToyNode(shot)
    for frame in (19, 4, 11):
        node.matte(frame)
    sure = confidences(node)
    assert sure == confidences(ToyNode(shot))
    assert all(0 <= value <= 1 for by in sure.values() for value in by.values())
    steps = node.steps
    assert next_to_fix(node) == next_to_fix(ToyNode(shot))
    assert node.steps == steps


def test_some_frames_are_told_like_the_whole_shot_and_cost_no_other() -> None:
    """Keyframes at 3 and 16: of 17-18 the walk behind the second one alone is taken."""
    shot = a_shot(mask(3, "ab"), mask(16, "ab"), plate=TWENTY, elements=AB)
    whole = advise(ToyNode(shot))
    for text in ("17-18", "1-20x3", "3", "2,9-11,16"):
        frames = FrameRange.parse(text)
        part = advise(ToyNode(shot), frames)
        assert list(part.confidences) == list(frames)
        assert part.confidences == {frame: whole.confidences[frame] for frame in frames}
        assert part.areas == {frame: whole.areas[frame] for frame in frames}
    node = ToyNode(shot)
    confidences(node, FrameRange.parse("17-18"))
    assert node.steps == 1  # both lie between two memory frames, and are read together


def test_what_is_told_of_some_frames_stays_among_them() -> None:
    node = told(a_shot(mask(1), plate=TWENTY), {frame: box(0.6) for frame in range(9, 15)})
    advice = advise(node, FrameRange.parse("2-10"))
    assert advice.doubtful["a"] == FrameRange.parse("9-10")
    assert advice.next is not None
    assert advice.next.frame in (9, 10)


def test_a_frame_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="frame 21 is not in the shot's range 1-20"):
        advise(told(a_shot(mask(1), plate=TWENTY), {}), FrameRange.parse("19-21"))


def test_areas_are_shares_of_the_plate() -> None:
    """The plate's 8 x 12 pixels are the middle of the network's 32 x 32: rows from 12, columns
    from 10. A box of 12 rows and columns from 8 covers 8 x 10 of them, one shifted by 16 none.
    """
    lock = Pinned(FrameRange.parse("9"), ("a",))
    shot = a_shot(mask(1), mask(20), plate=TWENTY, locks=(lock,))
    areas = advise(told(shot, {5: box(shift=12), 6: box(0.4)})).areas
    assert areas[4]["a"] == pytest.approx(80 / 96)
    assert areas[5]["a"] == areas[6]["a"] == 0
    assert areas[9] == {}
    assert areas[1]["a"] == np.count_nonzero(shot.keyframes[0].alpha >= 0.5) / 96


def test_a_keyframe_says_nothing_of_the_area_of_what_it_does_not_draw() -> None:
    shot = a_shot(mask(1, "ab"), mask(15, "b"), plate=TWENTY, elements=AB)
    areas = advise(told(shot, {})).areas
    assert set(areas[14]) == {"a", "b"}
    assert set(areas[15]) == {"b"}
