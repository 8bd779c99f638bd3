"""What is said of a track, and which frames are shown: on figures alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.values.frames import FrameRange
from rde_roto.values.inspection import frames_to_show, in_words, remarks_on
from rde_roto.values.report import ElementTrack, Remark

NONE = FrameRange.of([])


def track(areas: dict[int, float], **confidences: float) -> ElementTrack:
    """Of an element that is sure but at the given frames, as in ``f5=0.6``, which are doubtful."""
    doubts = {int(name[1:]): value for name, value in confidences.items()}
    return ElementTrack("hero", dict.fromkeys(areas, 0.95) | doubts, areas, FrameRange.of(doubts))


def steady(**changed: float) -> dict[int, float]:
    """A tenth of the picture over frames 1-20, but as in ``f5=0``."""
    return dict.fromkeys(range(1, 21), 0.1) | {int(k[1:]): v for k, v in changed.items()}


def said(track: ElementTrack, keyframes: str = "1") -> list[Remark]:
    return list(remarks_on(track, FrameRange.parse(keyframes)))


def test_of_a_steady_sure_track_there_is_nothing_to_say() -> None:
    assert said(track(steady(f4=0.12, f9=0.08))) == []


def test_doubts_are_said_with_the_worst_of_them() -> None:
    assert said(track(steady(), f5=0.8, f6=0.63, f7=0.7)) == [
        Remark("hero may be wrong in frames 5-7: it is least sure at 6, 0.63", 6)
    ]


def test_an_element_that_does_not_come_back_is_a_warning() -> None:
    gone = dict.fromkeys(range(15, 21), 0.0)
    (remark,) = said(track(steady() | gone))
    assert remark.sentence.startswith("hero is not seen from 15 on: ")
    assert (remark.at, remark.is_warning) == (15, True)
    (remark,) = said(track(dict.fromkeys(range(5, 9), 0.0)))
    assert remark.sentence.startswith("hero is not seen at all: ")


def test_what_is_locked_behind_an_empty_passage_may_be_seen() -> None:
    """The areas of 16-20 are not known: they are locked."""
    areas = {frame: 0.1 if frame < 12 else 0.0 for frame in range(1, 16)}
    sure = dict.fromkeys(range(1, 21), 1.0)
    (remark,) = said(ElementTrack("hero", sure, areas, NONE))
    assert remark == Remark("hero has an empty matte in frames 12-15", 12)


def test_an_empty_passage_is_a_warning_unless_an_artist_drew_it() -> None:
    areas = steady(f7=0, f8=0, f12=0)
    (remark,) = said(track(areas))
    assert remark == Remark("hero has an empty matte in frames 7-8, 12", 7)
    (remark,) = said(track(areas), keyframes="1,8")
    assert remark == Remark("hero has an empty matte in frame 12", 12)
    assert said(track(steady(f19=0, f20=0)), keyframes="19") == []


def test_a_full_matte_is_a_warning_unless_an_artist_drew_it() -> None:
    full = dict.fromkeys(range(1, 5), 1.0)
    assert said(track(full)) == [Remark("hero fills the whole picture in frames 1-4", 1)]
    assert said(track(full), keyframes="1-4") == []


def test_leaps_between_neighbours_are_noted_with_the_largest() -> None:
    """Times 1.4, then 2, then back: the first is growth, and what is next to nothing no leap."""
    (remark,) = said(track(steady(f4=0.14, f5=0.28, f6=0.1)))
    assert remark.at == 6
    assert not remark.is_warning
    assert remark.sentence.endswith(": frames 5, 6") or remark.sentence.endswith(": frames 5-6")
    assert said(track(dict.fromkeys(range(1, 9), 0.0002) | {4: 0.0009})) == []
    assert said(track({1: 0.1, 3: 0.3})) == []  # no neighbours


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ("7", "frame 7"),
        ("7-9,12", "frames 7-9, 12"),
        ("-3--1", "frames -3--1"),
        ("1,3-4,6-7,9-20", "17 frames between 1 and 20"),
    ],
)
def test_many_frames_are_said_in_few_words(frames: str, words: str) -> None:
    assert in_words(FrameRange.parse(frames)) == words


def test_keyframes_the_worst_and_what_lies_between_are_shown() -> None:
    frames = FrameRange.parse("1001-1100")
    shown = frames_to_show(frames, FrameRange.parse("1001,1060"), [1042, 1043, 1030])
    assert {1001, 1060, 1042, 1030, 1100} <= set(shown)
    assert 1043 not in shown  # beside 1042, which is worse
    gaps = [after - before for before, after in pairwise(shown)]
    assert max(gaps) <= 15


def test_of_a_short_shot_every_frame_is_shown() -> None:
    frames = FrameRange.parse("1-5,8")
    assert frames_to_show(frames, FrameRange.parse("1"), [4]) == tuple(frames)
    assert frames_to_show(FrameRange.parse("9"), NONE, []) == (9,)


@given(
    frames=st.sets(st.integers(-50, 3000), min_size=1, max_size=400),
    keyframes=st.integers(0, 60),
    worth=st.integers(0, 200),
)
def test_never_more_than_24_and_never_others(frames: set[int], keyframes: int, worth: int) -> None:
    ordered = sorted(frames)
    most_urgent = ordered[::-1][:worth]
    shown = frames_to_show(FrameRange.of(frames), FrameRange.of(ordered[:keyframes]), most_urgent)
    assert len(shown) <= 24
    assert len(shown) >= min(8, len(frames))
    assert list(shown) == sorted(set(shown))
    assert set(shown) <= frames
    assert set(most_urgent[:1]) <= set(shown)
