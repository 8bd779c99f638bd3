"""What a walk leaves behind: written while the network goes on, complete when it has ended."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from torch import Tensor
from toy_shots import PRESET, ToyNode, a_shot, mask

from rde_roto.background import Later, at_once
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, MatteStore, Stores, open_stores
from rde_roto.stores.ram import RamCache
from rde_roto.values.plate import Window
from rde_roto.values.preset import Running
from toy_tracker import ToyFrames, ToyState, ToyTracker

PATIENCE_S = 30.0
"""How long a test waits for what should come at once, before it fails."""

FRAMES = range(1002, 1031)


def opened(folder: Path) -> Stores:
    return open_stores(CacheSettings(folder, 10**9, ram_bytes=0))


def node(stores: Stores) -> ToyNode:
    preset = PRESET.model_copy(update={"running": Running(snapshot_every=1)})
    return ToyNode(a_shot(mask(1001)), preset, stores)


@pytest.mark.parametrize("taken", [1, 7, len(FRAMES)])
def test_what_is_made_is_on_disk_when_the_walk_has_ended(tmp_path: Path, taken: int) -> None:
    """Also when nobody wants the rest of it."""
    walker = node(opened(tmp_path)).walker
    span = walker.shot.stretches[0].spans[0]
    raws = walker.raws(span, FRAMES)
    frames = [next(raws)[0] for _ in range(taken)]
    raws.close()
    again = node(opened(tmp_path))
    assert all(again.is_made(frame) for frame in frames)
    assert [frame for frame, _ in again.walker.raws(span, frames)] == frames
    assert again.steps == 0


class Watched(MatteStore):
    """Raw mattes in RAM, whose job for the disk is the test's."""

    def __init__(self, job: Any) -> None:
        super().__init__(RamCache(10**8))
        self._job = job

    def put(
        self, digest: str, planes: NDArray[Any], box: Window | None = None, later: Later = at_once
    ) -> None:
        super().put(digest, planes, box)
        later(self._job)


def watched(job: Any) -> ToyNode:
    stores = Stores.in_ram()
    return node(Stores(stores.snapshots, Watched(job), stores.mattes, stores.pushed))


def test_the_network_does_not_wait_for_the_disk_until_four_writes_wait() -> None:
    may_write = threading.Event()
    writers: set[int] = set()

    def write() -> None:
        assert may_write.wait(PATIENCE_S)
        writers.add(threading.get_ident())

    walker = watched(write).walker
    raws = walker.raws(walker.shot.stretches[0].spans[0], FRAMES)
    assert [next(raws)[0] for _ in range(3)] == [1002, 1003, 1004]
    assert not writers
    may_write.set()
    assert len(list(raws)) == len(FRAMES) - 3
    assert len(writers) == 1
    assert threading.get_ident() not in writers


def test_an_error_of_the_writer_ends_the_walk() -> None:
    tried: list[int] = []

    def write() -> None:
        tried.append(1)
        raise ValueError("a bug in the writer")

    frames: list[int] = []
    with pytest.raises(ValueError, match="a bug in the writer"):
        frames += (matte.frame for matte in watched(write).render())
    assert tried == [1]
    assert len(frames) < 8  # the keyframe's, and those that were on their way


class Told(ToyTracker):
    """Says when the first memory frame has been absorbed."""

    absorbed = threading.Event()

    def absorb(self, state: ToyState, frame: ToyFrames, probabilities: Tensor) -> ToyState:
        self.absorbed.set()
        return super().absorb(state, frame, probabilities)


def test_the_network_goes_on_while_a_matte_is_finished() -> None:
    tracker = Told(PRESET.tracking)
    mattes = RotoNode(a_shot(mask(1001)), PRESET, lambda _tracking: tracker).render()
    assert [next(mattes).frame for _ in range(2)] == [1001, 1002]
    assert tracker.absorbed.wait(PATIENCE_S)  # 1004, while 1002 is in our hands
    mattes.close()
    assert tracker.steps["read"] == 2  # and no farther: two frames wait to be finished
