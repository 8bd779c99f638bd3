"""What a host is asked to push: enough for the matte in one exchange, and no more than is read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_any_order import presets, shots
from toy_shots import MemoryPlate, ToyNode, a_shot, assert_same, mask

from rde_roto.frames_to_push import error_with_all_frames, frames_to_push
from rde_roto.images.color.input_space import InputSpace
from rde_roto.images.color.spaces import SRGB
from rde_roto.images.plates.missing_frames import FilledPlate
from rde_roto.images.plates.pushed_plate import PushedPlate
from rde_roto.stores import Stores
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import FramesNotPushedError, InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Finish, Preset, Tracking
from rde_roto.values.shot import Shot


@dataclass(eq=False)
class Host:
    """Pushes frames of a plate, and says which; ``gone`` are those that the cache lost again."""

    plate: Plate
    pushed: list[int] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def content(self, frame: int) -> str | None:
        return digest_of(self.plate.read(frame)) if frame in self.pushed else None

    def pixels(self, frame: int) -> FloatArray | None:
        return self.plate.read(frame) if self.has(frame) else None

    def has(self, frame: int) -> bool:
        return frame in self.pushed and frame not in self.gone

    def push(self, frames: tuple[int, ...]) -> None:
        assert not [frame for frame in frames if self.has(frame)], "it is here already"
        self.pushed += frames
        self.gone.difference_update(frames)


def pushed(shot: Shot, everything: bool = False) -> tuple[Shot, Host]:
    """A shot whose plate's frames have to be pushed, and who does it."""
    plate = shot.plate
    host = Host(plate, list(plate.range) if everything else [])
    space = InputSpace(SRGB, "the test")
    described = PushedPlate(plate.name, plate.range, plate.format, space, host)
    return dataclasses.replace(shot, plate=described), host


@given(data=st.data(), shot=shots(), preset=presets())
def test_one_exchange_is_enough_for_any_frame_in_any_order(
    data: st.DataObject, shot: Shot, preset: Preset
) -> None:
    """Whatever lies on the way: keyframes on both sides, holes, neighbours, what is carried."""
    whole, _ = pushed(shot, everything=True)
    expected = {matte.frame: matte for matte in ToyNode(whole, preset).render()}
    shot, host = pushed(shot)
    node = ToyNode(shot, preset)
    for frame in data.draw(st.lists(st.sampled_from(list(shot.range)), max_size=8)):
        host.push(frames_to_push(node, [frame]))
        assert_same(node.matte(frame), expected[frame])


@given(data=st.data(), shot=shots(), preset=presets())
def test_what_the_cache_has_lost_is_asked_for_again_as_far_as_it_is_read(
    data: st.DataObject, shot: Shot, preset: Preset
) -> None:
    frames = st.sampled_from(list(shot.range))
    stores = Stores.in_ram()
    whole, _ = pushed(shot, everything=True)
    expected = {matte.frame: matte for matte in ToyNode(whole, preset).render()}
    shot, host = pushed(shot, everything=True)
    for frame in data.draw(st.lists(frames, max_size=3)):
        ToyNode(shot, preset, stores).matte(frame)
    host.gone.update(host.pushed)
    frame = data.draw(frames)
    node = ToyNode(shot, preset, stores)
    host.push(frames_to_push(node, [frame]))
    assert_same(node.matte(frame), expected[frame])


def test_first_the_whole_chain_then_what_follows_the_newest_state() -> None:
    shot, host = pushed(a_shot(mask(1001)))
    node = ToyNode(shot)
    needed = frames_to_push(node, [1012])
    # the keyframe, every third frame, the frame itself, and the one that is read together with it
    assert needed == (1001, 1004, 1007, 1010, 1012, 1011)
    host.push(needed)
    node.matte(1012)
    assert frames_to_push(node, [1012]) == ()
    assert frames_to_push(node, [1011]) == ()
    host.push(frames_to_push(node, [1014]))
    assert host.pushed[-3:] == [1013, 1014, 1015]
    node.matte(1014)
    host.push((1016, 1017, 1018))
    host.gone.update(host.pushed)
    assert frames_to_push(node, [1017]) == (1016, 1017, 1018), (
        "what was absorbed before is in the state"
    )


