"""Workers in processes of their own, killed at any moment: every job is done once, every frame
right.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
import toy_worker
from toy_worker import job_text, write_mask, write_plate

from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.job_folder import status_of

PLATES, MASKS, FRAMES = 20, 10, 4


def command(folder: HotFolder, cache: Path) -> list[str]:
    return [sys.executable, toy_worker.__file__, str(folder.root), str(cache), "--once"]


def environment() -> dict[str, str]:
    unit = Path(toy_worker.__file__).parents[1] / "unit"
    paths = [str(unit), str(unit.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    home = os.environ.get("HOME", "")
    return {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "HOME": home, "PATH": ""}


@contextmanager
def workers(folder: HotFolder, cache: Path, count: int) -> Iterator[Workers]:
    team = Workers(folder, cache)
    try:
        for _ in range(count):
            team.start()
        yield team
    finally:
        team.end()


class Workers:
    """Processes, and what they say: each line, and "" when one has ended."""

    def __init__(self, folder: HotFolder, cache: Path) -> None:
        self.said: SimpleQueue[str] = SimpleQueue()
        self.running: list[subprocess.Popen[str]] = []
        self._command = command(folder, cache)
        self._threads: list[Thread] = []

    def start(self) -> None:
        process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, env=environment()
        )
        self.running.append(process)
        self._threads.append(Thread(target=self._listen, args=(process,)))
        self._threads[-1].start()

    def kill(self, process: subprocess.Popen[str]) -> bool:
        """Whether it was killed, rather than at its end already."""
        process.kill()
        self.running.remove(process)
        return process.wait() == -9

    def ended(self) -> list[subprocess.Popen[str]]:
        return [process for process in self.running if process.poll() is not None]

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.said.put(line.strip())
        self.said.put("")


def drop_all(folder: HotFolder, plates: list[Path], masks: list[Path]) -> int:
    pairs = [(plate, mask) for plate in plates for mask in masks]
    for number, (plate, mask) in enumerate(pairs):
        text = job_text(plate, mask, f"1001-{1000 + FRAMES}")
        (folder.inbox / f"job{number:03d}.yaml").write_text(text)
    return len(pairs)


def mattes(folder: HotFolder) -> dict[str, bytes]:
    root = folder.root / "mattes"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*.exr")
        if not path.name.startswith(".")
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_jobs_and_twenty_five_kills(tmp_path: Path) -> None:
    plates = [
        write_plate(tmp_path / f"plate{number}", FRAMES, seed=number) for number in range(PLATES)
    ]
    masks = [write_mask(tmp_path / f"mask{left}.png", left) for left in range(MASKS)]
    plain = HotFolder.made(tmp_path / "plain")
    jobs = drop_all(plain, plates, masks)
    subprocess.run(command(plain, tmp_path / "cache-0"), env=environment(), check=True)
    expected = mattes(plain)
    assert len(expected) == jobs * FRAMES

    folder = HotFolder.made(tmp_path / "hot")
    # a job is killed three times over without a frame more once in thousands of runs of this test
    (folder.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 10\n")
    drop_all(folder, plates, masks)
    draw, killed = random.Random(25), 0
    with workers(folder, tmp_path / "cache", 4) as team:
        while killed < 25:
            for _ in range(draw.randint(1, 2 * 2 * jobs // 25)):
                if team.said.get() == "":
                    break
            for process in team.ended():
                team.running.remove(process)
            if team.running:
                killed += team.kill(draw.choice(team.running))
            while len(team.running) < 4:
                team.start()
            assert len(list((folder.root / "done").iterdir())) < jobs, "done before the last kill"
        for process in team.running:
            process.wait()
    subprocess.run(command(folder, tmp_path / "cache"), env=environment(), check=True)
    done = {path.name: status_of(path) for path in (folder.root / "done").iterdir()}
    assert sorted(done) == [f"job{number:03d}" for number in range(jobs)]
    assert all(s is not None and s.state == "done" and s.same_as is None for s in done.values())
    assert mattes(folder) == expected
    for place in ("inbox", "running", "failed", "cancelled"):
        assert list((folder.root / place).iterdir()) == []


def test_a_job_that_kills_its_worker_is_set_aside_and_the_others_are_done(tmp_path: Path) -> None:
    folder = HotFolder.made(tmp_path / "hot")
    (folder.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 2\n")
    plate, mask = write_plate(tmp_path / "plate", 2), write_mask(tmp_path / "mask.png")
    (folder.inbox / "killer.yaml").write_text(job_text(plate, mask, "1002", "priority: 90\n"))
    (folder.inbox / "hero.yaml").write_text(job_text(plate, mask, "1001-1002"))
    codes = [
        subprocess.run(
            command(folder, tmp_path / "cache"), env=environment(), capture_output=True, check=False
        ).returncode
        for _ in range(3)
    ]
    assert codes == [-9, -9, 7]
    assert (folder.root / "done/hero").is_dir()
    reason = (folder.root / "failed/killer/reason.txt").read_text()
    assert "ended without a word 2 times" in reason
