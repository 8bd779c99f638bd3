"""What a host waits for a stored matte: ``python tests/bench/round_trip.py [--sizes 2048x1152]``.

The engine in a process of its own; the client's time from the request to the last byte at hand, by
memory and over loopback TCP. ``overhead`` is how much longer frames take that have to be made than
the node alone takes for them, each in fresh stores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any

import numpy as np
import torch
from lines import report

from rde_roto.doors.hosts.shots import Shots
from rde_roto.images.exr import write_planes
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.values.plate import PlateFormat, Window
from rde_roto_client import Client

COUNT, ROUNDS = 13, 60
SERVE = [str(Path(sys.executable).with_name("rde-roto")), "serve"]


def make_shot(folder: Path, width: int, height: int) -> dict[str, Any]:
    """A plate of noise with a disk in it."""
    window = Window(0, 0, width, height)
    whole = PlateFormat(window, window)
    rows, columns = np.indices((height, width))
    disk = (np.hypot(rows - height / 2, columns - width / 2) < height / 4).astype(np.float32)
    write_planes(folder / "mask.exr", {"A": disk}, whole, {})
    for frame in range(1, COUNT + 1):
        noise = np.random.default_rng(frame).random((height, width), np.float32) / 4
        planes = dict.fromkeys("RGB", noise + disk / 2)
        write_planes(folder / f"plate/p.{frame:04}.exr", planes, whole, {})
    return {
        "schema": "rde-roto.shot/1",
        "plate": {"path": str(folder / "plate")},
        "elements": [{"id": "hero"}],
        "keyframes": [{"frame": 1, "mask": str(folder / "mask.exr"), "mask_as": "matte"}],
    }


def served(shot: dict[str, Any], *arguments: str) -> dict[str, float]:
    """Seconds of all frames that have to be made, milliseconds of a stored one."""
    process = subprocess.Popen([*SERVE, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    with Client("bench", starts=False) as client:
        client.open(shot)
        client.matte(shot, 1)
        started = time.perf_counter()
        for frame in range(2, COUNT + 1):
            client.matte(shot, frame)
        made = time.perf_counter() - started
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            pixels = client.matte(shot, 8).pixels
            assert len(memoryview(pixels)) > 0
            times.append(1000 * (time.perf_counter() - started))
        client.stop()
    process.communicate()
    return {"made_s": made, "p50_ms": median(times), "p95_ms": quantiles(times, n=20)[-1]}


def alone(shot: dict[str, Any], cache: Path) -> float:
    """Seconds of all frames in this process."""
    with PlateMemo(cache) as memo:
        node = Shots(torch.device("cpu"), memo).get(shot).node
        node.matte(1)
        started = time.perf_counter()
        for frame in range(2, COUNT + 1):
            node.matte(frame)
        return time.perf_counter() - started


def fresh(cache: Path) -> Path:
    """Has what is started from now on keep things there."""
    os.environ["RDE_ROTO_CACHE"] = str(cache)
    return cache


def main() -> None:
    """Prints a line for each size and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="2048x1152,4096x2304")
    for size in parser.parse_args().sizes.split(","):
        width, height = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            shot = make_shot(folder, width, height)
            os.environ["RDE_ROTO_RUN"] = str(folder / "run")
            for way, arguments in (("memory", ()), ("tcp", ("--tcp",))):
                before = alone(shot, fresh(folder / f"{way} before"))
                fresh(folder / way)
                found = served(shot, *arguments)
                after = alone(shot, fresh(folder / f"{way} after"))
                # the machine's speed changes meanwhile
                overhead = found["made_s"] / fmean([before, after]) - 1
                own = {"before_s": before, "after_s": after, "overhead": overhead}
                report(bench="round_trip", size=size, way=way, **own, **found)


if __name__ == "__main__":
    main()
