"""Locked mattes: exact, found out when damaged or exchanged, laid over whatever is tracked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import cut_short, read_image, write_image
from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, assert_same, mask, straight

from rde_roto.delivery import FrameReporter, deliver
from rde_roto.documents.shot_document import LockEntry
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.scaling import reduced
from rde_roto.shot_files.locks import FileLock, LockWriter, Pinning, without_frames
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Output
from rde_roto.values.shot import Shot

IDS = ("hero", "car", "dog")
FORMAT = PlateFormat(Window(-2, 3, 5, 4), Window(0, 0, 8, 8), pixel_aspect=2.0)


def planes(seed: int, count: int = 3) -> FloatArray:
    """Float32 with all its digits, which a half could not hold."""
    return np.random.default_rng(seed).random((count, *FORMAT.data.shape), dtype=np.float32)


def pinned(folder: Path, frames: str, elements: tuple[str, ...], draw: int = 0) -> FileLock:
    """A lock whose files are written; another ``draw``, other pixels."""
    pinning = Pinning.of([], FrameRange.parse(frames), elements, IDS)
    (lock,) = pinning.locks(folder, lambda frame: f"{frame} {draw}", FORMAT)
    writer = LockWriter((lock,), IDS, {"rde-roto:plate": "hero"})
    for frame in lock.frames:
        writer.write(Matte(frame, planes(frame + 1000 * draw), IDS, "digest"))
    return lock


def test_at_a_proxy_they_are_averaged_down(tmp_path: Path) -> None:
    lock = pinned(tmp_path, "1001", ("hero", "car"))
    small = PlateFormat(Window(-1, 1, 3, 2), Window(0, 0, 4, 4), pixel_aspect=2.0)
    proxy = FileLock(lock.frames, lock.elements, lock.pattern, small, proxy=2)
    np.testing.assert_array_equal(proxy.read(1001), reduced(planes(1001)[:2], (2, 3)))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.permutations(IDS), st.integers(1, 3))
def test_pixels_come_back_to_the_last_bit(seed: int, order: list[str], count: int) -> None:
    elements = tuple(name for name in IDS if name in order[:count])
    alpha = planes(seed)
    with tempfile.TemporaryDirectory() as folder:
        pinning = Pinning.of([], FrameRange.of([7]), elements, IDS)
        (lock,) = pinning.locks(Path(folder), str, FORMAT)
        LockWriter((lock,), IDS, {}).write(Matte(7, alpha, IDS, "digest"))
        found = lock.read(7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, alpha[[IDS.index(name) for name in elements]])


def test_a_locked_file_opens_in_a_compositor(tmp_path: Path) -> None:
    lock = pinned(tmp_path, "1001", ("hero", "car"))
    spec, _ = read_image(lock.pattern.path(1001))
    assert set(spec.channelnames) == {"hero.A", "car.A"}
    assert str(spec.format) == "float"
    assert (spec.x, spec.y, spec.full_width) == (-2, 3, 8)
    assert spec.get_string_attribute("compression") == "zip"
    assert spec.get_string_attribute("rde-roto:plate") == "hero"


def test_a_part_of_a_file_s_elements_may_be_asked_for(tmp_path: Path) -> None:
    lock = pinned(tmp_path, "1001", ("hero", "car", "dog"))
    some = FileLock(lock.frames, ("dog", "hero"), lock.pattern, FORMAT)
    np.testing.assert_array_equal(some.read(1001), lock.read(1001)[[2, 0]])
    none = FileLock(lock.frames, ("cat",), lock.pattern, FORMAT)
    with pytest.raises(InputError, match=r"has no channel cat\.A"):
        none.read(1001)


def test_the_digest_is_told_without_pixels_and_follows_them(tmp_path: Path) -> None:
    one, other = pinned(tmp_path, "1001-1002", ("hero",)), pinned(tmp_path, "1001", ("hero",), 1)
    digests = {one.digest(1001), one.digest(1002), other.digest(1001)}
    assert len(digests) == 3
    assert pinned(tmp_path / "again", "1001-1002", ("hero",)).digest(1001) == one.digest(1001)


def exchange_pixels(file: Path, _lock: FileLock) -> None:
    """Other pixels under the same header."""
    spec, pixels = read_image(file)
    digest = {"rde-roto:digest": spec.get_string_attribute("rde-roto:digest")}
    window = {"origin": (spec.x, spec.y), "display": (0, 0, 8, 8)}
    write_image(file, pixels * 0.5, "float", tuple(spec.channelnames), **window, **digest)


DAMAGES: dict[str, Callable[[Path, FileLock], object]] = {
    "missing": lambda file, _lock: file.unlink(),
    "cut short": lambda file, _lock: cut_short(file, 0.9),
    "empty": lambda file, _lock: cut_short(file, 0),
    "another frame's": lambda file, lock: shutil.copy(lock.pattern.path(1002), file),
    "no lock's": lambda file, _lock: write_image(file, np.ones((4, 5, 1)), "float", ("hero.A",)),
    "other pixels": exchange_pixels,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_named_and_never_shown(
    tmp_path: Path, damage: Callable[[Path, FileLock], object]
) -> None:
    lock = pinned(tmp_path, "1001-1002", ("hero",))
    file = lock.pattern.path(1001)
    damage(file, lock)
    with pytest.raises(InputError, match=rf"frame 1001 is locked, but .*{file.name}.*unlock"):
        lock.read(1001)
    assert not LockWriter((lock,), IDS, {}).is_written(1001, "digest")
    lock.read(1002)


def test_a_file_of_another_lock_is_found_out(tmp_path: Path) -> None:
    lock, other = pinned(tmp_path, "1001", ("hero",)), pinned(tmp_path, "1001", ("hero",), 1)
    shutil.copy(other.pattern.path(1001), lock.pattern.path(1001))
    with pytest.raises(InputError, match="is not the file that the lock wrote"):
        lock.read(1001)


def test_a_plate_of_another_size_is_told(tmp_path: Path) -> None:
    lock = pinned(tmp_path, "1001", ("hero",))
    window = Window(0, 0, 5, 4)
    moved = FileLock(lock.frames, lock.elements, lock.pattern, PlateFormat(window, window))
    with pytest.raises(InputError, match=r"is 5x4 at \(-2, 3\), the plate 5x4: "):
        moved.read(1001)


# What is to be pinned.

ENTRIES = st.lists(
    st.tuples(st.sampled_from([("hero",), ("car",), ("hero", "car")]), st.integers(1, 4)),
    max_size=4,
)


@given(ENTRIES, st.sets(st.integers(0, 16), min_size=1), st.sets(st.sampled_from(IDS), min_size=1))
def test_what_was_locked_stays_locked_and_no_frame_has_two_locks(
    runs: list[tuple[tuple[str, ...], int]], frames: set[int], elements: set[str]
) -> None:
    locks, begin = [], 0
    for index, (names, length) in enumerate(runs):
        run = FrameRange.of(range(begin, begin + length))
        locks.append(LockEntry(frames=run, mattes=f"{index}.####.exr", elements=list(names)))
        begin += length
    before = {frame: set(lock.elements) for lock in locks for frame in lock.frames}
    asked = tuple(name for name in IDS if name in elements)
    pinning = Pinning.of(locks, FrameRange.of(frames), asked, IDS)
    after: dict[int, set[str]] = {}
    kept = [(tuple(lock.elements), lock.frames) for lock in pinning.kept]
    for asked, group in (*kept, *pinning.wanted.items()):
        assert group
        for frame in group:
            assert frame not in after
            after[frame] = set(asked)
    assert after == {
        frame: before.get(frame, set()) | (elements if frame in frames else set())
        for frame in before.keys() | frames
    }
    assert set(pinning.frames) == {f for f in frames if not elements <= before.get(f, set())}


def test_unlocking_takes_out_frames_alone() -> None:
    frames = FrameRange.parse("1001-1010")
    locks = [LockEntry(frames=frames, mattes="a.####.exr", elements=["hero"])]
    (left,) = without_frames(locks, FrameRange.parse("1004-1020"))
    assert (str(left.frames), left.mattes) == ("1001-1003", "a.####.exr")
    assert without_frames(locks, frames) == []


def test_other_pixels_are_pinned_under_other_names(tmp_path: Path) -> None:
    one, again = (pinned(tmp_path, "1001", ("hero",)) for _ in range(2))
    assert again.pattern == one.pattern
    others = [
        pinned(tmp_path, "1001", ("hero",), 1),
        pinned(tmp_path, "1001-1002", ("hero",)),
        pinned(tmp_path, "1001", ("car",)),
    ]
    assert len({str(lock.pattern) for lock in (one, *others)}) == 4


# In a shot.


def lock_of(shot: Shot, folder: Path, frames: str, elements: tuple[str, ...]) -> FileLock:
    """Some frames of a shot as they are now, pinned."""
    node = ToyNode(shot)
    pinning = Pinning.of([], FrameRange.parse(frames), elements, shot.ids)
    (lock,) = pinning.locks(folder, node.digest, shot.plate.format)
    writer = LockWriter((lock,), shot.ids, {})
    for matte in node.render(pinning.frames):
        writer.write(matte)
    return lock


PLATE = MemoryPlate()
TWO = elements_named("a", "b")


def test_a_locked_frame_stays_whatever_is_tracked(tmp_path: Path) -> None:
    before = a_shot(mask(1001, ("a", "b")), plate=PLATE, elements=TWO)
    approved = straight(before)
    whole = lock_of(before, tmp_path, "1010-1012", ("a", "b"))
    half = lock_of(before, tmp_path, "1020", ("b",))
    keyframes = (mask(1001, ("a", "b"), draw=1), mask(1011, ("a", "b"), draw=2))
    after = a_shot(*keyframes, plate=PLATE, elements=TWO, locks=(whole, half))
    free = straight(a_shot(*keyframes, plate=PLATE, elements=TWO))
    for frame, matte in straight(after).items():
        if frame in whole.frames:  # 1011 is a keyframe: the lock is laid over that too
            np.testing.assert_array_equal(matte.alpha, approved[frame].alpha)
        elif frame == 1020:
            np.testing.assert_array_equal(matte.alpha[1], approved[frame].alpha[1])
            np.testing.assert_array_equal(matte.alpha[0], free[frame].alpha[0])
        else:  # a lock never enters the memory
            assert_same(matte, free[frame])


def test_a_frame_that_is_locked_as_a_whole_is_not_tracked(tmp_path: Path) -> None:
    before = a_shot(mask(1001), plate=PLATE)
    lock = lock_of(before, tmp_path, "1030", ("a",))
    node = ToyNode(a_shot(mask(1001, draw=1), plate=PLATE, locks=(lock,)), PRESET)
    node.matte(1030)
    assert node.steps == 0


def test_a_lock_that_is_missing_stops_no_other_frame(tmp_path: Path) -> None:
    before = a_shot(mask(1001), plate=PLATE)
    lock = lock_of(before, tmp_path, "1005", ("a",))
    lock.pattern.path(1005).unlink()
    node = ToyNode(a_shot(mask(1001), plate=PLATE, locks=(lock,)))
    origin = Origin(node.shot.plate.format)
    writer = open_matte_writer(str(tmp_path / "m.####.exr"), origin, ("a",), Output(), {})
    reporter = FrameReporter(lambda _frame, _kept: None)
    assert deliver(node, FrameRange.parse("1003"), writer, reporter).made == 1
    with pytest.raises(InputError):
        deliver(node, FrameRange.parse("1005"), writer, reporter)


def test_a_damaged_lock_stops_its_frame(tmp_path: Path) -> None:
    before = a_shot(mask(1001), plate=PLATE)
    lock = lock_of(before, tmp_path, "1005", ("a",))
    cut_short(lock.pattern.path(1005), 0.9)
    node = ToyNode(a_shot(mask(1001, draw=1), plate=PLATE, locks=(lock,)))
    with pytest.raises(InputError, match="frame 1005 is locked"):
        node.matte(1005)
    node.matte(1006)
