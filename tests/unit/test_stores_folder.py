"""The cache folder when all goes wrong: damage, kills, a full disk, others in the same folder."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from stored import kept, newest, planes, snapshot_key, state, stores

from rde_roto.stores import CacheFolder, CacheSettings, open_stores
from rde_roto.stores.entries import is_whole, seal
from rde_roto.stores.layout import LEFT_OVER_AFTER_S, anchors_name, raw_name

DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a bit turned in the header": lambda path: turn_bit(path, 12),
    "a bit turned in the pixels": lambda path: turn_bit(path, path.stat().st_size - 5),
    "another file": lambda path: path.write_bytes(save({"planes": planes(9)})),
}


def turn_bit(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Snapshots after 0, 8 and 16 memory frames, and one raw matte."""
    opened = stores(tmp_path)
    for index in (0, 8, 16):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
    opened.raws.put("ab12", planes(1))
    return tmp_path


# Damage.


def test_not_one_bit_can_turn_unseen() -> None:
    data = seal(save({"planes": np.arange(6, dtype=np.uint16)}), "raws/ab/ab12")
    assert is_whole(data, "raws/ab/ab12")
    for bit in range(8 * len(data)):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        assert not is_whole(bytes(turned), "raws/ab/ab12")
    for end in range(len(data)):
        assert not is_whole(data[:end], "raws/ab/ab12")


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_raw_matte_is_removed_and_can_be_put_again(
    filled: Path, damage: Callable[[Path], object]
) -> None:
    path = filled / raw_name("ab12")
    damage(path)
    assert stores(filled).raws.get("ab12") is None
    assert not path.exists()
    stores(filled).raws.put("ab12", planes(1))
    np.testing.assert_array_equal(kept(stores(filled).raws, "ab12"), planes(1))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_snapshot_is_removed_and_the_one_before_is_taken(
    filled: Path, damage: Callable[[Path], object]
) -> None:
    path = filled / snapshot_key(16).name
    damage(path)
    found = newest(stores(filled), 20)
    assert found is not None
    assert found[0] == 8
    assert not path.exists()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_without_its_anchors_no_state_of_a_span_is_taken_until_they_are_there_again(
    filled: Path, damage: Callable[[Path], object]
) -> None:
    path = filled / anchors_name(snapshot_key(0).span)
    damage(path)
    assert newest(stores(filled), 20) is None
    assert not path.exists()
    stores(filled).snapshots.put(snapshot_key(0), state(0), durable=True)
    found = newest(stores(filled), 20)
    assert found is not None
    assert found[0] == 16


def test_an_entry_under_another_s_name_is_none(filled: Path) -> None:
    for wrong in (raw_name("cd34"), snapshot_key(24).name):
        (filled / wrong).parent.mkdir(parents=True, exist_ok=True)
        (filled / wrong).write_bytes((filled / snapshot_key(16).name).read_bytes())
    opened = stores(filled)
    assert opened.raws.get("cd34") is None
    found = newest(opened, 24)
    assert found is not None
    assert found[0] == 16


def test_verify_reads_everything_and_names_and_removes_what_is_damaged(filled: Path) -> None:
    folder = CacheFolder(filled, 10**8)
    assert folder.verify() == (5, [])
    turn_bit(filled / snapshot_key(8).name, -1)
    os.truncate(filled / raw_name("ab12"), 100)
    assert folder.verify() == (5, [snapshot_key(8).name, raw_name("ab12")])
    assert folder.verify() == (3, [])


# What is on disk, and who may see it.


def test_an_entry_that_is_there_is_not_written_again_only_marked_as_used(filled: Path) -> None:
    path = filled / raw_name("ab12")
    os.utime(path, (0, 0))
    before = path.stat().st_ino
    stores(filled).raws.put("ab12", planes(1))
    assert path.stat().st_ino == before
    assert path.stat().st_mtime > time.time() - 600
    os.utime(path, (0, 0))
    stores(filled).raws.get("ab12")
    assert path.stat().st_mtime > time.time() - 600


@pytest.mark.skipif(os.name != "posix", reason="needs permission bits")
def test_the_folder_is_the_user_s_own(tmp_path: Path) -> None:
    stores(tmp_path / "new" / "cache").raws.put("ab12", planes(1))
    assert (tmp_path / "new" / "cache").stat().st_mode & 0o777 == 0o700


