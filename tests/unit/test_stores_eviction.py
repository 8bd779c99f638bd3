"""What goes from a cache that is too large, and that it is then within its budget."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from rde_roto.stores.eviction import surplus
from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import (
    CacheScan,
    Entry,
    Snapshot,
    SnapshotKey,
    SpanEntries,
    anchors_name,
    bytes_of,
    held_bytes,
    pushed_name,
    raw_name,
    scan_cache,
)

EVERY = 8
"""Memory frames between two snapshots."""


def raws(count: int, nbytes: int = 10) -> list[Entry]:
    """The later ones used later."""
    return [Entry(raw_name(f"{number:04}"), nbytes, number) for number in range(count)]


def span(name: str, count: int, used_ns: int = 0, nbytes: int = 10) -> SpanEntries:
    """Snapshots at 0, 8, 16, … that were written one after the other."""
    snapshots = [
        Snapshot(at, Entry(SnapshotKey(name, at, "d").name, nbytes, used_ns + at))
        for at in range(0, count * EVERY, EVERY)
    ]
    return SpanEntries(Entry(anchors_name(name), nbytes, used_ns), snapshots)


def kept(scan: CacheScan, target: int) -> CacheScan:
    """What is left of it."""
    gone = {entry.name for entry in surplus(scan, target)}
    left = CacheScan(raws=[entry for entry in scan.raws if entry.name not in gone])
    left.pushed = [entry for entry in scan.pushed if entry.name not in gone]
    for name, files in scan.spans.items():
        has_anchors = files.anchors is not None and files.anchors.name not in gone
        snapshots = [s for s in files.snapshots if s.entry.name not in gone]
        if has_anchors or snapshots:
            left.spans[name] = SpanEntries(files.anchors if has_anchors else None, snapshots)
    return left


def indices(files: SpanEntries) -> list[int]:
    return [snapshot.index for snapshot in files.snapshots]


def test_what_fits_stays() -> None:
    scan = CacheScan({"a": span("a", 5)}, raws(4))
    assert surplus(scan, 100) == []
    assert surplus(scan, 99) != []


def test_the_raw_mattes_used_longest_ago_go_first() -> None:
    left = kept(CacheScan(raws=raws(10)), 60)
    assert left.raws == raws(10)[4:]


def test_a_flood_of_raw_mattes_leaves_states_a_quarter() -> None:
    left = kept(CacheScan({"a": span("a", 100)}, raws(300)), 1000)
    assert (bytes_of(left.raws), bytes_of(left.states)) == (750, 250)


def test_either_kind_takes_what_the_other_leaves_free() -> None:
    many_raws = kept(CacheScan({"a": span("a", 4)}, raws(300)), 1000)
    assert (bytes_of(many_raws.raws), bytes_of(many_raws.states)) == (950, 50)
    many_states = kept(CacheScan({"a": span("a", 300)}, raws(5)), 1000)
    assert (bytes_of(many_states.raws), bytes_of(many_states.states)) == (50, 950)


def test_snapshots_that_stay_are_spread_out_and_the_last_is_among_them() -> None:
    left = kept(CacheScan({"a": span("a", 9)}), 60)
    assert indices(left.spans["a"]) == [0, 16, 32, 48, 64]


def test_the_last_snapshot_goes_after_the_inner_ones_and_takes_the_anchors_along() -> None:
    scan = CacheScan({"a": span("a", 4)})
    assert indices(kept(scan, 30).spans["a"]) == [0, 24]
    assert kept(scan, 29).states == []


def test_of_two_versions_after_an_edit_the_older_one_goes() -> None:
    files = span("a", 4)
    edited = Snapshot(16, Entry(SnapshotKey("a", 16, "e").name, 10, used_ns=1000))
    files.snapshots.append(edited)
    left = kept(CacheScan({"a": files}), 50)
    assert edited in left.spans["a"].snapshots
    assert sorted(indices(left.spans["a"])) == [0, 8, 16, 24]


def test_spans_not_used_for_long_go_first() -> None:
    scan = CacheScan({name: span(name, 3, used_ns) for used_ns, name in enumerate("cab")})
    left = kept(scan, 100)
    assert {name: indices(files) for name, files in left.spans.items()} == {
        "c": [0, 16],
        "a": [0, 16],
        "b": [0, 8, 16],
    }
    assert kept(scan, 60).spans.keys() == {"a", "b"}


def test_left_overs_go_in_any_case() -> None:
    left_over = Entry("raws/ab/.ab.safetensors.0123.tmp", 10, 0)
    assert surplus(CacheScan(leftovers=[left_over]), 1000) == [left_over]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), min_size=1, max_size=60),
    st.integers(0, 2000),
)
@settings(deadline=None, max_examples=20)
def test_what_is_to_go_is_told_from_the_oldest_alone(
    files: list[tuple[int, int]], target: int
) -> None:
    """A scan that leaves out what stays in any case names the same files to go."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (nbytes, used_ns) in enumerate(files):
            kind = raw_name if number % 3 else pushed_name
            path = folder / kind(f"{number:04}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(nbytes))
            # each at a time of its own: of two of one time either may go
            os.utime(path, ns=(0, used_ns * 1000 + number))
        for count in (1, 3):
            state = folder / SnapshotKey("a", 8 * count, "d").name
            state.parent.mkdir(parents=True, exist_ok=True)
            state.write_bytes(bytes(10))
            os.utime(state, ns=(2**62, 2**62))
        whole = scan_cache(folder)
        assert held_bytes(folder) == whole.bytes
        few = scan_cache(folder, oldest_bytes=max(0, whole.bytes - target))
        assert few.bytes == whole.bytes
        assert surplus(few, target) == surplus(whole, target)
        assert len(few.pictures) <= len(whole.pictures)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50), st.integers(0, 99)), max_size=5),
    st.lists(st.integers(1, 50), max_size=40),
    st.lists(st.integers(1, 50), max_size=5),
    st.integers(0, 2000),
)
def test_no_more_is_left_than_was_asked_and_what_is_left_is_spread_out(
    spans: list[tuple[int, int, int]], raw_sizes: list[int], pushed_sizes: list[int], target: int
) -> None:
    scan = CacheScan(raws=[Entry(raw_name(f"{n:04}"), b, n) for n, b in enumerate(raw_sizes)])
    scan.pushed = [Entry(pushed_name(f"{n:04}"), b, 2 * n) for n, b in enumerate(pushed_sizes)]
    for number, (count, nbytes, used_ns) in enumerate(spans):
        scan.spans[str(number)] = span(str(number), count, used_ns, nbytes)
    left = kept(scan, target)
    assert left.bytes <= target
    for name, files in left.spans.items():
        if files.snapshots:
            assert files.anchors is not None
            assert indices(files)[-1] == indices(scan.spans[name])[-1]
            gaps = np.diff([0, *indices(files)])[1:]
            # twice the mean, said so that a single snapshot, which has no gap, passes too
            assert gaps.max(initial=0) * len(gaps) <= 2 * gaps.sum() + 1e-9


