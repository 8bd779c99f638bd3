"""What must not grow with the shot: memory. And what must not fade: the matte of a still plate."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import write_image

from peak import STATUS
from rde_roto.doors.commands.demo import demo_shot
from rde_roto.evaluation.metrics import region_similarity
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.weights import load_model
from rde_roto.net import MemoryFrame
from rde_roto.values.bank import Bank
from rde_roto.values.preset import Tracking

COMMAND = "from rde_roto.doors.cli import main; main()"
RENDER = "import sys, rendering; rendering.main(*sys.argv[1:])"
PEAK = """
import sys
from peak import peak_bytes
try:
    {work}
except SystemExit as end:
    if end.code:
        raise
print("peak", peak_bytes(), file=sys.stderr)
"""


def peak_memory(work: str, arguments: list[str], cache: Path) -> int:
    """Peak resident memory of a fresh process that does this, in bytes."""
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        # glibc gives big blocks back at once when told so; else its heap's growth hides ours
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "PYTHONPATH": f"{here}:{here.parent}",
        "RDE_ROTO_CACHE": str(cache),
        "RDE_ROTO_CACHE_GB": "0.05",
        "RDE_ROTO_RAM_GB": "0.02",
    }
    done = subprocess.run(
        [sys.executable, "-c", PEAK.format(work=work), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split("peak ")[-1])


def command(folder: Path, frames: int) -> list[str]:
    """``rde-roto propagate`` over a shot of so many frames."""
    out = folder / f"mattes{frames}/m.####.png"
    arguments = [
        *("propagate", str(folder / "plate/p.####.png"), "--frames", f"1-{frames}"),
        *("--keyframe", f"1={folder / 'mask.png'}", "--out", str(out), "--device", "cpu"),
        *("--set", "tracking.lines=240"),
    ]
    return arguments


def bytes_of_entries(cache: Path) -> int:
    """What the budget is for; the digests of plates, some 250 bytes a file, come on top."""
    return sum(path.stat().st_size for path in cache.rglob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, where Linux tells of memory")
def test_peak_memory_and_disk_are_the_same_for_100_and_1000_frames(tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    rng = np.random.default_rng(0)
    first = tmp_path / "plate/p.0001.png"
    write_image(first, rng.random((240, 426, 3)), "uint8")
    for frame in range(2, 1001):
        os.link(first, tmp_path / f"plate/p.{frame:04d}.png")
    mask = np.zeros((240, 426, 1))
    mask[60:180, 100:300] = 1
    write_image(tmp_path / "mask.png", mask, "uint8")
    short, long = (
        peak_memory(COMMAND, command(tmp_path, frames), tmp_path / f"cache{frames}")
        for frames in (100, 1000)
    )
    assert long <= 1.02 * short
    assert bytes_of_entries(tmp_path / "cache1000") <= 0.05e9


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, where Linux tells of memory")
def test_peak_memory_is_the_same_for_1000_and_10000_frames_of_the_toy(tmp_path: Path) -> None:
    """Two keyframes, so that the walk back is kept on disk while the walk ahead comes by; so little
    RAM for what is kept that it is full before the shorter shot ends.
    """
    peaks = []
    for frames in (1000, 10000):
        cache, out = tmp_path / f"cache{frames}", tmp_path / f"mattes{frames}"
        out.mkdir()
        peaks.append(
            peak_memory(RENDER, ["toy", str(frames), str(cache), str(out), "500000"], cache)
        )
    assert peaks[1] <= 1.02 * peaks[0]
    assert bytes_of_entries(tmp_path / "cache10000") <= 0.05e9


class HeldFrame:
    """The first frame of the demo shot, held: what is remembered of it must not change."""

    def __init__(self) -> None:
        folder = demo_shot()
        self.mask = read_channels(folder / "truth/demo.1001.exr", ["A"])[None, ..., 0]
        view = open_plate(str(folder / "plate")).read(1001)
        self.net = load_model("rde-lite").net
        self.propagator = RDETracker(
            InferenceForms(self.net), Tracking(lines=240), torch.device("cpu")
        ).with_embedding()
        self.frame = self.propagator.encode([view])
        self.state = self.propagator.begin([(self.frame, self.mask)])

    def step(self) -> None:
        """Read the frame and absorb it."""
        probabilities = self.propagator.read(self.state, self.frame)
        self.state = self.propagator.absorb(self.state, self.frame, probabilities)

    def j(self, bank: str) -> float:
        """Region similarity of the mask and what a bank still knows of it."""
        tracking = Tracking(lines=240, bank=Bank.parse(bank))
        reader = RDETracker(InferenceForms(self.net), tracking, torch.device("cpu"))
        probabilities = reader.read(self.state, self.frame)
        alpha = reader.geometry(self.mask.shape[1:]).to_plate(probabilities)[0, 1].numpy()
        return region_similarity(self.mask[0] >= 0.5, alpha >= 0.5)


# What a thousand updates may cost in J: less than the network loses from one frame to the next.
FADE = 0.01


def assert_kept(held: HeldFrame, once: dict[str, float]) -> None:
    """After many updates every bank knows the element as well as it did after the first."""
    assert once["2F+L+RDE"] >= 0.8
    for bank, j in once.items():
        assert held.j(bank) >= j - FADE


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_updates_by_one_moment_keep_the_matte(count: int) -> None:
    """SAM iterated as a held frame does it, the newest moment being the same each time."""
    held = HeldFrame()
    held.step()
    once = {bank: held.j(bank) for bank in ("2F+L+RDE", "RDE")}
    newest, embedding = held.state.latest, held.state.recurrent
    assert newest is not None
    with torch.inference_mode():
        newest = MemoryFrame(newest.key.float(), newest.value.float())
        embedding = MemoryFrame(embedding.key.float(), embedding.value.float())
        for _ in range(count):
            embedding = held.propagator.net.update(embedding, newest)
    held.state = dataclasses.replace(held.state, recurrent=embedding)
    assert_kept(held, once)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_thousand_memory_frames_of_a_still_plate_keep_the_matte() -> None:
    """The whole recurrence on a still plate: read, encode the matte, absorb, 1,000 times."""
    held = HeldFrame()
    held.step()
    once = {bank: held.j(bank) for bank in ("2F+L+RDE", "RDE")}
    for _ in range(999):
        held.step()
    assert_kept(held, once)