def test_pruning_removes_old_left_overs_and_leaves_what_is_not_its_own(filled: Path) -> None:
    old, young = (filled / f"raws/ab/.{name}.89abcdef-1.01234567.tmp" for name in "xy")
    foreign = [filled / name for name in ("notes.txt", "raws/ab/notes.txt", "states/readme")]
    span_begun = filled / anchors_name("b" * 32)
    for path in (old, young, *foreign, span_begun):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    long_ago = time.time() - LEFT_OVER_AFTER_S - 60
    for path in (old, span_begun):
        os.utime(path, (long_ago, long_ago))
    pruned = CacheFolder(filled, 10**8).prune(10**8)
    assert {filled / entry.name for entry in pruned.removed} == {old, span_begun}
    assert not span_begun.parent.exists()
    CacheFolder(filled, 10**8).prune(0)
    assert {path for path in filled.rglob("*") if path.is_file()} == {young, *foreign}


def test_a_clock_that_is_ahead_takes_no_file_that_others_are_writing(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a machine that missed the end of summer time, at a cache that it shares."""
    writing = filled / "raws/ab/.x.89abcdef-1.01234567.tmp"
    writing.parent.mkdir(parents=True, exist_ok=True)
    writing.write_bytes(b"x")
    ahead_s = time.time() + LEFT_OVER_AFTER_S + 60
    monkeypatch.setattr(time, "time", lambda: ahead_s)
    monkeypatch.setattr(time, "time_ns", lambda: round(ahead_s * 10**9))
    assert CacheFolder(filled, 10**8).prune(10**8).removed == []
    assert writing.exists()


def test_an_entry_larger_than_the_cache_stays_in_memory_and_pushes_nothing_out(
    tmp_path: Path,
) -> None:
    opened = open_stores(CacheSettings(tmp_path, disk_bytes=2000, ram_bytes=10**6))
    opened.raws.put("ab12", planes(1))
    opened.raws.put("cd34", np.zeros((1, 40, 40), np.uint16))
    assert opened.raws.get("cd34") is not None
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["ab12.safetensors"]


# Other processes. numpy alone is imported there, which is quicker than torch.


def started(work: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs a function of ``stores_work``."""
    command = [sys.executable, str(Path(__file__).with_name("stores_work.py")), work]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What a process printed; it must have ended well and have said nothing on standard error."""
    said, trouble = process.communicate(timeout=120)
    assert process.returncode == 0, trouble
    assert trouble == ""
    return said


def test_several_processes_use_one_folder_at_once_and_every_read_is_right(tmp_path: Path) -> None:
    budget, count = 300_000, 3
    folder = CacheFolder(tmp_path, budget)
    workers = [started("put_and_get", tmp_path, budget, seed) for seed in range(count)]
    draw = random.Random(0)
    while any(worker.poll() is None for worker in workers):
        with suppress(subprocess.TimeoutExpired):
            workers[0].wait(timeout=0.01)
        folder.prune(draw.choice([0, budget // 2]))
    # with nobody pruning the processes alone keep the budget, and something is left to look at
    workers += [started("put_and_get", tmp_path, budget, seed) for seed in range(count)]
    hits = [int(ended(worker)) for worker in workers]
    assert min(hits[count:]) > 0
    # each may have written a tenth of the budget since it looked last
    assert folder.scan().bytes <= budget * (1 + count / 10)
    checked, damaged = folder.verify()
    assert checked > 0
    assert damaged == []
    assert list(tmp_path.rglob("*.tmp")) == []


def test_a_process_killed_while_it_writes_leaves_nothing_half_done(tmp_path: Path) -> None:
    for run in range(6):
        begun = len(list(tmp_path.rglob("*.tmp")))
        worker = started("put_for_ever", tmp_path, run)
        assert worker.stdout is not None
        worker.stdout.readline()  # one entry is whole
        while len(list(tmp_path.rglob("*.tmp"))) == begun:
            assert worker.poll() is None
        worker.kill()
        worker.communicate()
    assert list(tmp_path.rglob("*.tmp")) != []
    checked, damaged = CacheFolder(tmp_path, 10**9).verify()
    assert checked >= 6
    assert damaged == []


def test_on_a_full_disk_a_render_goes_on_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="needs limits on the size of files")
    said = ended(started("put_on_a_full_disk", tmp_path))
    assert said.splitlines() == ["1 warning", "8 of 8 in memory"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
