"""What a hot folder costs: ``python tests/bench/hot_folder.py [--inbox 20000] [--jobs 10000]``.

`look` is the time of a look into an inbox with so many documents: the first one, which sees them,
the longest, and one that finds everything as it was. `drain` is how fast so many jobs of one frame
of 12 by 16 pixels go through, each a shot of its own, with the toy in two processes: the time is
what the hot folder takes. `idle` is the share of one core that a worker takes which has nothing to
do, at the poll of two seconds that is the default.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lines import report

HERE = Path(__file__).resolve().parent
PATHS = [str(HERE.parent), str(HERE.parent / "unit"), str(HERE.parent / "farm")]
sys.path[:0] = PATHS

import toy_worker  # noqa: E402

from rde_roto.doors.watchfolder.hot_folder import HotFolder  # noqa: E402
from rde_roto.doors.watchfolder.inbox import Inbox  # noqa: E402

_IDLE_S = 20.0


def look(folder: Path, count: int) -> None:
    """One line: looks into an inbox of so many jobs."""
    hot = HotFolder.create(folder / "look")
    for number in range(count):
        (hot.inbox / f"{number:06}.yaml").write_text("schema: rde-roto.job/1\nshot: a.shot.yaml\n")
    inbox = Inbox(hot.inbox)
    seconds = []
    while len(inbox.jobs()) < count:
        started = time.perf_counter()
        inbox.scan()
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    inbox.scan()
    still = time.perf_counter() - started
    report(
        bench="hot_folder look",
        jobs=count,
        first_s=seconds[0],
        longest_s=max(seconds),
        still_s=still,
    )


def drain(folder: Path, count: int, workers: int = 2) -> None:
    """One line: so many tiny jobs through so many workers."""
    hot = HotFolder.create(folder / "drain")
    plate = toy_worker.write_plate(folder / "plate", 100)
    masks = [toy_worker.write_mask(folder / f"mask{left}.png", left) for left in range(10)]
    for number in range(count):
        text = toy_worker.job_text(plate, masks[number % 10], str(1001 + number // 10 % 100))
        gamma = f"overrides: {{finish.gamma: {1 + number // 1000 / 100}}}\n"
        (hot.inbox / f"{number:06}.yaml").write_text(text + gamma)
    started = time.perf_counter()
    command = [sys.executable, toy_worker.__file__, str(hot.root), str(folder / "cache"), "--once"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        for _ in range(workers)
    ]
    codes = [process.wait() for process in processes]
    seconds = time.perf_counter() - started
    done = len(list((hot.root / "done").iterdir()))
    assert (codes, done) == ([0] * workers, count), (codes, done)
    report(bench="hot_folder drain", jobs=count, workers=workers, jobs_per_s=count / seconds)


def idle(folder: Path) -> None:
    """One line: the share of a core that an idle worker takes."""
    command = "from rde_roto.doors.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "watch", str(folder / "idle"), "--device", "cpu"],
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        before = _cpu_s(process.pid)
        time.sleep(_IDLE_S)
        share = (_cpu_s(process.pid) - before) / _IDLE_S
        process.terminate()
    report(bench="hot_folder idle", seconds=_IDLE_S, share=share)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # in ticks of 10 ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inbox", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        look(Path(folder), options.inbox)
        idle(Path(folder))
        drain(Path(folder), options.jobs)


if __name__ == "__main__":
    main()
