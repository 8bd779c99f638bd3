from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange

frames = st.integers(min_value=-3000, max_value=3000)
frame_sets = st.one_of(
    st.sets(frames, max_size=40),
    st.builds(  # unions of strided runs, which chunks have to find again
        lambda runs: {
            frame
            for start, count, step in runs
            for frame in range(start, start + count * step, step)
        },
        st.lists(st.tuples(frames, st.integers(1, 30), st.integers(1, 7)), max_size=4),
    ),
)


@given(frame_sets)
def test_a_range_holds_exactly_its_frames_in_order(numbers: set[int]) -> None:
    found = FrameRange.of(numbers)
    assert list(found) == sorted(numbers)
    assert len(found) == len(numbers)
    assert all((frame in found) == (frame in numbers) for frame in range(-3300, 3300))


@given(frame_sets.filter(bool))
def test_its_text_reads_back_as_the_same_range(numbers: set[int]) -> None:
    found = FrameRange.of(numbers)
    assert FrameRange.parse(str(found)) == found
    assert (found.first, found.last) == (min(numbers), max(numbers))


@given(st.lists(frames, min_size=1, max_size=40))
def test_the_order_and_grouping_of_parts_do_not_matter(numbers: list[int]) -> None:
    parsed = FrameRange.parse(",".join(map(str, numbers)))
    assert parsed == FrameRange.of(numbers)
    assert hash(parsed) == hash(FrameRange.of(set(numbers)))
    assert str(parsed) == str(FrameRange.of(numbers))


@given(frame_sets, frame_sets)
def test_intersection_and_difference_are_those_of_sets(one: set[int], other: set[int]) -> None:
    a, b = FrameRange.of(one), FrameRange.of(other)
    assert a.intersection(b) == FrameRange.of(one & other)
    assert a.difference(b) == FrameRange.of(one - other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001-1003", [1001, 1002, 1003]),
        ("1001-1006x2", [1001, 1003, 1005]),
        ("1001-1006:2", [1001, 1003, 1005]),
        ("-10--8", [-10, -9, -8]),
        ("-1-1", [-1, 0, 1]),
        (" 5 , 1-2 ", [1, 2, 5]),
        ("1-4,3-6", [1, 2, 3, 4, 5, 6]),
        ("0007", [7]),
    ],
)
def test_parse(text: str, expected: list[int]) -> None:
    """ "1001-1100, 1001-1100x2, 1001-1100:2, lists with commas" (conventions, Frames)."""
    assert list(FrameRange.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1-9x2,2-10x2", "1-10"),
        ("1,3,4,5", "1,3-5"),
        ("10,20", "10,20"),
        ("10,20,30", "10-30x10"),
        ("1001-1100x2,1120", "1001-1099x2,1120"),
        ("-5--5", "-5"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(FrameRange.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a frame range"),
        ("a-b", "not a frame range"),
        ("1-", "not a frame range"),
        ("1-10x", "not a frame range"),
        ("1,,2", "not a frame range"),
        ("1.5", "not a frame range"),
        ("٣-٤", "not a frame range"),
        ("10-1", "write 1-10"),
        ("1-10x0", "step of 0"),
        ("1-1000000000", "1,000,000"),
    ],
)
def test_bad_text_is_a_usage_error_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        FrameRange.parse(text)
    assert caught.value.exit_code == 2


def test_a_long_range_is_one_chunk() -> None:
    assert len(FrameRange.parse("1-500000").chunks) == 1
    assert len(FrameRange.of(range(0, 300_000, 3)).chunks) == 1


def test_the_empty_range_is_false_and_has_no_ends() -> None:
    empty = FrameRange.of([])
    assert not empty
    assert str(empty) == ""
    with pytest.raises(UsageError, match="empty"):
        _ = empty.first
    with pytest.raises(UsageError, match="empty"):
        _ = empty.last


@pytest.mark.parametrize(
    ("text", "words"),
    [("-5--1", "-5 to -1"), ("-5-3x2", "-5 to 3x2"), ("-5,1-3", None), ("1001-1010", None)],
)
def test_frames_below_0_are_told_in_words(text: str, words: str | None) -> None:
    assert FrameRange.parse(text).words == (words or text)


def test_what_is_no_number_is_in_no_range() -> None:
    assert "1" not in FrameRange.parse("1-3")
    assert 1.5 not in FrameRange.parse("1-3")
    assert np.array([1, 2]) not in FrameRange.parse("1-3")


def test_integers_of_numpy_are_frames() -> None:
    assert np.int64(2) in FrameRange.parse("1-3")
    assert np.int32(4) not in FrameRange.parse("1-3")
    assert str(FrameRange.of(np.arange(1, 4))) == "1-3"


@given(frames=st.sets(st.integers(-40, 40)), first=st.integers(-45, 45), last=st.integers(-45, 45))
def test_a_walk_takes_the_frames_on_its_way(frames: set[int], first: int, last: int) -> None:
    way = range(first, last + 1) if first <= last else range(first, last - 1, -1)
    assert list(FrameRange.of(frames).walk(first, last)) == [f for f in way if f in frames]
