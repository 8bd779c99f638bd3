"""A render that is killed and run again: the same mattes, nothing done twice but a few steps."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
import rendering

SCRIPT = [sys.executable, rendering.__file__]


def start(network: str, count: int, folder: Path, out: Path) -> subprocess.Popen[str]:
    out.mkdir(parents=True, exist_ok=True)
    paths = [str(Path(rendering.__file__).parents[1]), str(Path(rendering.__file__).parent)]
    return subprocess.Popen(
        [*SCRIPT, network, str(count), str(folder), str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(paths), "OMP_NUM_THREADS": "1", "PATH": ""},
    )


def run(process: subprocess.Popen[str], kill_after: int | None = None) -> list[str]:
    """What a render told until its end, or until it was killed after so many lines."""
    assert process.stdout is not None
    told = []
    with process:
        for line in process.stdout:
            told.append(line.strip())
            if kill_after is not None and len(told) == kill_after:
                process.kill()
    assert kill_after is not None or told[-1:] == ["end"]
    return told


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells whether a file was written again: a new one has another inode or time."""
    found = ((path.name, path.stat()) for path in folder.glob("m.*.exr"))
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("network", "count", "kills"), [("toy", 200, 20), ("rde-lite", 60, 3)])
def test_killed_at_any_moment(tmp_path: Path, network: str, count: int, kills: int) -> None:
    straight = run(start(network, count, tmp_path / "cache-0", tmp_path / "straight"))
    steps = straight.count("read")
    draw = random.Random(count)
    out, done, killed = tmp_path / "killed", 0, 0
    finished: dict[str, tuple[int, int]] = {}
    for left in range(kills, 0, -1):
        # in the mean the rest of the run is cut into equal pieces
        about = 2 * (len(straight) - done) / (left + 1)
        process = start(network, count, tmp_path / "cache", out)
        told = run(process, kill_after=draw.randint(1, max(1, int(about))) + len(finished))
        killed += process.returncode == -9
        steps -= told.count("read")
        done += len(told) - len(finished)
        now = files(out)
        assert finished.items() <= now.items(), "a finished matte was written again"
        finished = now
    steps -= run(start(network, count, tmp_path / "cache", out)).count("read")
    assert killed == kills
    assert finished.items() <= files(out).items()
    mattes = {name: data for name, data in bytes_of(out).items() if not name.startswith(".")}
    assert mattes == bytes_of(tmp_path / "straight")
    # since the last snapshot on disk: its memory frames, the batch between two, the step at work
    assert -steps <= kills * (rendering.SNAPSHOT_EVERY + 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_on_one_cache(tmp_path: Path) -> None:
    run(start("toy", 200, tmp_path / "cache-0", tmp_path / "straight"))
    both = [start("toy", 200, tmp_path / "cache", tmp_path / out) for out in ("one", "other")]
    for process in both:
        run(process)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "straight")
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "straight")
