"""What a snapshot takes on disk and how long: ``python tests/bench/snapshots.py [--rounds 20]``.

Prints a line for one and for three elements: rde-lite at 480 lines, weights random (neither size
nor time depends on them). A span's anchors are written once, with the state at its keyframe; every
later snapshot adds its moving half. Reading is of a whole state, both halves, by a process that has
nothing in RAM; the files have just been written, so they come from the system's memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from lines import report

from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import RDE_LITE, RDENet
from rde_roto.stores import CacheSettings, SnapshotKey, open_stores
from rde_roto.values.digest import digest_of
from rde_roto.values.preset import Tracking

HEIGHT, WIDTH = 480, 854


def states(propagator: RDETracker, elements: int) -> tuple[MemoryState, MemoryState]:
    """The state at a keyframe and the one after a memory frame."""
    rng = np.random.default_rng(0)
    views = [rng.random((HEIGHT, WIDTH, 3), dtype=np.float32) for _ in range(2)]
    alpha = np.zeros((elements, HEIGHT, WIDTH), np.float32)
    for k in range(elements):
        alpha[k, 100:300, 100 + 200 * k : 250 + 200 * k] = 1
    begun = propagator.begin([(propagator.encode(views[:1]), alpha)])
    frame = propagator.encode(views[1:])
    return begun, propagator.absorb(begun, frame, propagator.read(begun, frame))


def one_span(
    number: int, folder: Path, halves: tuple[MemoryState, MemoryState], propagator: RDETracker
) -> tuple[float, float, float]:
    """Seconds to write a new span's anchors, then a moving half, and to read both elsewhere."""
    settings = CacheSettings(folder, disk_bytes=20 * 10**9, ram_bytes=10**9)
    mine, others = open_stores(settings).snapshots, open_stores(settings).snapshots
    digests = digest_of("span", number), digest_of("state", number)
    before = digest_of("before", number)
    mine.put(
        SnapshotKey(before, 0, before), halves[0], durable=True
    )  # the first looks at the folder
    times = [time.perf_counter()]
    for index, half in enumerate(halves):
        mine.put(SnapshotKey(digests[0], index, digests[index]), half, durable=True)
        times.append(time.perf_counter())
    others.newest(digests[0], range(1, -1, -1), digests.__getitem__, propagator.restore)
    times.append(time.perf_counter())
    write_anchors, write_moving, read_both = np.diff(times).tolist()
    return write_anchors, write_moving, read_both


def measure(propagator: RDETracker, elements: int, rounds: int, folder: Path) -> None:
    """One line: so many elements."""
    halves = states(propagator, elements)
    spans = [one_span(number, folder, halves, propagator) for number in range(rounds)]
    anchors_ms, moving_ms, both_ms = (1000 * median(times) for times in zip(*spans, strict=True))
    report(
        bench="snapshots",
        network=RDE_LITE.name,
        size=f"{WIDTH}x{HEIGHT}",
        elements=elements,
        state_dtype=propagator.tracking.state_dtype,
        anchors_mb=sum(tensor.nbytes for tensor in halves[1].anchors().values()) / 1e6,
        moving_mb=sum(tensor.nbytes for tensor in halves[1].moving().values()) / 1e6,
        write_anchors_p50_ms=anchors_ms,
        write_moving_p50_ms=moving_ms,
        read_both_p50_ms=both_ms,
    )


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    propagator = RDETracker(InferenceForms(RDENet(RDE_LITE)), Tracking(), torch.device("cpu"))
    for elements in (1, 3):
        with tempfile.TemporaryDirectory() as folder:
            measure(propagator, elements, rounds, Path(folder))


if __name__ == "__main__":
    main()
