"""Stores as a node sees them: what was put comes back, from RAM or from disk, or not at all."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from stored import (
    DISK_BYTES,
    SPAN,
    assert_same,
    digest_at,
    kept,
    moment,
    newest,
    planes,
    snapshot_key,
    state,
    stores,
)
from torch import Tensor

from rde_roto.model.state import MemoryState
from rde_roto.net import MemoryFrame
from rde_roto.stores import Stores
from rde_roto.stores.ram import RamCache
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError

# Snapshots.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("index", [0, 8])
def test_a_durable_state_comes_back_in_another_process(
    tmp_path: Path, dtype: torch.dtype, index: int
) -> None:
    stores(tmp_path).snapshots.put(snapshot_key(index), state(index, dtype), durable=True)
    found = newest(stores(tmp_path), 9)
    assert found is not None
    assert found[0] == index
    assert_same(found[1], state(index, dtype))


def test_a_state_in_ram_is_the_one_that_was_put(tmp_path: Path) -> None:
    opened, put = stores(tmp_path), state(3)
    opened.snapshots.put(snapshot_key(3), put, durable=False)
    for index in (3, 7):
        found = newest(opened, index)
        assert found is not None
        assert found[0] == 3
        assert_same(found[1], put)
    assert newest(opened, 2) is None
    assert newest(stores(tmp_path), 3) is None


def test_a_state_read_from_disk_stays_in_ram(tmp_path: Path) -> None:
    stores(tmp_path).snapshots.put(snapshot_key(8), state(8), durable=True)
    opened = stores(tmp_path)
    assert newest(opened, 8) is not None
    shutil.rmtree(tmp_path)
    found = newest(opened, 8)
    assert found is not None
    assert_same(found[1], state(8))


def test_states_in_ram_of_one_span_share_their_anchors() -> None:
    opened = Stores.in_ram()
    for index in (3, 4):
        opened.snapshots.put(snapshot_key(index), state(index), durable=False)
    found = [newest(opened, index) for index in (3, 4)]
    held = [pair[1].anchor.value.data_ptr() for pair in found if pair is not None]
    assert len(held) == 2
    assert held[0] == held[1]


def test_a_state_from_ram_goes_to_the_device_of_the_model_that_asks() -> None:
    opened, device = Stores.in_ram(), torch.device("meta")
    opened.snapshots.put(snapshot_key(3), state(3), durable=False)

    def restore(anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> MemoryState:
        tensors = [*anchors.values(), *moving.values()]
        assert {tensor.device.type for tensor in tensors} == {"cpu"}
        return MemoryState.restored(anchors, moving).to(device)

    found = opened.snapshots.newest(SPAN, range(3, -1, -1), digest_at, restore)
    assert found is not None
    assert found[1].recurrent.value.device == device


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_states_in_ram_take_no_memory_of_the_gpu() -> None:
    opened, device = Stores.in_ram(), torch.device("cuda")
    before = torch.cuda.memory_allocated()
    for index in range(1, 9):
        opened.snapshots.put(snapshot_key(index), state(index).to(device), durable=False)
    assert torch.cuda.memory_allocated() == before
    found = newest(opened, 8)
    assert found is not None
    assert_same(found[1], state(8))


def test_the_newest_wins_wherever_it_is(tmp_path: Path) -> None:
    opened = stores(tmp_path)
    for index in (0, 8, 16):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
    again = stores(tmp_path)
    again.snapshots.put(snapshot_key(11), state(11), durable=False)
    found = [newest(again, index) for index in (7, 10, 15, 40)]
    assert [None if pair is None else pair[0] for pair in found] == [0, 8, 11, 16]


def test_what_is_held_already_is_not_looked_for(tmp_path: Path) -> None:
    opened, asked = stores(tmp_path), []

    def digest_of_index(index: int) -> str:
        asked.append(index)
        return digest_at(index)

    opened.snapshots.put(snapshot_key(3), state(3), durable=True)
    assert (
        opened.snapshots.newest(SPAN, range(9, 3, -1), digest_of_index, MemoryState.restored)
        is None
    )
    assert asked == [9, 8, 7, 6, 5, 4]


@pytest.mark.parametrize("ram_bytes", [0, 10**8])
def test_many_mattes_are_found_by_one_listing(tmp_path: Path, ram_bytes: int) -> None:
    """It says what is there at the first question about a folder."""
    opened = stores(tmp_path, ram_bytes)
    digests = [digest_of(number) for number in range(20)]
    assert not any(map(opened.raws.lister(), digests))  # no folder yet
    for digest in digests[::2]:
        opened.raws.put(digest, planes(1))
    is_stored = opened.raws.lister()
    assert [is_stored(digest) for digest in digests] == [True, False] * 10
    shutil.rmtree(tmp_path)
    assert is_stored(digests[0])
    assert any(map(Stores.in_ram().raws.lister(), digests)) is False


def test_a_hit_in_ram_asks_nothing_of_the_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    opened = stores(tmp_path / "file")  # any look at it is a warning
    opened.snapshots.put(snapshot_key(3), state(3), durable=False)
    assert newest(opened, 3) is not None
    assert caplog.records == []
    assert newest(opened, 4) is not None
    assert len(caplog.records) == 1


def test_after_an_edit_the_states_of_both_versions_are_there(tmp_path: Path) -> None:
    def edited(index: int) -> str:
        return digest_at(index) if index < 10 else digest_of("edited", index)

    opened = stores(tmp_path)
    for index in (0, 8, 16, 24):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
    opened.snapshots.put(snapshot_key(16, edited(16)), state(100), durable=True)
    again = stores(tmp_path).snapshots
    found = again.newest(SPAN, range(30, -1, -1), edited, MemoryState.restored)
    assert found is not None
    assert found[0] == 16
    assert_same(found[1], state(100))
    undone = again.newest(SPAN, range(30, -1, -1), digest_at, MemoryState.restored)
    assert undone is not None
    assert undone[0] == 24


def test_a_span_s_anchors_are_written_once(tmp_path: Path) -> None:
    opened = stores(tmp_path)
    opened.snapshots.put(snapshot_key(0), state(0), durable=True)
    (anchors,) = tmp_path.rglob("anchors.safetensors")
    written = anchors.read_bytes(), anchors.stat().st_ino
    for index in (8, 16):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
    assert (anchors.read_bytes(), anchors.stat().st_ino) == written
    assert len(list(anchors.parent.iterdir())) == 4
    moving = [load_file(path).keys() for path in sorted(anchors.parent.glob("0*"))]
    assert moving == [set(), state(8).moving().keys(), state(16).moving().keys()]


def test_what_is_no_state_to_the_model_is_passed_over_and_removed(tmp_path: Path) -> None:
    opened = stores(tmp_path)
    for index in (8, 16):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)

    def restore(anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> MemoryState:
        raise InputError("this is not a whole memory state")

    assert stores(tmp_path).snapshots.newest(SPAN, range(20, -1, -1), digest_at, restore) is None
    assert newest(stores(tmp_path), 20) is None
    opened.snapshots.put(snapshot_key(16), state(16), durable=True)
    assert newest(stores(tmp_path), 20) is not None


def test_tensors_that_share_memory_or_do_not_lie_in_order_are_saved(tmp_path: Path) -> None:
    shared = moment(1)
    turned = MemoryFrame(*(part.transpose(-1, -2) for part in shared))
    stores(tmp_path).snapshots.put(
        snapshot_key(8), MemoryState(shared, turned, shared), durable=True
    )
    found = newest(stores(tmp_path), 8)
    assert found is not None
    assert_same(found[1], MemoryState(shared, turned, shared))


# Mattes.


def test_raw_mattes_are_kept_on_disk_finished_ones_are_not(tmp_path: Path) -> None:
    opened = stores(tmp_path)
    opened.raws.put("ab12", planes(1))
    opened.mattes.put("ab12", planes(2))
    np.testing.assert_array_equal(kept(opened.mattes, "ab12"), planes(2))
    again = stores(tmp_path)
    raw = kept(again.raws, "ab12")
    assert raw.dtype == np.uint16
    np.testing.assert_array_equal(raw, planes(1))
    assert again.mattes.get("ab12") is None
    assert again.raws.get("cd34") is None


def test_pushed_frames_are_kept_as_raw_mattes_are(tmp_path: Path) -> None:
    opened, frame = stores(tmp_path), np.random.default_rng(1).random((6, 9, 3), np.float32)
    assert not opened.pushed.touch("ab12")
    opened.pushed.put("ab12", frame)
    again = stores(tmp_path)
    assert opened.pushed.touch("ab12")
    assert again.pushed.touch("ab12")
    assert again.raws.get("ab12") is None
    np.testing.assert_array_equal(kept(again.pushed, "ab12"), frame)
    assert Stores.in_ram(0).pushed.room_bytes == 0
    assert again.pushed.room_bytes == DISK_BYTES // 2


@pytest.mark.parametrize("kind", ["raws", "pushed"])
def test_what_is_said_to_be_there_is_there(tmp_path: Path, kind: str) -> None:
    """In RAM and on disk, and of either kind alone: they share a folder and its digests."""
    digest = digest_of("one")
    getattr(stores(tmp_path), kind).put(digest, planes(1))
    for name in ("raws", "pushed"):
        there = getattr(stores(tmp_path), name)
        assert (digest in there) == there.touch(digest) == (name == kind)
        assert (there.get(digest) is not None) == (name == kind)
        assert (digest in there) == (name == kind)


def test_what_is_handed_out_cannot_be_written_to(tmp_path: Path) -> None:
    opened = stores(tmp_path)
    opened.raws.put("ab12", planes(1))
    for found in (kept(opened.raws, "ab12"), kept(stores(tmp_path).raws, "ab12")):
        with pytest.raises(ValueError, match="read-only"):
            found[0, 0, 0] = 1


def test_a_part_of_a_batch_does_not_keep_the_batch_in_memory() -> None:
    batch = np.zeros((8, 1, 4, 4), np.uint16)
    opened = Stores.in_ram()
    opened.raws.put("ab12", batch[3])
    assert not np.shares_memory(kept(opened.raws, "ab12"), batch)


def test_in_ram_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path))
    opened = Stores.in_ram()
    opened.raws.put("ab12", planes(1))
    opened.snapshots.put(snapshot_key(8), state(8), durable=True)
    assert newest(opened, 8) is not None
    assert list(tmp_path.iterdir()) == []


# RAM.


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60))), st.integers(0, 100))
def test_ram_holds_what_was_used_last_as_far_as_the_budget_goes(
    puts: list[tuple[int, int]], budget: int
) -> None:
    ram: RamCache[int] = RamCache(budget)
    latest: dict[int, int] = {}  # in the order of use
    for number, nbytes in puts:
        ram.put(str(number), nbytes, nbytes)
        latest.pop(number, None)
        if nbytes <= budget:
            latest[number] = nbytes
    held = [number for number in latest if ram.get(str(number)) is not None]
    assert held == list(latest)[len(latest) - len(held) :]
    assert sum(latest[number] for number in held) <= budget
    if puts and puts[-1][1] <= budget:
        assert held[-1] == puts[-1][0]


def test_ram_is_safe_from_several_threads() -> None:
    ram: RamCache[int] = RamCache(1000)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for number in np.random.default_rng(seed).integers(0, 50, 2000).tolist():
            ram.put(str(number), number, 30 + number)
            found = ram.get(str(number))
            if found not in (None, number):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    held = [number for number in range(50) if ram.get(str(number)) is not None]
    assert 0 < sum(30 + number for number in held) <= 1000


def test_states_are_not_pushed_out_by_mattes() -> None:
    opened = Stores.in_ram(ram_bytes=40_000)
    opened.snapshots.put(snapshot_key(8), state(8), durable=False)
    for number in range(100):
        opened.mattes.put(str(number), np.zeros((1, 10, 100), np.float32))
        opened.raws.put(str(number), np.zeros((1, 10, 100), np.uint16))
    assert newest(opened, 8) is not None
    assert opened.mattes.get("99") is not None
    assert opened.mattes.get("0") is None


# An unusable folder.


def test_an_unusable_folder_is_told_once_and_costs_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    opened = stores(tmp_path / "file" / "cache")
    for index in range(0, 40, 8):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
        opened.raws.put(f"ab{index}", planes(index))
    assert newest(opened, 35) is not None
    np.testing.assert_array_equal(kept(opened.raws, "ab8"), planes(8))
    assert opened.raws.get("cd") is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("rde_roto.stores", logging.WARNING)
    assert str(tmp_path / "file" / "cache") in record.getMessage()
