"""A shot cut into chunks: which frames go together, and what their seams cost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, assert_same, mask, straight

from rde_roto.stores import CacheSettings, open_stores
from rde_roto.values.chunks import chunks_in_rounds
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.preset import Preset, Running
from rde_roto.values.shot import Shot

EVERY = 6
RUNNING = PRESET.model_copy(update={"running": Running(snapshot_every=2)})
"""A state on disk every sixth frame."""


def long_shot(*keyframes: int, frames: str = "1001-1100") -> Shot:
    plate = MemoryPlate(FrameRange.parse(frames))
    return a_shot(*map(mask, keyframes), plate=plate)


def cut(shot: Shot, most: int, frames: str | None = None) -> list[list[str]]:
    wanted = shot.range if frames is None else FrameRange.parse(frames)
    return [list(map(str, round_)) for round_ in chunks_in_rounds(shot, wanted, most, EVERY)]


def test_stretches_are_cut_apart() -> None:
    shot = long_shot(1001, 1026, 1051, 1076)
    assert cut(shot, 100) == [["1001-1026", "1027-1051", "1052-1076", "1077-1100"]]


def test_a_long_stretch_is_cut_where_a_state_is_kept() -> None:
    """Multiples of six from the keyframe, in the direction of the walk."""
    assert cut(long_shot(1001), 40) == [["1001-1037"], ["1038-1073"], ["1074-1100"]]
    assert cut(long_shot(1100), 40) == [["1064-1100"], ["1028-1063"], ["1001-1027"]]


def test_chunks_of_a_stretch_are_about_as_long() -> None:
    assert cut(long_shot(1001, frames="1001-1020"), 18) == [["1001-1013"], ["1014-1020"]]


def test_a_chunk_has_the_frames_to_one_state_at_least() -> None:
    assert cut(long_shot(1001, frames="1001-1010"), 1) == [["1001-1007"], ["1008-1010"]]


def test_longer_stretches_go_on_in_later_rounds() -> None:
    shot = long_shot(1011, 1060)
    assert cut(shot, 24) == [
        ["1011-1035", "1061-1084", "1001-1010"],
        ["1036-1060", "1085-1100"],
    ]


def test_a_part_of_a_shot_is_cut_where_the_whole_is() -> None:
    shot = long_shot(1001)
    assert cut(shot, 40, "1030-1080x5") == [["1030,1035"], ["1040-1070x5"], ["1075,1080"]]
    assert cut(shot, 40, "1090-1120") == [["1090-1100"]]


def test_keyframes_alone_go_together() -> None:
    shot = long_shot(1001, 1002, 1003, 1050, frames="1001-1050")
    assert cut(shot, 100, "1001-1003") == [["1001-1003"]]
    assert cut(shot, 100) == [["1003-1050", "1001-1002"]]
    assert cut(long_shot(1001, frames="1001"), 100) == [["1001"]]
    assert cut(shot, 100, "1101") == []


@given(
    keyframes=st.sets(st.integers(1, 60), min_size=1, max_size=6),
    wanted=st.sets(st.integers(1, 60), max_size=60),
    most=st.integers(1, 70),
)
def test_every_frame_is_in_one_chunk(keyframes: set[int], wanted: set[int], most: int) -> None:
    shot = long_shot(*keyframes, frames="1-60")
    rounds = chunks_in_rounds(shot, FrameRange.of(wanted), most, EVERY)
    chunks = [chunk for round_ in rounds for chunk in round_]
    assert all(chunks)
    assert sorted(frame for chunk in chunks for frame in chunk) == sorted(wanted)


# --- what seams cost ------------------------------------------------------------------------------


def by_workers(
    shot: Shot, preset: Preset, chunks: Iterable[FrameRange], cache: Path
) -> tuple[dict[int, Matte], int]:
    """The mattes and the steps of workers that each make one chunk and share a folder alone."""
    mattes: dict[int, Matte] = {}
    steps = 0
    for chunk in chunks:
        node = ToyNode(shot, preset, open_stores(CacheSettings(cache, 10**9, 10**9)))
        mattes |= {matte.frame: matte for matte in node.render(chunk)}
        steps += node.steps
    return mattes, steps


def steps_of(shot: Shot, preset: Preset) -> int:
    node = ToyNode(shot, preset)
    for _ in node.render():
        pass
    return node.steps


@pytest.mark.parametrize("dechatter", [0.0, 1.0])
def test_a_chunk_goes_on_from_the_state_of_the_one_before(tmp_path: Path, dechatter: float) -> None:
    """Not one step is done twice where a stretch has one keyframe."""
    shot = long_shot(1040, frames="1001-1080")
    finish = RUNNING.finish.model_copy(update={"dechatter": dechatter})
    preset = RUNNING.model_copy(update={"finish": finish})
    rounds = chunks_in_rounds(shot, shot.range, 12, EVERY)
    assert len(rounds) == 4
    chunks = [chunk for round_ in rounds for chunk in round_]
    mattes, steps = by_workers(shot, preset, chunks, tmp_path)
    expected = straight(shot, preset)
    assert mattes.keys() == expected.keys()
    for frame, matte in expected.items():
        assert_same(mattes[frame], matte)
    assert steps == steps_of(shot, preset)


def test_between_two_keyframes_the_memory_frames_from_behind_are_walked_twice(
    tmp_path: Path,
) -> None:
    """The first chunk's walk from behind passes all others', which need its states again."""
    shot = long_shot(1001, 1074, frames="1001-1074")
    rounds = chunks_in_rounds(shot, shot.range, 18, EVERY)
    chunks = [chunk for round_ in rounds for chunk in round_]
    assert len(chunks) == 4
    mattes, steps = by_workers(shot, RUNNING, chunks, tmp_path)
    for frame, matte in straight(shot, RUNNING).items():
        assert_same(mattes[frame], matte)
    whole = steps_of(shot, RUNNING)
    memory_frames = 72 // 3
    assert whole == 2 * 2 * memory_frames
    assert whole < steps <= whole + memory_frames


def test_chunks_in_any_order_have_the_same_pixels(tmp_path: Path) -> None:
    """A later one that comes first walks from the keyframe by itself."""
    shot = long_shot(1001, 1060, frames="1001-1080")
    rounds = chunks_in_rounds(shot, shot.range, 12, EVERY)
    chunks = [chunk for round_ in rounds for chunk in round_]
    mattes, steps = by_workers(shot, RUNNING, reversed(chunks), tmp_path)
    for frame, matte in straight(shot, RUNNING).items():
        np.testing.assert_array_equal(mattes[frame].alpha, matte.alpha)
    assert steps > steps_of(shot, RUNNING)
