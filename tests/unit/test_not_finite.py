"""Numbers that run out: an error that names the frame, never a black matte, and nothing stored."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stored import DISK_BYTES
from torch import Tensor
from toy_shots import PRESET, MemoryPlate, a_shot, mask

from rde_roto.delivery import FrameReporter, deliver
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDE_R50, EncodedFrames, MemoryFrame, RDENet
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.bank import Bank
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import NotFiniteError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Output, Preset, Running, Tracking
from seeded import seeded_shot
from toy_tracker import ToyFrames, ToyState, ToyTracker

FRAMES = FrameRange.parse("1001-1012")


class Failing(ToyTracker):
    """The toy, whose numbers run out once it has absorbed so often."""

    number = float("nan")
    memories = 2
    in_memory = True

    def begin(self, anchors: Any) -> ToyState:
        state = super().begin(anchors)
        if self.memories == 0 and self.in_memory:
            state.masks[0, 0, 3, 4] = self.number
        return state

    def absorb(self, state: ToyState, frame: ToyFrames, probabilities: Tensor) -> ToyState:
        after = super().absorb(state, frame, probabilities)
        assert after.memory is not None
        if self.in_memory and self.steps["absorb"] == self.memories:
            after.memory[0, 3, 4] = self.number
        return after

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        probabilities = super().read(state, encoded)
        if not self.in_memory and self.steps["absorb"] == self.memories:
            probabilities[0, :, 3, 4] = self.number
        return probabilities


def node(stores: Stores, **attributes: object) -> RotoNode:
    shot = a_shot(mask(1001), plate=MemoryPlate(FRAMES), frames=str(FRAMES))
    preset = PRESET.model_copy(update={"running": Running(snapshot_every=1)})
    kind = type("Failing", (Failing,), attributes)
    return RotoNode(shot, preset, kind, stores)


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.safetensors"))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(("memories", "frame", "made"), [(0, 1001, 1), (1, 1004, 3), (2, 1007, 6)])
def test_a_memory_that_is_not_finite_is_never_stored(
    tmp_path: Path, number: float, memories: int, frame: int, made: int
) -> None:
    settings = CacheSettings(tmp_path / "cache", DISK_BYTES, 10**8)
    failing = node(open_stores(settings), number=number, memories=memories)
    frames: list[int] = []
    with pytest.raises(NotFiniteError, match=f"the memory of frame {frame} of memory"):
        frames += (matte.frame for matte in failing.render())
    assert len(names_in(tmp_path / "cache/states")) == (memories and memories + 1)
    sound = node(open_stores(settings), memories=99)
    expected = node(Stores.in_ram(), memories=99)
    for matte, right in zip(sound.render(), expected.render(), strict=True):
        assert np.array_equal(matte.alpha, right.alpha)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_matte_that_is_not_finite_is_never_stored(tmp_path: Path, number: float) -> None:
    settings = CacheSettings(tmp_path / "cache", DISK_BYTES, 10**8)
    failing = node(open_stores(settings), number=number, in_memory=False, memories=1)
    with pytest.raises(NotFiniteError, match=r"the matte of frame 1005 of memory"):
        list(failing.render())
    assert len(names_in(tmp_path / "cache/raws")) == 3  # 1002 to 1004


def test_the_frames_that_are_not_delivered_are_named(tmp_path: Path) -> None:
    failing = node(Stores.in_ram())
    origin = Origin(failing.shot.plate.format)
    writer = open_matte_writer(str(tmp_path / "m.####.exr"), origin, ("a",), Output(), {})
    with pytest.raises(PartialError, match=r"frame 1007 .*; not delivered: 10") as caught:
        deliver(failing, FRAMES, writer, FrameReporter(lambda *_: None))
    missing = set(caught.value.frames)
    assert {1008, 1009, 1010, 1011, 1012} <= missing
    assert {f"m.{frame}.exr" for frame in FRAMES if frame not in missing} == {
        path.name for path in tmp_path.iterdir()
    }


# The paper's network, whose memory is kept in half floats, the largest of which is 65504.

LARGEST = 65504


class Loud(RDETracker):
    """Values of its memory are so many times as large."""

    gain = 1.0

    def _memory_frame(self, frame: EncodedFrames, probabilities: Tensor) -> MemoryFrame:
        moment = super()._memory_frame(frame, probabilities)
        return MemoryFrame(moment.key, moment.value * self.gain)


@dataclass(frozen=True)
class Network:
    """The same weights with a memory of either kind, and the largest value of it."""

    half: Loud
    full: Loud
    most: float

    def node(self, kind: str, share: float) -> RotoNode:
        """The largest value is such a share of the largest half float."""
        loud: Loud = copy(getattr(self, kind))
        loud.gain = share * LARGEST / self.most
        views, alpha = seeded_shot(6, 64, 96)

        class Shown(MemoryPlate):
            def read(self, frame: int) -> FloatArray:
                return views[frame - 1001]

        plate = Shown(FrameRange.parse("1001-1006"), height=64, width=96)
        shot = a_shot(Keyframe(1001, alpha[:1], ("a",)), plate=plate)
        return RotoNode(shot, Preset(name="loud", tracking=loud.tracking), lambda _: loud)


@pytest.fixture(scope="module")
def r50() -> Network:
    torch.manual_seed(3)
    net = RDENet(RDE_R50)
    plain = Tracking(lines=96, memory_every=2, crop=False, bank=Bank.parse("2F+L+RDE"))
    kinds = [plain, plain.model_copy(update={"state_dtype": "float32"})]
    half, full = (Loud(InferenceForms(net), tracking, torch.device("cpu")) for tracking in kinds)
    views, alpha = seeded_shot(6, 64, 96)
    state = full.begin([(full.encode(views[:1]), alpha[:1])])
    return Network(half, full, float(state.anchor.value.abs().max()))


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_rde_r50_below_the_edge_of_half_floats(r50: Network, share: float) -> None:
    """Before the first update, and at the frame that is absorbed."""
    half, full = (r50.node(kind, share) for kind in ("half", "full"))
    for frame in (1002, 1003):
        # half floats have 11 bits; values of this size make every edge of the matte hard, and some
        # pixels of it fall to the other side
        assert abs(half.matte(frame).alpha - full.matte(frame).alpha).mean() < 0.01
        assert 0 < half.matte(frame).alpha.mean() < 1


@pytest.mark.parametrize("share", [1.001, 4])
def test_rde_r50_beyond_the_edge_of_half_floats(r50: Network, share: float) -> None:
    with pytest.raises(
        NotFiniteError, match=r"memory of frame 1001.*tracking\.state_dtype=float32"
    ):
        r50.node("half", share).matte(1002)
    assert 0 < r50.node("full", share).matte(1002).alpha.mean() < 1


def test_the_error_is_the_same_from_any_frame(r50: Network) -> None:
    """A state overflows at a memory frame, whichever frame behind it is asked for; the memory frame
    itself was read before.
    """
    loud = r50.node("half", 0.999)
    for frame in (1006, 1004, 1006):
        with pytest.raises(NotFiniteError, match=r"memory of frame 1003"):
            loud.matte(frame)
    assert 0 < loud.matte(1003).alpha.mean() < 1
