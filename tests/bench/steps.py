"""Where a frame's time goes: ``python tests/bench/steps.py [--sizes 2048x1152,4096x2304]``.

The shipped shot, enlarged to half-float EXRs and tracked by rde-lite with the preset ``standard``,
as one element and as five. A line each with the milliseconds of a frame, medians of steps taken
alone: ``read``, the file; ``colour``, to the network's view, and ``log``, the same as if it were
in ARRI's LogC4; ``network``, a third of two frames between and a memory
frame; ``finish``; ``write``. ``render`` is a frame of a render of the same shot in a process of its
own, in which reading, network and writing go on at once; ``peak_gb`` the most memory it took.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from lines import report
from PIL import Image

from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.color.transforms import input_transform_of, to_network_view
from rde_roto.images.exr import write_planes
from rde_roto.images.files import read_channels
from rde_roto.images.masks import read_mask
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.matte.finish import finish
from rde_roto.model.network_view import Picture
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Output
from rde_roto.values.shot import Shot

FIRST, COUNT, ROUNDS = 1001, 13, 3
RENDER = """
import sys
from peak import peak_bytes
from rde_roto.doors.cli import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print("peak", peak_bytes(), file=sys.stderr)
"""


def enlarged(channels: FloatArray, height: int, width: int) -> FloatArray:
    """[H, W, C] at another size."""
    planes = torch.from_numpy(channels).permute(2, 0, 1)[None]
    larger = F.interpolate(planes, (height, width), mode="bicubic", antialias=True)[0]
    pixels: FloatArray = larger.permute(1, 2, 0).contiguous().numpy()
    return pixels


def make_shot(folder: Path, height: int, width: int, elements: int) -> None:
    """Plates, and a mask of as many elements, which are slices of the robot."""
    window = Window(0, 0, width, height)
    for frame in range(FIRST, FIRST + COUNT):
        small = read_channels(demo_shot() / f"plate/demo.{frame}.exr", ["R", "G", "B"])
        large = enlarged(small, height, width)
        planes = {color: large[..., place] for place, color in enumerate("RGB")}
        write_planes(folder / f"plate/p.{frame}.exr", planes, PlateFormat(window, window), {})
    truth = read_channels(demo_shot() / f"truth/demo.{FIRST}.exr", ["A"])
    inside = enlarged(truth, height, width)[..., 0] >= 0.5
    labels = np.zeros(inside.shape, np.uint8)
    for number, rows in enumerate(np.array_split(np.flatnonzero(inside.any(axis=1)), elements)):
        labels[rows] = inside[rows] * (number + 1)
    Image.fromarray(labels).convert("P").save(folder / "mask.png")


def milliseconds(step: Callable[[], object]) -> float:
    """The median of some rounds, after one that does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - started))
    return median(times[1:])


def steps(folder: Path) -> dict[str, float]:
    """Milliseconds of each step of a frame."""
    plate, preset = open_plate(str(folder / "plate")), load_preset("standard")
    alpha, names = read_mask(folder / "mask.png", plate.format, "labels")
    shot = Shot(plate, plate.range, elements_named(*names), (Keyframe(FIRST, alpha),))
    node = RotoNode(shot, preset, tracker_of(load_model("rde-lite"), torch.device("cpu")))
    (span,) = shot.stretches[0].spans
    raw, tracker = node.walker.raw(span, FIRST + 6), node.walker.tracker
    (state,) = node.walker.states(span, range(2, 3))
    views = [plate.read(FIRST + place) for place in (7, 8, 9)]
    light, log = plate.linear(FIRST), input_transform_of("ARRI LogC4")

    def network() -> None:
        tracker.read(state, tracker.encode(views[:2], state.box))
        memory_frame = tracker.encode(views[2:], state.box)
        tracker.absorb(state, memory_frame, tracker.read(state, memory_frame))

    writer = open_matte_writer(
        str(folder / "out/m.####.exr"), Origin.of(plate), names, Output(), {}
    )
    seen_there = Picture(views[0])
    finished = finish(raw, seen_there, preset.finish)
    frames = cycle(plate.range)
    return {
        "read_ms": milliseconds(lambda: plate.linear(next(frames))),
        "colour_ms": milliseconds(lambda: to_network_view(light, plate.space.name)),
        "log_ms": milliseconds(lambda: Picture(light, log).to_network_view()),
        "network_ms": milliseconds(network) / 3,
        "finish_ms": milliseconds(lambda: finish(raw, seen_there, preset.finish)),
        "write_ms": milliseconds(lambda: writer.write(Matte(FIRST, finished, names, "0"))),
    }


def render(folder: Path) -> dict[str, float]:
    """A frame of the whole thing, start of Python and torch left out, and its peak of memory."""
    command = [sys.executable, "-c", RENDER, "propagate", str(folder / "plate")]
    command += ["--keyframe", f"{FIRST}={folder / 'mask.png'}", "--mask-as", "labels"]
    command += ["--out", str(folder / "mattes/m.####.exr")]
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "RDE_ROTO_CACHE": str(folder / "cache"), "PYTHONPATH": tests}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    (speed,) = (line for line in done.stdout.splitlines() if "frames/s" in line)
    frames_a_second = float(speed.split(" frames/s")[0].split()[-1])
    peak = int(done.stderr.split("peak ")[-1])
    return {"render_ms": 1000 / frames_a_second, "peak_gb": peak / 1e9}


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="2048x1152,4096x2304")
    for size in parser.parse_args().sizes.split(","):
        width, height = map(int, size.split("x"))
        for elements in (1, 5):
            with tempfile.TemporaryDirectory() as text:
                folder = Path(text)
                make_shot(folder, height, width, elements)
                figures = steps(folder) | render(folder)
                report(bench="steps", size=size, elements=elements, **figures)


if __name__ == "__main__":
    main()
