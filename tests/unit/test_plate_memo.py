"""The memo of plate digests: the same digests as without it, whatever happens to files or memo."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import ramp, write_image

from rde_roto.images.plates import plate_memo
from rde_roto.images.plates.plate_memo import MEMO_FILE, PlateMemo
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.digest import digest_file
from rde_roto.values.errors import InputError

MINUTE_NS = 60 * 10**9


def later() -> int:
    """A clock for which every file of a test was written long ago."""
    return time.time_ns() + MINUTE_NS


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.1001.dpx"
    path.write_bytes(b"a plate")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that the memo has read."""
    read: list[Path] = []

    def told(path: Path) -> str:
        read.append(path)
        return digest_file(path)

    monkeypatch.setattr(plate_memo, "digest_file", told)
    return read


def digest_of_it(cache: Path, path: Path) -> str:
    with PlateMemo(cache, later) as memo:
        return memo.digest_file(path)


def remembered(cache: Path) -> int:
    """How many digests are on disk."""
    database = sqlite3.connect(cache / MEMO_FILE)
    (count,) = database.execute("SELECT COUNT(*) FROM plates").fetchone()
    database.close()
    return int(count)


def test_a_file_that_has_not_changed_is_read_once(
    cache: Path, plate: Path, reads: list[Path]
) -> None:
    first, second = digest_of_it(cache, plate), digest_of_it(cache, plate)
    assert first == second == digest_file(plate)
    assert reads == [plate]


