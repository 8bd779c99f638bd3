"""Workers in processes of their own, killed at any moment: every job is done once, every frame
right.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from toy_worker import job_text, write_mask, write_plate
from worker_processes import command, environment, workers

from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.job_folder import job_inside, status_of

FRAMES = 4


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


@pytest.mark.parametrize(
    ("plate_count", "masks", "at_once", "kills"),
    [
        pytest.param(8, 1, 2, 2, id="short"),
        pytest.param(20, 10, 4, 25, marks=[pytest.mark.slow, pytest.mark.timeout(1800)], id="long"),
    ],
)
def test_jobs_among_kills_are_done_once_and_right(
    tmp_path: Path, plate_count: int, masks: int, at_once: int, kills: int
) -> None:
    plates = [
        write_plate(tmp_path / f"plate{number}", FRAMES, seed=number)
        for number in range(plate_count)
    ]
    drawn = [write_mask(tmp_path / f"mask{left}.png", left) for left in range(masks)]
    plain = HotFolder.create(tmp_path / "plain")
    jobs = drop_all(plain, plates, drawn)
    subprocess.run(command(plain, tmp_path / "cache-0", "--once"), env=environment(), check=True)
    expected = mattes(plain)
    assert len(expected) == jobs * FRAMES

    folder = HotFolder.create(tmp_path / "hot")
    # a job is killed three times over without a frame more once in thousands of runs of this test
    (folder.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 10\n")
    drop_all(folder, plates, drawn)
    draw, killed = random.Random(25), 0
    with workers(folder, tmp_path / "cache", at_once, "--once") as team:
        while killed < kills:
            for _ in range(draw.randint(1, 2 * 2 * jobs // (kills + at_once))):
                if team.said.get() == "":
                    break
            for process in team.ended():
                team.running.remove(process)
            if team.running:
                killed += team.kill(draw.choice(team.running))
            while len(team.running) < at_once:
                team.start()
            assert len(list((folder.root / "done").iterdir())) < jobs, "done before the last kill"
        for process in team.running:
            process.wait()
    last = command(folder, tmp_path / "cache", "--once")
    subprocess.run(last, env=environment(), check=True)
    done = {path.name: status_of(path) for path in (folder.root / "done").iterdir()}
    assert sorted(done) == [f"job{number:03d}" for number in range(jobs)]
    assert all(s is not None and s.state == "done" and s.same_as is None for s in done.values())
    assert mattes(folder) == expected
    assert not list((folder.root / "mattes").rglob(".*")), "what killed ones left half-written"
    for place in ("inbox", "failed", "cancelled"):
        assert list((folder.root / place).iterdir()) == []
    # one killed before it took a job leaves its hidden claim, which goes after a minute
    for claim in folder.running.iterdir():
        assert claim.name.startswith(".")
        assert job_inside(claim) == []


def test_a_job_that_kills_its_worker_is_set_aside_and_the_others_are_done(tmp_path: Path) -> None:
    folder = HotFolder.create(tmp_path / "hot")
    (folder.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 2\n")
    plate, mask = write_plate(tmp_path / "plate", 2), write_mask(tmp_path / "mask.png")
    (folder.inbox / "killer.yaml").write_text(job_text(plate, mask, "1002", "priority: 90\n"))
    (folder.inbox / "hero.yaml").write_text(job_text(plate, mask, "1001-1002"))
    codes = [
        subprocess.run(
            command(folder, tmp_path / "cache", "--once"),
            env=environment(),
            capture_output=True,
            check=False,
        ).returncode
        for _ in range(3)
    ]
    assert codes == [-9, -9, 7]
    assert (folder.root / "done/hero").is_dir()
    reason = (folder.root / "failed/killer/reason.txt").read_text()
    assert "died 2 times without an error" in reason