def test_a_crop_that_follows_the_elements_asks_for_no_other_frames() -> None:
    preset = Preset(name="t", tracking=Tracking(lines=96, crop=True))
    whole, _ = pushed(a_shot(mask(1001), mask(1020)), everything=True)
    expected = {matte.frame: matte for matte in ToyNode(whole, preset).render()}
    shot, host = pushed(a_shot(mask(1001), mask(1020)))
    node = ToyNode(shot, preset)
    for frame in (1011, 1030, 1002, 1019):
        host.push(frames_to_push(node, [frame]))
        assert_same(node.matte(frame), expected[frame])


def test_what_is_asked_for_is_in_the_order_of_its_use() -> None:
    shot, _ = pushed(a_shot(mask(1001), mask(1020)))
    assert frames_to_push(ToyNode(shot), [1011])[:5] == (1001, 1020, 1004, 1007, 1010)
    assert frames_to_push(ToyNode(shot), [1001]) == (), "a keyframe needs no plate"


def test_frames_of_a_job_are_asked_for_together() -> None:
    shot, host = pushed(a_shot(mask(1001)))
    host.push(frames_to_push(ToyNode(shot), shot.range))
    assert sorted(host.pushed) == list(shot.range)
    assert len(list(ToyNode(shot).render())) == 30


def test_no_more_is_asked_for_than_the_cache_holds() -> None:
    """A shot ten times as large as the cache is made all the same, in rounds that get further."""
    whole, _ = pushed(a_shot(mask(1001)), everything=True)
    shot, host = pushed(a_shot(mask(1001)))
    frame_bytes = 12 * 8 * 12
    stores = Stores.in_ram(8 * 8 * frame_bytes)  # an eighth of it counts for what is pushed
    node = ToyNode(shot, stores=dataclasses.replace(Stores.in_ram(), pushed=stores.pushed))
    rounds = 0
    while needed := frames_to_push(node, [1030]):
        assert len(needed) <= 8
        rounds += 1
        host.push(needed)
        host.gone = set(host.pushed).difference(host.pushed[-8:])
        try:
            node.matte(1030)
        except FramesNotPushedError:
            assert rounds < 10
    assert_same(node.matte(1030), ToyNode(whole).matte(1030))


def test_a_held_frame_is_the_one_that_is_held() -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1003,1008-1012"))
    shot, host = pushed(a_shot(mask(1001), plate=plate))
    assert isinstance(shot.plate, PushedPlate)
    filled = FilledPlate(shot.plate, FrameRange.parse("1001-1012"), "hold")
    node = ToyNode(dataclasses.replace(shot, plate=filled, range=filled.range))
    host.push(frames_to_push(node, [1009]))
    assert sorted(host.pushed) == [1001, 1003, 1008, 1009], "1003 stands for 1004 and 1007"
    assert node.matte(1009).frame == 1009


def test_frames_beside_a_dechattered_one_are_asked_for_and_the_step_they_are_in() -> None:
    preset = Preset(name="t", tracking=Tracking(lines=96), finish=Finish(dechatter=1.0))
    shot, _ = pushed(a_shot(mask(1001)))
    assert sorted(frames_to_push(ToyNode(shot, preset), [1006])) == [1001, 1004, 1005, 1006, 1007]


def test_a_plate_on_disk_lacks_nothing() -> None:
    node = ToyNode(a_shot(mask(1001)))
    assert frames_to_push(node, [1012]) == ()
    error = FramesNotPushedError("told", (1,))
    assert error_with_all_frames(node, [1012], error) is error


def test_a_frame_is_what_its_pixels_are() -> None:
    shot, host = pushed(a_shot(mask(1001)))
    plate = shot.plate
    with pytest.raises(
        FramesNotPushedError, match=r"the engine lacks 1003 of memory\.####\.exr"
    ) as error:
        plate.digest(1003)
    assert error.value.frames == (1003,)
    with pytest.raises(FramesNotPushedError):
        plate.read(1003)
    host.push((1003,))
    np.testing.assert_array_equal(plate.read(1003), host.plate.read(1003))
    again, other = pushed(a_shot(mask(1001)))
    other.push((1003,))
    assert again.plate.digest(1003) == plate.digest(1003)
    for ask in (plate.digest, plate.read):
        with pytest.raises(InputError, match="has no frame 1031"):
            ask(1031)
