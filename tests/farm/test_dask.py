"""A hot folder whose jobs are done by the workers of a Dask cluster, one of which is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hot_jobs import drop, status, watching

from rde_roto.doors.watchfolder.job_folder import status_of

pytest_plugins = ["command_line_fixtures", "hot_fixtures"]

_WITHIN_S = 240


@pytest.fixture
def scheduler(home: Path) -> Iterator[str]:
    """The address of a cluster of two workers."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("dask_cluster.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate(timeout=60)


def parent(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[1])


def pid_at_work(hot: Path, name: str, frames: int) -> int:
    """The process that is at a job, once it has come so far."""
    end = time.monotonic() + _WITHIN_S
    while time.monotonic() < end:
        written = list((hot / "mattes" / name).glob(f"{name}.*.exr"))
        found = status_of(hot / "running" / name)
        if found is not None and found.worker is not None and len(written) >= frames:
            return int(found.worker.rpartition(":")[2])
    raise AssertionError(f"{name} did not come to {frames} frames: {list(hot.rglob('*.json'))}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who started whom")
def test_a_killed_workers_job_is_done_elsewhere_from_where_it_was(
    hot: Path, scheduler: str
) -> None:
    counts = {"a": 200, "b": 20, "c": 21, "d": 22}  # the first is still at work when it is found
    for name, count in counts.items():
        drop(hot, f"{name}.yaml", count)
    process = watching(hot, "--once", "--scheduler", scheduler)
    victim = pid_at_work(hot, "a", 3)
    worker = parent(victim)
    os.kill(worker, signal.SIGKILL)
    said, errors = process.communicate(timeout=_WITHIN_S)
    assert process.returncode == 0, errors
    assert sorted(path.name for path in (hot / "done").iterdir()) == ["a", "b", "c", "d"]
    again = status(hot / "done/a")
    assert again.kept >= 3
    assert again.worker is not None
    assert int(again.worker.rpartition(":")[2]) != victim
    for name, count in counts.items():
        assert len(list((hot / f"mattes/{name}").glob(f"{name}.*.exr"))) == count
    assert said.startswith(f"rde-roto: watching {hot}/inbox")


@pytest.mark.slow
def test_a_failed_job_is_exit_code_7_there_too(hot: Path, scheduler: str) -> None:
    drop(hot, "good.yaml")
    (hot / "inbox/hero.yaml").write_text("schema: rde-roto.job/1\nshot: gone.shot.yaml\n")
    process = watching(hot, "--once", "--scheduler", scheduler)
    _, errors = process.communicate(timeout=_WITHIN_S)
    assert process.returncode == 7, errors
    assert errors.endswith(f"rde-roto: 1 failed: see {hot}/failed\n")
    assert sorted(path.name for path in (hot / "failed").iterdir()) == ["hero"]
    assert sorted(path.name for path in (hot / "done").iterdir()) == ["good"]


@pytest.mark.slow
def test_a_scheduler_that_is_not_there(hot: Path) -> None:
    _, said = (process := watching(hot, "--scheduler", "tcp://127.0.0.1:9")).communicate()
    assert process.returncode == 2
    assert "there is no Dask scheduler at tcp://127.0.0.1:9" in said
