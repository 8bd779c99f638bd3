"""How long a jump to any frame takes: ``python tests/bench/seek.py [--frames 100,1000,10000]``.

The shipped shot is played to and fro, tracked by rde-lite at 240 lines from its first frame. Once
the whole way has been walked (``walk_s``), random frames are asked for: ``cold``, each by a process
that has just opened the shot (the time from there on; ``start_s`` is what the process and torch
took before), with nothing but the cache folder; ``warm``, by one process after the other frames.
``from_keyframe`` is what the same frames cost without any stored state, reckoned from ``walk_s``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from lines import p50_p95, report

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.evaluation.playing import BackAndForth, PlayedPlate
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, open_stores
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

COLD, WARM = 10, 40


def node(count: int, cache: Path) -> RotoNode:
    """The shipped shot, played for so many frames."""
    folder = demo_shot()
    plate = open_plate(str(folder / "plate"))
    alpha = read_channels(folder / "truth/demo.1001.exr", ["A"])[None, ..., 0]
    order = BackAndForth(tuple(plate.range), count)
    keyframes = (Keyframe(0, alpha),)
    shot = Shot(PlayedPlate(plate, order), order.range, elements_named("hero"), keyframes)
    stores = open_stores(CacheSettings(cache, disk_bytes=20 * 10**9, ram_bytes=10**9))
    load = tracker_of(load_model("rde-lite"), torch.device("cpu"))
    return RotoNode(shot, Preset(name="bench", tracking=Tracking(lines=240)), load, stores)


def seconds_to(opened: RotoNode, frame: int) -> float:
    """The time until a frame's matte is there."""
    started = time.perf_counter()
    opened.matte(frame)
    return time.perf_counter() - started


def cold(count: int, frame: int, cache: Path) -> tuple[float, float]:
    """Seconds from the opened shot to the matte, and before, of a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--once", str(frame), "--frames", str(count)]
    done = subprocess.run(
        [*command, "--cache", str(cache)], capture_output=True, text=True, check=True
    )
    seconds = float(done.stdout)
    return seconds, time.perf_counter() - started - seconds


def measure(count: int, cache: Path) -> None:
    """One line: a shot of so many frames."""
    walk = seconds_to(node(count, cache), count - 1)
    draw = random.Random(count)
    frames = [draw.randrange(1, count - 1) for _ in range(COLD + WARM)]
    colds = [cold(count, frame, cache) for frame in frames[:COLD]]
    opened = node(count, cache)
    opened.digest(count - 1)
    warms = [seconds_to(opened, frame) for frame in frames[COLD:]]
    report(
        bench="seek",
        frames=count,
        walk_s=walk,
        start_s=sorted(start for _, start in colds)[COLD // 2],
        **p50_p95("cold", [seconds for seconds, _ in colds]),
        **p50_p95("warm", warms),
        **p50_p95("from_keyframe", [walk * frame / count for frame in frames]),
        cache_mb=sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) / 1e6,
    )


def main() -> None:
    """Prints a line for each length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", default="100,1000,10000")
    parser.add_argument("--once", type=int)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.frames.split(",")]
    if arguments.once is not None:
        opened = node(counts[0], arguments.cache)
        print(seconds_to(opened, arguments.once))
        return
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            measure(count, Path(folder))


if __name__ == "__main__":
    main()
