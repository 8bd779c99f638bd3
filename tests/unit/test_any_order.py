"""The promise of the node: any frame, in any order, from any store, has the same pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_shots import MemoryPlate, ToyNode, a_shot, assert_same, mask, straight

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model, with_learned
from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.training.learning.budget import Budget
from rde_roto.training.learning.prepared_lesson import study
from rde_roto.values.bank import Bank
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, elements_named
from rde_roto.values.preset import Finish, Preset, Running, Tracking
from rde_roto.values.shot import Shot

FEW_BYTES = 20_000  # two or three states and a few mattes of the toy, so that most is dropped


@st.composite
def shots(draw: st.DrawFn) -> Shot:
    """Up to four keyframes, the second element introduced and drawn at any of them, plates with
    holes.
    """
    last = 1000 + draw(st.integers(2, 24))
    numbers = st.lists(st.integers(1001, last), min_size=1, max_size=4, unique=True)
    frames = sorted(draw(numbers))
    introduced = draw(st.integers(0, len(frames) - 1))
    keyframes = []
    for place, frame in enumerate(frames):
        drawn = ["a"] if place == 0 else draw(st.sampled_from([["a"], ["b"], ["a", "b"]]))
        drawn = [element for element in drawn if element == "a" or place > introduced]
        drawn += ["b"] if place == introduced else []
        keyframes.append(mask(frame, dict.fromkeys(drawn or ["a"])))
    earliest = frames[introduced - 1] + 1 if introduced else 1001
    in_point = draw(st.none() | st.integers(earliest, frames[introduced]))
    holes = draw(st.frozensets(st.integers(1001, last), max_size=3)) - set(frames)
    there = FrameRange.of(f for f in range(1001, last + 1) if f not in holes)
    plate = MemoryPlate(there, calm=draw(st.booleans()))
    elements = (Element("a", "a"), Element("b", "b", in_point))
    return a_shot(*keyframes, plate=plate, elements=elements)


def presets() -> st.SearchStrategy[Preset]:
    tracking = st.builds(Tracking, lines=st.just(96), memory_every=st.integers(1, 5))
    finish = st.builds(Finish, dechatter=st.sampled_from([0.0, 1.0]))
    running = st.builds(Running, snapshot_every=st.integers(1, 4))
    return st.builds(Preset, name=st.just("toy"), tracking=tracking, finish=finish, running=running)


@given(data=st.data(), shot=shots(), preset=presets())
def test_any_order_is_the_straight_order(data: st.DataObject, shot: Shot, preset: Preset) -> None:
    expected = straight(shot, preset)
    order = data.draw(st.lists(st.sampled_from(list(shot.range)), max_size=20))
    node = ToyNode(shot, preset, Stores.in_ram(data.draw(st.sampled_from([FEW_BYTES, 10**8]))))
    for frame in order:
        assert_same(node.matte(frame), expected[frame])


@given(data=st.data(), shot=shots(), preset=presets())
def test_a_part_of_the_range_has_the_pixels_of_the_whole(
    data: st.DataObject, shot: Shot, preset: Preset
) -> None:
    """ "Adding handles, trimming the head changes no pixel" (conventions, Frames)."""
    expected = straight(shot, preset)
    part = data.draw(st.sets(st.sampled_from(list(shot.range)), min_size=1))
    rendered = {m.frame: m for m in ToyNode(shot, preset).render(FrameRange.of(part))}
    assert rendered.keys() == part
    for frame, matte in rendered.items():
        assert_same(matte, expected[frame])


def test_farm_chunks_have_the_pixels_of_the_whole() -> None:
    """ "Changing a farm chunk changes no pixel" (conventions, Frames)."""
    shot = a_shot(mask(1003), mask(1020))
    expected = straight(shot)
    for first in range(1001, 1031, 7):
        chunk = FrameRange.of(range(first, min(first + 7, 1031)))
        for matte in ToyNode(shot).render(chunk):
            assert_same(matte, expected[matte.frame])


@given(data=st.data(), shot=shots())
def test_undo_costs_no_step(data: st.DataObject, shot: Shot) -> None:
    """Whatever was edited in between, and however often."""
    stores = Stores.in_ram()
    before = {matte.frame: matte for matte in ToyNode(shot, stores=stores).render()}
    for _ in range(2):
        edited = data.draw(st.sampled_from(shot.keyframes))
        redrawn = mask(edited.frame, shot.drawn_elements(edited), draw=data.draw(st.integers(1, 3)))
        others = tuple(key for key in shot.keyframes if key is not edited)
        list(
            ToyNode(dataclasses.replace(shot, keyframes=(*others, redrawn)), stores=stores).render()
        )
    undone = ToyNode(shot, stores=stores)
    for matte in undone.render():
        assert_same(matte, before[matte.frame])
    assert undone.steps == 0


def test_an_edited_keyframe_leaves_what_does_not_depend_on_it() -> None:
    stores = Stores.in_ram()
    keyframes = mask(1001), mask(1010), mask(1015), mask(1030)
    list(ToyNode(a_shot(*keyframes), stores=stores).render())
    edited = ToyNode(a_shot(*keyframes[:2], mask(1015, draw=1), keyframes[3]), stores=stores)
    outside = FrameRange.parse("1001-1010,1030")
    assert len(list(edited.render(outside))) == len(outside)
    assert edited.steps == 0
    list(edited.render())
    # four walks, from either side of the two stretches that meet there: 4 and 14 frames
    alone = ToyNode(a_shot(*keyframes[1:2], mask(1015, draw=1), keyframes[3], frames="1010-1030"))
    list(alone.render())
    assert edited.steps == alone.steps


def test_a_repaired_plate_costs_what_follows_it() -> None:
    stores = Stores.in_ram()
    list(ToyNode(a_shot(mask(1001)), stores=stores).render())
    repaired = a_shot(mask(1001), plate=MemoryPlate(edited=frozenset({1016})))
    node = ToyNode(repaired, stores=stores)
    list(node.render())
    assert node.steps == 10  # memory frames 1016, 1019 .. 1028 and the five batches behind each


# The real network.


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("rde-lite")


def demo(count: int) -> Shot:
    """The first frames of the shipped shot, keyframes at both ends."""
    folder = demo_shot()
    frames = FrameRange.of(range(1001, 1001 + count))
    keyframes = [
        Keyframe(frame, read_channels(folder / f"truth/demo.{frame}.exr", ["A"])[None, ..., 0])
        for frame in (frames.first, frames.last)
    ]
    plate = open_plate(str(folder / "plate"))
    return Shot(plate, frames, elements_named("hero"), tuple(keyframes))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("precision", "learns"), [("float32", False), ("mixed", False), ("float32", True)]
)
def test_the_real_network_in_three_orders(model: Model, precision: str, learns: bool) -> None:
    """rde-lite at 240 lines over 40 frames: sequential, backwards, shuffled with a tiny store.

    As it is, and after it has learned the shot.
    """
    tracking = Tracking.model_validate({"lines": 240, "precision": precision})
    preset, device = Preset(name="test", tracking=tracking), torch.device("cpu")
    shot = demo(40)
    if learns:
        model = with_learned(model, study(shot, preset, model, device, Budget(steps=2)).learned)
    load = tracker_of(model, device)
    expected = {matte.frame: matte for matte in RotoNode(shot, preset, load).render()}
    backwards = sorted(expected, reverse=True)
    shuffled = [1001 + (17 * place) % 40 for place in range(40)]
    for order, ram_bytes in ((backwards, 10**9), (shuffled, 20 * 10**6)):
        node = RotoNode(shot, preset, load, Stores.in_ram(ram_bytes))
        for frame in order:
            assert_same(node.matte(frame), expected[frame])


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch computes with two threads in this process."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("two_threads")
def test_two_threads_and_a_range_with_holes_in_any_order(model: Model) -> None:
    """The shot asks for some frames only; holes lie on memory frames and between them."""
    frames = FrameRange.parse("1001-1006,1009,1011-1017x2,1020-1024")
    shot = dataclasses.replace(demo(24), range=frames)
    preset = Preset(name="test", tracking=Tracking(lines=240, bank=Bank.parse("2F+L+RDE")))
    load = tracker_of(model, torch.device("cpu"))
    expected = {matte.frame: matte for matte in RotoNode(shot, preset, load).render()}
    assert sorted(expected) == list(frames)
    shuffled = [frame for place in range(5) for frame in list(frames)[place::5]]
    for order, ram_bytes in ((list(frames)[::-1], 10**9), (shuffled, 20 * 10**6)):
        node = RotoNode(shot, preset, load, Stores.in_ram(ram_bytes))
        for frame in order:
            assert_same(node.matte(frame), expected[frame])
    assert torch.get_num_threads() == 2
