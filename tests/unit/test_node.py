from __future__ import annotations

import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, assert_same, mask, straight

from rde_roto.background import Job, read_ahead
from rde_roto.matte.finish import finish
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.propagation.digests import MATTE_REVISION, MISSING, PlateDigests
from rde_roto.stores import Stores
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError, InputError, OutOfMemoryError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import beside
from rde_roto.values.plate import Window
from rde_roto.values.preset import Finish, Preset, Running, Tracking
from rde_roto.values.shot import Shot
from toy_tracker import ToyFrames, ToyState, ToyTracker

AB = elements_named("a", "b")


def changed(before: Shot, after: Shot, preset: Preset = PRESET, other: Preset = PRESET) -> set[int]:
    """Frames whose mattes have another name, which must be those with other pixels."""
    old, new = straight(before, preset), straight(after, other)
    names = {frame for frame in old if old[frame].digest != new[frame].digest}
    pixels = {f for f in old if not np.array_equal(old[f].alpha, new[f].alpha)}
    assert pixels <= names
    return names


# One keyframe.


def test_every_frame_of_the_range_comes_once_keyframe_first() -> None:
    order = [matte.frame for matte in ToyNode(a_shot(mask(1005))).render()]
    assert order == [1005, *range(1006, 1031), *range(1004, 1000, -1)]


def test_mattes_are_plate_sized_float_in_range() -> None:
    shot = a_shot(mask(1005, "ab"), elements=AB)
    mattes = straight(shot)
    assert list(mattes) == [1005, *range(1006, 1031), *range(1004, 1000, -1)]
    for matte in mattes.values():
        assert matte.alpha.shape == (2, *shot.plate.format.data.shape)
        assert matte.alpha.dtype == np.float32
        assert 0 <= matte.alpha.min() <= matte.alpha.max() <= 1


def test_the_recurrence_is_begin_read_absorb_counted_from_the_keyframe(lite: RDENet) -> None:
    """The walk against the recurrence written out: memory frames 1004 and 1007 of keyframe 1001.

    Raw mattes are kept to 1/65535, so half of that is the tolerance.
    """
    plate = MemoryPlate(height=64, width=96)
    shot = a_shot(mask(1001, "ab", plate=plate), plate=plate, elements=AB, frames="1001-1009")
    propagator = RDETracker(InferenceForms(lite), PRESET.tracking, torch.device("cpu"))
    finish = Finish(clip_black=0, clip_white=1)
    preset = PRESET.model_copy(update={"finish": finish})
    node = RotoNode(shot, preset, lambda _tracking: propagator)
    encoded = {f: propagator.encode([plate.read(f)]) for f in (1001, 1004, 1007)}
    state = propagator.begin([(encoded[1001], shot.keyframes[0].alpha)])
    for frame in (1004, 1007):
        state = propagator.absorb(state, encoded[frame], propagator.read(state, encoded[frame]))
    probabilities = propagator.read(state, propagator.encode([plate.read(1008), plate.read(1009)]))
    expected = propagator.geometry((64, 96)).to_plate(probabilities)[:, 1:].numpy()
    for place, frame in enumerate((1008, 1009)):
        np.testing.assert_allclose(node.matte(frame).alpha, expected[place], atol=0.51 / 65535)


def test_only_what_is_not_kept_is_made_and_read() -> None:
    whole = straight(a_shot(mask(1005), plate=MemoryPlate(FrameRange.parse("1001-1012"))))
    plate = MemoryPlate(FrameRange.parse("1001-1012"))

    def is_kept(frame: int, digest: str) -> bool:
        assert digest == whole[frame].digest
        return frame != 1010

    (made,) = ToyNode(a_shot(mask(1005), plate=plate)).render(is_kept=is_kept)
    assert_same(made, whole[1010])
    # the anchor, the one memory frame before 1010 (1008), 1010 and 1009, which shares its batch
    assert sorted(plate.read_frames) == [1005, 1008, 1009, 1010]