@pytest.mark.parametrize("keeps_mtime", [True, False])
def test_a_file_of_the_same_size_with_other_bytes_is_read_again(
    cache: Path, plate: Path, keeps_mtime: bool
) -> None:
    before, status = digest_of_it(cache, plate), plate.stat()
    plate.write_bytes(b"mended!")
    if keeps_mtime:
        os.utime(plate, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest_of_it(cache, plate) == digest_file(plate) != before


@pytest.mark.parametrize(
    ("age_ns", "count"), [(0, 0), (1_999_999_999, 0), (-5 * MINUTE_NS, 0), (2 * 10**9, 1)]
)
def test_a_file_changed_a_moment_ago_is_not_remembered(
    cache: Path, plate: Path, age_ns: int, count: int
) -> None:
    changed_ns = max(plate.stat().st_mtime_ns, plate.stat().st_ctime_ns)
    with PlateMemo(cache, lambda: changed_ns + age_ns) as memo:
        assert memo.digest_file(plate) == digest_file(plate)
    assert remembered(cache) == count


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    cache: Path, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(path: Path) -> str:
        digest = digest_file(path)
        path.write_bytes(b"another plate")
        return digest

    monkeypatch.setattr(plate_memo, "digest_file", overtaken)
    digest_of_it(cache, plate)
    assert remembered(cache) == 0


def test_a_missing_file_is_told_as_without_a_memo(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.dpx"):
        digest_of_it(cache, tmp_path / "none.dpx")


def test_plates_have_the_same_digests_with_and_without_memo(tmp_path: Path, cache: Path) -> None:
    for frame in (1001, 1002):
        write_image(tmp_path / f"hero.{frame}.exr", ramp(seed=frame))
    pattern = str(tmp_path / "hero.####.exr")
    plain = [open_plate(pattern).digest(frame) for frame in (1001, 1002)]
    for _ in range(2):
        with PlateMemo(cache, later) as memo:
            plate = open_plate(pattern, memo=memo)
            assert [plate.digest(frame) for frame in (1001, 1002)] == plain
    assert remembered(cache) == 2


# Batches.


def test_what_is_new_is_written_now_and_then_and_at_the_end(cache: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"p.{frame}" for frame in range(300)]
    for path in paths:
        path.write_bytes(path.name.encode())
    now_ns = later()
    with PlateMemo(cache, lambda: now_ns) as memo:
        for path in paths[:299]:
            memo.digest_file(path)
        assert remembered(cache) == 256
        now_ns += 10**9
        memo.digest_file(paths[299])
        assert remembered(cache) == 300
    digest_of_it(cache, Path(__file__))
    assert remembered(cache) == 301


def test_it_does_not_grow_for_ever(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path]
) -> None:
    monkeypatch.setattr(plate_memo, "_MOST_ROWS", 5)
    paths = [tmp_path / f"p.{frame}" for frame in range(9)]
    for path in paths:
        path.write_bytes(b"")
        digest_of_it(cache, path)
    assert remembered(cache) == 5
    reads.clear()
    for path in reversed(paths):
        digest_of_it(cache, path)
    assert reads == list(reversed(paths[:4]))


# When the memo cannot be used.


def test_where_it_cannot_be_written_files_are_read(
    tmp_path: Path, plate: Path, reads: list[Path]
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        assert digest_of_it(tmp_path / "file" / "cache", plate) == digest_file(plate)
    assert reads == [plate, plate]


def test_a_closed_memo_reads_the_file(cache: Path, plate: Path, reads: list[Path]) -> None:
    with PlateMemo(cache, later) as memo:
        memo.digest_file(plate)
    assert memo.digest_file(plate) == digest_file(plate)
    assert reads == [plate, plate]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" * 300])
def test_a_memo_that_is_none_is_replaced(cache: Path, plate: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / MEMO_FILE).write_bytes(content)
    for _ in range(2):
        assert digest_of_it(cache, plate) == digest_file(plate)
    assert remembered(cache) == 1


@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_to_the_memo_gives_a_wrong_digest(
    cache: Path, plate: Path, damage: list[tuple[float, int]]
) -> None:
    (cache / MEMO_FILE).unlink(missing_ok=True)
    digest_of_it(cache, plate)
    data = bytearray((cache / MEMO_FILE).read_bytes())
    for where, bits in damage:
        data[int(where * len(data))] ^= bits
    (cache / MEMO_FILE).write_bytes(data)
    assert digest_of_it(cache, plate) == digest_file(plate)


def test_a_digest_that_is_not_the_one_written_is_not_taken(
    cache: Path, plate: Path, reads: list[Path]
) -> None:
    digest_of_it(cache, plate)
    database = sqlite3.connect(cache / MEMO_FILE)
    with database:
        database.execute("UPDATE plates SET digest = ?", ("0" * 32,))
    database.close()
    assert digest_of_it(cache, plate) == digest_file(plate)
    assert reads == [plate, plate]


def test_a_memo_that_another_process_holds_is_done_without(
    cache: Path, plate: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate_memo, "_WAIT_S", 0.01)
    digest_of_it(cache, plate)
    holder = sqlite3.connect(cache / MEMO_FILE)
    holder.execute("BEGIN EXCLUSIVE")
    assert digest_of_it(cache, plate) == digest_file(plate)
    holder.close()
    digest_of_it(cache, plate)
    assert reads == [plate, plate]


# Others at the same time.


def test_of_a_pushed_frame_the_first_digest_is_kept_for_good(cache: Path) -> None:
    memo = PlateMemo(cache, later)
    assert memo.pushed("a", 1001) is None
    assert memo.keep_pushed("a", 1001, "d1") == "d1"
    assert memo.keep_pushed("a", 1001, "d2") == "d1"
    with PlateMemo(cache, later) as other:  # while the first one is neither closed nor full
        assert other.pushed("a", 1001) == "d1"
        assert other.keep_pushed("a", 1001, "d3") == "d1"
        assert other.pushed("a", 1002) is other.pushed("b", 1001) is None
    memo.close()


def test_without_a_disk_pushed_frames_are_known_to_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    with PlateMemo(tmp_path / "file" / "cache", later) as memo:
        assert memo.keep_pushed("a", 1001, "d1") == "d1"
        assert memo.keep_pushed("a", 1001, "d2") == "d1"
        assert memo.pushed("a", 1001) == "d1"


HASH_ALL = """
import sys, time
from pathlib import Path
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.values.digest import digest_file
folder = Path(sys.argv[1])
with PlateMemo(folder / "cache", lambda: time.time_ns() + 60 * 10**9) as memo:
    for path in sorted(folder.glob("p.*"), reverse=sys.argv[2] == "1"):
        assert memo.digest_file(path) == digest_file(path)
"""


def test_several_processes_and_threads_share_one_memo(
    tmp_path: Path, cache: Path, reads: list[Path]
) -> None:
    paths = [tmp_path / f"p.{frame:04}" for frame in range(600)]
    for path in paths:
        path.write_bytes(path.name.encode())
    command = [sys.executable, "-c", HASH_ALL, str(tmp_path)]
    workers = [
        subprocess.Popen([*command, str(order)], stderr=subprocess.PIPE, text=True)
        for order in (0, 1)
    ]
    with PlateMemo(cache, later) as memo:
        threads = [threading.Thread(target=memo.digest_file, args=(path,)) for path in paths[:40]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for worker in workers:
        _, trouble = worker.communicate(timeout=60)
        assert (worker.returncode, trouble) == (0, "")
    reads.clear()
    with PlateMemo(cache, later) as memo:
        assert [memo.digest_file(path) for path in paths] == [digest_file(path) for path in paths]
    assert reads == []