# On disk.

PUT = st.tuples(st.sampled_from(["raw", "a", "b"]), st.integers(0, 30), st.integers(0, 3000))


@given(st.lists(PUT, min_size=1, max_size=60), st.integers(1, 12_000))
@settings(max_examples=25)
def test_whatever_is_put_the_disk_stays_within_budget(
    puts: list[tuple[str, int, int]], budget: int
) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = CacheFolder(Path(path), budget)
        for kind, number, nbytes in puts:
            if kind == "raw":
                write(folder, raw_name(f"{number:04}"), nbytes)
            else:
                write(folder, anchors_name(kind), nbytes // 4)
                write(folder, SnapshotKey(kind, number, "d").name, nbytes)
            assert sum(p.stat().st_size for p in Path(path).rglob("*") if p.is_file()) <= budget


@given(st.integers(20, 120), st.integers(6_000, 40_000))
@settings(max_examples=15)
def test_a_long_run_under_a_small_budget_keeps_snapshots_from_its_beginning_to_its_end(
    count: int, budget: int
) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = CacheFolder(Path(path), budget)
        for at in range(0, count * EVERY, EVERY):
            write(folder, anchors_name("a"), 500)
            write(folder, SnapshotKey("a", at, "d").name, 500)
        left = sorted(indices(scan_cache(Path(path)).spans["a"]))
    gaps = np.diff(left)
    assert left[0] == 0
    assert left[-1] == (count - 1) * EVERY
    # twice the mean when a gap was made; the mean shrinks by the tenth written since, about
    assert gaps.max() <= 2.5 * gaps.mean()


def write(folder: CacheFolder, name: str, nbytes: int) -> None:
    folder.write(name, lambda: save({"planes": np.zeros(nbytes, np.uint8)}))