def test_a_shot_that_is_all_there_costs_no_plate_and_no_step() -> None:
    plate = MemoryPlate()
    node = ToyNode(a_shot(mask(1005), mask(1020), plate=plate))
    assert list(node.render(is_kept=lambda *_: True)) == []
    assert (plate.read_frames, node.steps) == ([], 0)


def test_mattes_before_an_unreadable_plate_are_handed_out() -> None:
    shot = a_shot(mask(1005), plate=MemoryPlate(broken=frozenset({1009})))
    mattes = ToyNode(shot).render()
    assert [next(mattes).frame for _ in range(4)] == [1005, 1006, 1007, 1008]
    with pytest.raises(InputError, match="1009"):
        next(mattes)


def test_a_damaged_neighbour_is_no_reason_to_refuse_a_frame() -> None:
    whole = straight(a_shot(mask(1005)))
    node = ToyNode(a_shot(mask(1005), plate=MemoryPlate(broken=frozenset({1007}))))
    np.testing.assert_array_equal(node.matte(1006).alpha, whole[1006].alpha)
    with pytest.raises(InputError, match="1007"):
        node.matte(1007)


def test_a_memory_frame_that_the_plate_lacks_leaves_the_memory_as_it_is() -> None:
    holed = MemoryPlate(FrameRange.parse("1001-1007,1009-1012"))
    whole = MemoryPlate(FrameRange.parse("1001-1012"))
    frames = "1001-1007,1009-1012"
    assert changed(
        a_shot(mask(1005), plate=whole, frames=frames), a_shot(mask(1005), plate=holed)
    ) == {1009, 1010, 1011, 1012}


def test_a_frame_out_of_range_is_named() -> None:
    node = ToyNode(a_shot(mask(1005), frames="1001-1012x2,1005"))
    with pytest.raises(UsageError, match=r"1004.*1001-1011x2"):
        node.matte(1004)
    with pytest.raises(UsageError, match="1100"):
        list(node.render(FrameRange.parse("1003,1100")))


def test_a_node_needs_a_keyframe() -> None:
    with pytest.raises(UsageError, match="no keyframe"):
        ToyNode(a_shot())


def test_between_two_keyframes_the_first_mattes_need_only_the_memory_frames_of_one_pass() -> None:
    """240 frames apart: 79 memory frames backwards, and then blocks of 24 frames both ways.

    Each pass has 79 memory frames and 80 batches between them; none is made twice.
    """
    plate = MemoryPlate(FrameRange.parse("1001-1241"))
    shot = a_shot(mask(1001), mask(1241), plate=plate)
    node = ToyNode(shot)
    steps = {matte.frame: node.steps for matte in node.render()}
    assert 79 < steps[1002] < 79 + 2 * 8
    assert max(steps.values()) == node.steps == 2 * (79 + 80)
    ahead = [steps[frame + 24] - steps[frame] for frame in range(1002, 1217)]
    assert max(ahead) <= 3 * 8 + 4  # the network is up to two frames ahead of each
    for frame in (1002, 1025, 1120, 1240):
        assert_same(ToyNode(shot).matte(frame), node.matte(frame))


