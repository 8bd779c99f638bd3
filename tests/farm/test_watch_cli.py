"""``rde-roto watch`` and ``rde-roto jobs``, as programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import Run
from hot_jobs import drop, status, watching

from rde_roto.documents.job_status import JobStatus
from rde_roto.doors.commands.jobs import Queue
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.job_folder import Claim

pytest_plugins = ["command_line_fixtures", "hot_fixtures"]


def test_once_drains_the_inbox(hot: Path) -> None:
    drop(hot, "hero.yaml")
    said, _ = (process := watching(hot, "--once")).communicate()
    assert process.returncode == 0
    assert said.splitlines() == [
        f"rde-roto: watching {hot}/inbox",
        "hero: started",
        "hero: done, 3 mattes made, 0 kept",
    ]
    names = sorted(path.name for path in (hot / "mattes/hero").iterdir())
    assert names == [f"hero.{frame}.exr" for frame in (1001, 1002, 1003)]


def test_what_is_done_is_cleared_after_so_many_days(hot: Path) -> None:
    """And nothing that is said ends a worker, in whatever encoding its log is."""
    name = "镜头 é"
    (hot / f"inbox/{name}.yaml").write_text("schema: rde-roto.job/1\nshot: gone.shot.yaml\n")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    said, _ = (process := watching(hot, "--once", env=environment)).communicate()
    assert process.returncode == 7
    assert said.splitlines()[1] == "\\u955c\\u5934 \\xe9: started"
    ended = hot / f"done/{name}"
    (hot / f"failed/{name}").rename(ended)  # as if it were done
    path = ended / "status.json"
    path.write_text(path.read_text().replace('"failed"', '"done"'))
    os.utime(path, (0, 0))
    watching(hot, "--once", "--keep-days", "30").communicate()
    assert list((hot / "done").iterdir()) == []


def test_a_failed_job_is_exit_code_7(hot: Path) -> None:
    (hot / "inbox/hero.yaml").write_text("schema: rde-roto.job/1\nshot: gone.shot.yaml\n")
    _, said = (process := watching(hot, "--once")).communicate()
    assert process.returncode == 7
    assert said.endswith(f"rde-roto: 1 failed: see {hot}/failed\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_gives_the_job_back_and_the_next_run_goes_on(
    hot: Path, number: signal.Signals, code: int
) -> None:
    """And a worker that waits hears of a job that arrives by a rename."""
    with watching(hot, "--poll", "30") as process:
        assert process.stdout is not None
        process.stdout.readline()
        drop(hot, ".hero.yaml", count=40)
        (hot / "inbox/.hero.yaml").rename(hot / "inbox/hero.yaml")
        assert process.stdout.readline() == "hero: started\n"
        mattes = hot / "mattes/hero"
        while not (mattes / "hero.1002.exr").exists():
            # one that waits in a tight loop takes the processor that the worker needs
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.send_signal(number)
        last = process.stdout.read()
    assert process.returncode == code
    assert last == "hero: stopped; the job goes back to the inbox\n"
    assert status(hot / "inbox/hero").state == "waiting"
    done = len(list(mattes.iterdir()))
    assert 2 <= done < 40
    (process := watching(hot, "--once")).communicate()
    assert process.returncode == 0
    assert (status(hot / "done/hero").done, status(hot / "done/hero").kept) == (40, done)


@pytest.mark.parametrize("entry", ["../precious.yaml", "/etc/hosts", "..", ".hidden.yaml", "a/b"])
def test_a_job_is_an_entry_of_the_inbox_and_no_path(
    hot: Path, run: Run, capsys: pytest.CaptureFixture[str], entry: str
) -> None:
    (hot / "precious.yaml").write_text("somebody's")
    assert run("watch", hot, "--job", entry) == 2
    assert "expected the name of an entry of the inbox" in capsys.readouterr().err
    assert (hot / "precious.yaml").read_text() == "somebody's"


def test_jobs_shows_the_queue(hot: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.yaml", "a.yaml"):
        drop(hot, name)
    (hot / "inbox/c.yaml").write_text("priority: 90\nschema: rde-roto.job/1\n")
    watching(hot, "--once").communicate()
    (hot / "inbox/[red]later.yaml").write_text("schema: rde-roto.job/1\n")
    assert run("jobs", hot, "--json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {(one["name"], one["state"], one["done"]) for one in said}
    assert found == {
        ("[red]later.yaml", "waiting", 0),
        ("a", "done", 3),
        ("b", "done", 3),
        ("c", "failed", 0),
    }
    assert run("jobs", hot) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["job", "state", "frames", "speed", "left", "worker"]
    assert lines[1].split() == ["[red]later.yaml", "waiting", "priority", "50"]
    assert any("shot is missing" in line for line in lines)
    assert any("the same as" in line for line in lines)


def test_jobs_shows_what_waits_before_a_worker_has_started(
    hot: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """`submit --inbox` makes the inbox; a worker makes the folders beside it."""
    drop(hot, "a.yaml")
    assert not (hot / "running").exists()
    assert run("jobs", hot, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["name"], json.loads(line)["state"]) == ("a.yaml", "waiting")
    assert run("jobs", hot) == 0


def ended(hot: Path, name: str, at_s: int) -> Path:
    """A job that was done at that time."""
    folder = hot / "done" / name
    (folder / "job").mkdir(parents=True)
    Claim(folder, JobStatus(name=name, state="done")).write()
    os.utime(folder, (at_s, at_s))
    return folder


def test_jobs_looks_up_once_when_a_job_ended(hot: Path) -> None:
    """So that it stays quick, every second, beside the jobs of a year."""
    queue = Queue(HotFolder(hot), last=2)
    first = ended(hot, "first", 1_000)
    ended(hot, "second", 2_000)
    third = ended(hot, "third", 3_000)

    def names() -> list[str]:
        return [status.name for status in queue.statuses()]

    assert names() == ["third", "second"]
    os.utime(first, (9_000, 9_000))
    assert names() == ["third", "second"], "the first one was looked up again"
    ended(hot, "fourth", 4_000)
    assert names() == ["fourth", "third"]
    third.rename(hot / "third")
    assert names() == ["fourth", "second"]


def test_jobs_shows_any_name(hot: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line of its own, and without speaking to the terminal."""
    for place in ("running", "done", "failed", "cancelled"):
        (hot / place).mkdir()
    for name in (b"caf\xe9.yaml", b"a\nb\x1b[31m.yaml", b"\xff" * 255):
        path = hot / "inbox" / os.fsdecode(name)
        path.mkdir() if name.startswith(b"\xff") else path.write_text("schema: rde-roto.job/1\n")
    (hot / "done/mine").mkdir()
    os.mkfifo(hot / "done/mine/status.json")
    assert run("jobs", hot, "--json") == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert sorted(names) == sorted(["caf_.yaml", "a_b_[31m.yaml", "_" * 200])
    assert run("jobs", hot) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= len(names)
    assert all(line.isprintable() for line in lines)


def test_jobs_of_a_folder_that_is_none(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("jobs", tmp_path) == 4
    assert "is not a hot folder" in capsys.readouterr().err