@pytest.mark.parametrize(
    ("memory_every", "together"), [(1, 1), (2, 1), (3, 2), (5, 4), (6, 3), (10, 3), (30, 4)]
)
def test_a_batch_holds_at_most_four_plates_whatever_the_memory_frames(
    memory_every: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    encode = ToyTracker.encode

    def counted(
        toy: ToyTracker, pictures: list[FloatArray], box: Window | None = None
    ) -> ToyFrames:
        counts.append(len(pictures))
        return encode(toy, pictures, box)

    monkeypatch.setattr(ToyTracker, "encode", counted)
    preset = Preset(name="toy", tracking=Tracking(lines=96, memory_every=memory_every))
    plate = MemoryPlate(FrameRange.parse("1001-1062"))
    shot = a_shot(mask(1001), plate=plate)
    whole = straight(shot, preset)
    assert len(whole) == 62
    assert set(counts) == {1, together}
    backwards = ToyNode(shot, preset)
    for frame in sorted(whole, reverse=True):
        assert_same(backwards.matte(frame), whole[frame])


def test_a_batch_of_all_frames_between_adds_nothing_to_the_digest() -> None:
    shot = a_shot(mask(1001))
    (span,) = shot.stretch_at(1010).spans

    def raws(memory_every: int) -> list[tuple[str, str]]:
        tracking = Tracking(lines=96, memory_every=memory_every)
        chain = ToyNode(shot, Preset(name="toy", tracking=tracking)).chain
        frames = 1001 + memory_every - 1, 1001 + memory_every  # the second is a memory frame
        state = chain.state(span, 0)
        return [(chain.raw(span, f), digest_of("raw", state, chain.plates(f))) for f in frames]

    assert [own == plain for own, plain in raws(5)] == [True, True]
    assert [own == plain for own, plain in raws(6)] == [False, True]


def test_running_out_of_memory_names_the_setting_or_goes_on_smaller() -> None:
    class Hungry(MemoryPlate):
        def read(self, frame: int) -> FloatArray:
            raise MemoryError

    shot = a_shot(mask(1005), plate=Hungry())
    for lines, says in (
        (160, r"lower tracking.lines, now 160, to 96"),
        (96, "96, cannot be lowered: close"),
    ):
        preset = PRESET.model_copy(update={"tracking": Tracking(lines=lines)})
        with pytest.raises(OutOfMemoryError, match=says):
            ToyNode(shot, preset).matte(1006)
        assert ToyNode(shot, preset).smaller() is None
    running = Running(when_memory_runs_out="smaller")
    tracking = Tracking(lines=160)
    node = ToyNode(shot, PRESET.model_copy(update={"running": running, "tracking": tracking}))
    smaller = node.smaller()
    assert smaller is not None
    assert smaller.preset.tracking.lines == 120
    assert smaller.smaller() is None


def test_the_network_goes_on_while_a_matte_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    shot, absorbed = a_shot(mask(1001)), Event()
    expected = straight(shot)

    class Watched(ToyTracker):
        def absorb(self, *arguments: Any) -> ToyState:
            absorbed.set()
            return super().absorb(*arguments)

    def finish_slowly(*arguments: Any) -> FloatArray:
        assert absorbed.wait(60), "the first matte comes before the first memory frame"
        return finish(*arguments)

    monkeypatch.setattr("rde_roto.node.finish", finish_slowly)
    made = list(RotoNode(shot, PRESET, Watched).render())
    assert len(made) == 30
    for matte in made:
        assert_same(matte, expected[matte.frame])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal to one thread")
def test_ctrl_c_waits_for_one_step_of_a_walk_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread waits for the first matte meanwhile, which takes the walk to its end."""
    hurried, main = Event(), threading.get_ident()
    steps: list[bool] = []

    class Interrupted(ToyTracker):
        def read(self, *arguments: Any) -> torch.Tensor:
            steps.append(hurried.is_set())
            if len(steps) == 2:
                signal.pthread_kill(main, signal.SIGINT)
                assert hurried.wait(60), "Ctrl-C waits for the whole walk"
            return super().read(*arguments)

    def read_watched(items: Iterator[Any], depth: int, hurry: Job) -> Iterator[Any]:
        def hurry_and_tell() -> None:
            hurry()
            hurried.set()

        return read_ahead(items, depth, hurry_and_tell)

    monkeypatch.setattr("rde_roto.node.read_ahead", read_watched)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup has it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            list(RotoNode(a_shot(mask(1001), mask(1030)), PRESET, Interrupted).render())
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps == [False, False]  # none begins after it


def test_cancelling_stops_between_two_steps_and_loses_nothing() -> None:
    node = ToyNode(a_shot(mask(1001)))
    asked = iter([False] * 4 + [True])
    with pytest.raises(CancelledError):
        node.matte(1030, cancel=lambda: next(asked))
    done = node.steps
    assert 0 < done < 5
    assert_same(node.matte(1030), straight(a_shot(mask(1001)))[1030])
    assert node.steps == 10  # nine memory frames and the batch of the last two, none of them twice


# What the digests name.


def test_a_repaired_plate_changes_only_what_follows_it() -> None:
    plates = MemoryPlate(), MemoryPlate(edited=frozenset({1008, 1002}))
    before, after = (a_shot(mask(1005), plate=plate) for plate in plates)
    # 1008 is a memory frame, so everything behind it changes; 1002 is one backwards
    assert changed(before, after) == {*range(1008, 1031), 1002, 1001}


def test_a_frame_between_memory_frames_changes_alone() -> None:
    plates = MemoryPlate(), MemoryPlate(edited=frozenset({1009}))
    before, after = (a_shot(mask(1005), plate=plate) for plate in plates)
    assert changed(before, after) == {1009}


def with_another_value(settings: Tracking | Finish, name: str) -> Tracking | Finish:
    """The same settings but for one, which has the first of some values that is allowed there."""
    values = settings.model_dump(mode="json")
    for value in (not values[name], 0.1, 0.9, 1.5, 5, 128, "F+L", "float32", "mixed", "bilinear"):
        with suppress(ValidationError):
            found = type(settings).model_validate({**values, name: value})
            if getattr(found, name) != getattr(settings, name):
                return found
    raise AssertionError(f"add a value here that {name} may have")


@pytest.mark.parametrize(
    ("section", "name"),
    [("tracking", name) for name in Tracking.model_fields]
    + [("finish", name) for name in Finish.model_fields],
)
def test_every_setting_enters_the_digest(section: str, name: str) -> None:
    shot = a_shot(mask(1005), frames="1005-1008")
    other = with_another_value(getattr(PRESET, section), name)
    before = straight(shot)
    node = ToyNode(shot, PRESET.model_copy(update={section: other}))
    for frame in (1006, 1007, 1008):
        assert node.digest(frame) != before[frame].digest


def test_how_a_run_spends_its_disk_enters_no_digest() -> None:
    preset = PRESET.model_copy(update={"running": Running(snapshot_every=3)})
    shot = a_shot(mask(1005), mask(1015))
    assert changed(shot, shot, PRESET, preset) == set()


def test_a_renamed_element_keeps_its_mattes() -> None:
    keyframe = mask(1005, "ab")
    renamed = (Element("a", "hero"), Element("b", "car"))
    before, after = (a_shot(keyframe, elements=elements) for elements in (AB, renamed))
    assert changed(before, after) == set()
    assert straight(after)[1006].elements == ("hero", "car")


def test_the_digest_touches_no_pixel_and_hashes_a_plate_once() -> None:
    plate = MemoryPlate()
    node = ToyNode(a_shot(mask(1005), mask(1020), plate=plate))
    digests = [node.digest(frame) for frame in node.shot.range]
    assert len(set(digests)) == 30
    assert plate.read_frames == []
    assert len(plate.hashed) == len(set(plate.hashed))
    edited = node.edited(preset=PRESET.model_copy(update={"finish": Finish(gain=2)}))
    assert edited.digest(1010) != node.digest(1010)
    assert len(plate.hashed) == len(set(plate.hashed))


def test_equal_frames_at_other_distances_have_names_of_their_own() -> None:
    """Between two keyframes the distance decides the blend, so a still plate needs it named."""

    class Still(MemoryPlate):
        def digest(self, frame: int) -> str:
            return digest_of("still")

        def read(self, frame: int) -> FloatArray:
            return super().read(1001)

    node = ToyNode(a_shot(mask(1005), mask(1008), plate=Still()))
    assert node.digest(1006) != node.digest(1007)
    assert not np.array_equal(node.matte(1006).alpha, node.matte(1007).alpha)


# Several keyframes.


def test_keyframes_come_back_as_drawn() -> None:
    keyframes = mask(1005, "ab"), mask(1012, "ba", draw=1), mask(1020, "a", draw=2)
    node = ToyNode(a_shot(*keyframes, elements=AB))
    np.testing.assert_array_equal(node.matte(1005).alpha, keyframes[0].alpha)
    np.testing.assert_array_equal(node.matte(1012).alpha, keyframes[1].alpha[::-1])
    np.testing.assert_array_equal(node.matte(1020).alpha[0], keyframes[2].alpha[0])


def test_a_keyframe_bears_the_artists_own_knobs() -> None:
    preset = PRESET.model_copy(update={"finish": Finish(gain=0.5)})
    found = ToyNode(a_shot(mask(1005)), preset).matte(1005).alpha
    np.testing.assert_array_equal(found, 0.5 * mask(1005).alpha)


def test_an_edited_keyframe_changes_the_frames_up_to_its_neighbours() -> None:
    before = a_shot(mask(1005), mask(1012), mask(1020))
    after = a_shot(mask(1005), mask(1012, draw=1), mask(1020))
    assert changed(before, after) == set(range(1006, 1020))


def test_both_keyframes_are_seen_on_the_way_from_either() -> None:
    one = straight(a_shot(mask(1005), mask(1020)))
    other = straight(a_shot(mask(1005), mask(1020, draw=1)))
    assert not np.array_equal(one[1006].alpha, other[1006].alpha)
    assert not np.array_equal(one[1019].alpha, other[1019].alpha)


def test_what_a_keyframe_does_not_draw_comes_from_the_left_alone() -> None:
    left = mask(1005, "ab")
    shot = a_shot(left, mask(1011, "b", draw=1), mask(1020, "ab"), elements=AB)
    alone = straight(a_shot(left, elements=AB))
    found = straight(shot)[1011]
    carried = beside(alone[1011].alpha[0], found.alpha[1:])
    np.testing.assert_allclose(found.alpha[0], carried, atol=1e-6)
    np.testing.assert_array_equal(found.alpha[1], mask(1011, "b", draw=1).alpha[0])


def test_an_edit_of_the_first_keyframe_reaches_what_is_carried_and_both_ends() -> None:
    keyframes = mask(1011, "b"), mask(1020, "ab"), mask(1025, "ab")
    before = a_shot(mask(1005, "ab"), *keyframes, elements=AB)
    after = a_shot(mask(1005, "ab", draw=1), *keyframes, elements=AB)
    # and what is behind the last keyframe, where the first one is in memory too
    assert changed(before, after) == {*range(1001, 1020), *range(1026, 1031)}


def test_an_element_exists_from_the_keyframe_that_introduces_it() -> None:
    before = a_shot(mask(1005, "a"), mask(1020, "a"), elements=AB[:1])
    after = a_shot(mask(1005, "a"), mask(1020, "ab"), elements=AB)
    old, new = straight(before), straight(after)
    for frame in range(1001, 1020):
        np.testing.assert_array_equal(new[frame].alpha[0], old[frame].alpha[0])
        assert not new[frame].alpha[1].any()
    assert all(new[frame].alpha[1].any() for frame in range(1020, 1031))


def test_frames_before_a_new_element_are_other_mattes_than_without_it() -> None:
    """They have one plane more, so that mattes stored before it was drawn cannot be theirs."""
    before = ToyNode(a_shot(mask(1005, "a"), mask(1020, "a"), elements=AB[:1]))
    old = before.matte(1010)
    after = before.edited(a_shot(mask(1005, "a"), mask(1020, "ab"), elements=AB))
    new = [after.matte(frame) for frame in (1003, 1010)]
    assert [matte.alpha.shape[0] for matte in new] == [2, 2]
    assert new[1].digest != old.digest
    assert_same(before.matte(1010), old)


def test_an_in_point_lets_an_element_exist_before_its_keyframe() -> None:
    elements = (Element("a", "a"), Element("b", "b", in_point=1015))
    mattes = straight(a_shot(mask(1005, "a"), mask(1020, "ab"), elements=elements))
    there = {frame for frame, matte in mattes.items() if matte.alpha[1].any()}
    assert there == set(range(1015, 1031))


def test_constant_cost_between_two_keyframes() -> None:
    """Each frame is read twice, forwards and backwards, and nothing else grows with the length."""
    for last in (1013, 1025):
        plate = MemoryPlate(FrameRange.of(range(1001, last + 1)))
        node = ToyNode(a_shot(mask(1001), mask(last), plate=plate))
        list(node.render())
        between = last - 1001 - 1
        memory, rest = divmod(between, 3)
        assert node.steps == 2 * (2 * memory + (rest > 0))


# Locks.


@dataclass
class Pinned:
    """A lock of constant planes."""

    frames: FrameRange
    elements: tuple[str, ...]
    level: float = 0.25
    look = None

    def digest(self, frame: int) -> str:
        return digest_of(frame, self.level)

    def read(self, frame: int) -> FloatArray:
        return np.full((len(self.elements), 8, 12), self.level, np.float32)


def test_a_lock_overrides_the_output_and_enters_no_memory() -> None:
    keyframes = mask(1005, "ab"), mask(1020, "ab")
    lock = Pinned(FrameRange.parse("1005-1011"), ("a", "b"))
    free = a_shot(*keyframes, elements=AB)
    locked = dataclasses.replace(free, locks=(lock,))
    assert changed(free, locked) == set(range(1005, 1012))
    assert all((straight(locked)[frame].alpha == 0.25).all() for frame in lock.frames)


def test_a_locked_frame_costs_no_step_and_stays_whatever_is_edited() -> None:
    lock = Pinned(FrameRange.parse("1010-1012"), ("a",))
    node = ToyNode(a_shot(mask(1005), locks=(lock,)))
    before = node.matte(1011)
    assert node.steps == 0
    edited = node.edited(shot=a_shot(mask(1005, draw=1), locks=(lock,)))
    assert_same(edited.matte(1011), before)


def test_an_element_that_is_not_locked_is_tracked_as_ever() -> None:
    keyframe = mask(1005, "ab")
    lock = Pinned(FrameRange.parse("1008"), ("b",))
    free, locked = (
        straight(a_shot(keyframe, elements=AB, locks=locks))[1008].alpha for locks in ((), (lock,))
    )
    np.testing.assert_array_equal(locked[0], free[0])
    assert (locked[1] == 0.25).all()


def test_locks_of_two_elements_lie_side_by_side() -> None:
    keyframe, frames = mask(1005, "ab"), FrameRange.parse("1008")
    locks = Pinned(frames, ("b",)), Pinned(frames, ("a",), level=0.75)
    node = ToyNode(a_shot(keyframe, elements=AB, locks=locks))
    assert [plane.max() for plane in node.matte(1008).alpha] == [0.75, 0.25]
    assert node.steps == 0


# Stores.


def test_what_was_made_once_is_answered_from_the_store() -> None:
    stores = Stores.in_ram()
    shot = a_shot(mask(1005), mask(1020))
    whole = {matte.frame: matte for matte in ToyNode(shot, stores=stores).render()}
    node = ToyNode(shot, stores=stores)
    for frame in shot.range:
        stored = node.stored(frame)
        assert stored is not None
        assert_same(stored, whole[frame])
    assert node.steps == 0


def test_another_feather_costs_no_step() -> None:
    stores = Stores.in_ram()
    shot = a_shot(mask(1005), mask(1020))
    list(ToyNode(shot, stores=stores).render())
    preset = PRESET.model_copy(update={"finish": Finish(feather_px=3)})
    node = ToyNode(shot, preset, stores)
    found = {matte.frame: matte for matte in node.render()}
    assert node.steps == 0
    for frame, expected in straight(shot, preset).items():
        assert_same(found[frame], expected)


# Edges after the plate.


def test_edges_follow_the_plate_in_any_order_and_never_at_a_keyframe() -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1008"), height=240, width=300)
    shot = a_shot(mask(1003, plate=plate), mask(1007, plate=plate), plate=plate)
    drawn = straight(shot)
    node = ToyNode(shot)
    for frame in (1006, 1001, 1007, 1004, 1008, 1003, 1002, 1005):
        assert_same(node.matte(frame), drawn[frame])
    enlarged = straight(shot, PRESET.model_copy(update={"finish": Finish(edges="bilinear")}))
    for frame, matte in drawn.items():
        same = np.array_equal(matte.alpha, enlarged[frame].alpha)
        assert same == (frame in (1003, 1007)), frame
        assert matte.digest != enlarged[frame].digest
    for keyframe in shot.keyframes:
        np.testing.assert_array_equal(drawn[keyframe.frame].alpha, keyframe.alpha)


def test_without_the_plates_edges_no_plate_is_read_for_the_finish() -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1008"), height=240, width=300)
    shot = a_shot(mask(1003, plate=plate), plate=plate)
    stores = Stores.in_ram()
    for _ in ToyNode(shot, stores=stores).render():
        pass
    plate.read_frames.clear()
    bilinear = PRESET.model_copy(update={"finish": Finish(edges="bilinear")})
    assert len(list(ToyNode(shot, bilinear, stores).render())) == 8
    assert plate.read_frames == [], "the raw mattes are there"


# De-chatter.

STEADY = PRESET.model_copy(update={"finish": Finish(dechatter=1)})
CALM = MemoryPlate(calm=True)


def test_dechatter_touches_what_has_two_neighbours_and_is_not_drawn_or_locked() -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1015,1017-1030"), calm=True)
    lock = Pinned(FrameRange.parse("1010"), ("a",))
    shot = a_shot(mask(1005), mask(1020), frames="1001-1015,1017-1030", plate=plate, locks=(lock,))
    alone = {1001, 1030, 1015, 1017}  # at an end of the plate, or beside a hole
    untouched = {1005, 1020, 1010, *alone}
    assert changed(shot, shot, PRESET, STEADY) == set(shot.range) - untouched
    plain, steady = straight(shot), straight(shot, STEADY)
    moved = {f for f in shot.range if np.abs(plain[f].alpha - steady[f].alpha).max() > 0.001}
    assert {1002, 1003, 1006, 1009, 1019, 1021} <= moved, "beside keyframes and locks too"


def test_dechatter_costs_no_step_once_the_raw_mattes_are_there() -> None:
    stores, shot = Stores.in_ram(), a_shot(mask(1005), mask(1020), plate=CALM)
    list(ToyNode(shot, stores=stores).render())
    node = ToyNode(shot, STEADY, stores)
    found = {matte.frame: matte for matte in node.render()}
    assert node.steps == 0
    for frame, expected in straight(shot, STEADY).items():
        assert_same(found[frame], expected)


def test_a_run_with_dechatter_takes_the_same_steps() -> None:
    """Whatever the stores hold, which is nothing here."""
    shot = a_shot(mask(1005), plate=CALM)
    plain, steady = (ToyNode(shot, preset, Stores.in_ram(1)) for preset in (PRESET, STEADY))
    assert len(list(plain.render())) == len(list(steady.render())) == 30
    assert steady.steps == plain.steps


def test_a_frame_of_the_plate_is_read_once() -> None:
    """By the walk, for the matte's edges, and beside its neighbours in de-chatter."""
    plate = MemoryPlate(FrameRange.parse("1001-1009"), height=240, width=300, calm=True)
    list(ToyNode(a_shot(mask(1001, plate=plate), plate=plate), STEADY).render())
    assert sorted(plate.read_frames) == list(plate.range)


def test_a_mended_plate_changes_the_mattes_beside_it() -> None:
    plates = CALM, MemoryPlate(calm=True, edited=frozenset({1009}))
    before, after = (a_shot(mask(1005), plate=plate) for plate in plates)
    assert changed(before, after) == {1009}
    assert changed(before, after, STEADY, STEADY) == {1008, 1009, 1010}


def test_a_redrawn_element_changes_its_keyframes_neighbours_alone() -> None:
    """Of a keyframe's mask, neighbours see the elements that are followed there."""
    before = a_shot(mask(1005, "a"), mask(1020, "ab"), elements=AB, plate=CALM)
    redrawn = np.concatenate([mask(1020, "a").alpha, mask(1020, "b", draw=1).alpha])
    other = dataclasses.replace(before.keyframes[1], alpha=redrawn)
    after = dataclasses.replace(before, keyframes=(before.keyframes[0], other))
    assert changed(before, after, STEADY, STEADY) == set(range(1020, 1031))


@pytest.mark.parametrize("frames", ["1001-1029x2,1030", "1003-1012", "1005-1010", "1005"])
def test_with_dechatter_a_shorter_range_has_the_pixels_of_the_whole(frames: str) -> None:
    elements = (Element("a", "a"), Element("b", "b", in_point=1004))
    whole = straight(a_shot(mask(1005, "ab"), plate=CALM, elements=elements), STEADY)
    part = straight(a_shot(mask(1005, "ab"), plate=CALM, elements=elements, frames=frames), STEADY)
    assert len(part) == len(FrameRange.parse(frames))
    for frame, matte in part.items():
        assert_same(matte, whole[frame])


def test_mattes_whose_neighbours_can_be_read_are_handed_out() -> None:
    shot = a_shot(mask(1005), plate=MemoryPlate(calm=True, broken=frozenset({1009})))
    mattes = ToyNode(shot, STEADY).render()
    assert [next(mattes).frame for _ in range(3)] == [1005, 1006, 1007]
    with pytest.raises(InputError, match="1009"):
        next(mattes)


def test_every_strength_has_a_name_of_its_own() -> None:
    shot = a_shot(mask(1005), plate=CALM)
    presets = [PRESET.model_copy(update={"finish": Finish(dechatter=d)}) for d in (0, 0.5, 1)]
    assert len({ToyNode(shot, preset).digest(1008) for preset in presets}) == 3
    assert len({ToyNode(shot, preset).digest(1005) for preset in presets}) == 1


def test_at_rest_dechatter_is_in_no_name() -> None:
    """The name of a frame between two keyframes, as if there were no such knob."""
    node = ToyNode(a_shot(mask(1005), mask(1020)))
    chain, (ahead, back) = node.chain, node.shot.stretch_at(1010).spans
    plain = {k: v for k, v in Finish().model_dump(mode="json").items() if k != "dechatter"}
    finish = digest_of("Finish", *(part for pair in plain.items() for part in pair))
    raws = chain.raw(ahead, 1010), 5, chain.raw(back, 1010), 10
    assert node.digest(1010) == digest_of("matte", "(0,)", *raws, digest_of(MATTE_REVISION, finish))


def test_an_edit_reads_no_plate_again_that_was_just_read() -> None:
    plate = MemoryPlate()
    node = ToyNode(a_shot(mask(1001), plate=plate))
    node.matte(1002)
    plate.read_frames.clear()
    edited = node.edited(preset=PRESET.model_copy(update={"tracking": Tracking(lines=97)}))
    edited.matte(1002)
    assert plate.read_frames == []
    elsewhere = node.edited(a_shot(mask(1001), plate=MemoryPlate()))
    assert elsewhere.walker.pictures is not node.walker.pictures


def test_a_plates_digests_come_back_as_they_were_and_are_asked_for_once() -> None:
    """Negative numbers, gaps, neighbours, and names that are not 32 hex digits."""
    odd = {-700: "v1", -1: "AB" * 16, 5: "00" * 16, 6: "0" * 31 + "1", 255: "ab" * 16, 256: ""}

    class Odd(MemoryPlate):
        def digest(self, frame: int) -> str:
            return odd.get(frame, super().digest(frame))

    plate = Odd(FrameRange.parse("-700,-1,5-6,255-256,100000"))
    digests = PlateDigests(plate)
    for _ in range(2):
        for frame in plate.range:
            assert digests(frame) == odd.get(frame, digest_of("plate", frame, False, False, False))
        assert digests(7) == MISSING
    assert plate.hashed == list(plate.range)
