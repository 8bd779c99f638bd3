"""``rde-roto shot render --engine``: the mattes, lines and exit codes of a render without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, edit, failed, render, run_process
from engine_process import SERVE, ended, kill
from image_files import cut_short, read_image

from rde_roto_client import Client
from rde_roto_client.places import launch_file, read_endpoint

pytest_plugins = ("command_line_fixtures", "engine_fixtures")
pytestmark = pytest.mark.usefixtures("run_folder")

LAST = 1040


def by_engine(document: Path, *more: object) -> list[str]:
    return render(document, "--engine", *more)


def lines(done: Said) -> list[str]:
    """What it said on standard output, but for the speed and how much is done."""
    return [re.split(r", | \(", line)[0] for line in done.stdout.splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_mattes_and_lines(shot_document: Path, tmp_path: Path) -> None:
    alone = run_process(render(shot_document, "--out", tmp_path / "out/hero.####.exr"))
    assert alone.returncode == 0
    shutil.move(tmp_path / "out", tmp_path / "alone")
    done = run_process(by_engine(shot_document, "--out", tmp_path / "out/hero.####.exr"))
    assert done.returncode == 0, done.stderr
    # an engine answers by frame, a render goes outward from the keyframe
    assert sorted(lines(done)) == sorted(lines(alone))
    assert done.stderr == alone.stderr, "what is read, and the licence"
    for path in (tmp_path / "alone").iterdir():
        assert (read_image(path)[1] == read_image(tmp_path / "out" / path.name)[1]).all()
    again = run_process(by_engine(shot_document, "--out", tmp_path / "out/hero.####.exr"))
    assert "0 mattes made" in lines(again)
    assert sum(line.startswith("frame ") and ": kept " in line for line in lines(again)) == 6


def test_mattes_of_either_are_kept_by_the_other(shot_document: Path, tmp_path: Path) -> None:
    out = ("--format", "labels", "--out", tmp_path / "out/hero.####.png")
    assert run_process(by_engine(shot_document, *out, "--frames", "1001-1004")).returncode == 0
    done = run_process(render(shot_document, *out))
    assert done.stdout.splitlines()[-1].startswith("2 mattes made, 4 kept, ")


@pytest.mark.parametrize("command", [render, by_engine])
def test_files_of_other_programs_that_a_run_replaces_are_named(
    command: Callable[..., list[str]], shot_document: Path, plate: Path, tmp_path: Path
) -> None:
    """A matte that an artist had saved again under its name was replaced without a word."""
    task = command(shot_document, "--frames", "1001-1002", "--out", tmp_path / "out/hero.####.exr")
    (tmp_path / "out").mkdir()
    shutil.copy(plate.parent / "hero.1002.exr", tmp_path / "out")
    said = "that another program has saved again: 1002, such as hero.1002.exr\n"
    assert said in run_process(task).stderr
    assert "replaces" not in run_process(task).stderr


def test_an_engine_is_started_and_stopped(shot_document: Path, run_folder: Path) -> None:
    started = run_process([*SERVE, "--detach", "--device", "cpu"])
    assert started.returncode == 0, started.stderr
    assert "an engine is listening on cpu" in started.stdout
    endpoint = read_endpoint("cpu")
    assert endpoint is not None
    assert run_process(by_engine(shot_document, "--frames", "1004")).returncode == 0
    with Client("tests", "cpu", starts=False) as client:
        assert client.hello()["pid"] == endpoint["pid"], "another one was started"
    assert run_process([*SERVE, "--stop", "--device", "cpu"]).returncode == 0
    assert run_process([*SERVE, "--stop", "--device", "cpu"]).stdout == (
        "rde-roto: no engine is running\n"
    )


def test_hosts_start_this_python(home: Path) -> None:
    """By a command that still says what is wrong where the installation was moved."""
    done = run_process([*SERVE, "--register"])
    assert done.returncode == 0, done.stderr
    command = json.loads(launch_file().read_text())["command"]
    assert command == [sys.executable, "-m", "rde_roto", "serve"]
    assert run_process([*command[:3], "--version"]).stdout.startswith("rde-roto ")


def test_exit_codes_are_those_of_a_render(shot_document: Path, plate: Path) -> None:
    assert run_process(by_engine(shot_document, "--frames", "1099")).returncode == 2
    cut_short(plate.parent / "hero.1005.exr", 0.5)
    done = run_process(by_engine(shot_document))
    assert done.returncode == 4
    assert "hero.1005.exr" in failed(done)
    edit(shot_document, "tracking.lines", "tracking.line")
    assert run_process(by_engine(shot_document)).returncode == 3


def test_cancelled_it_has_the_engine_stop(
    shot_document: Path, plate: Path, tmp_path: Path, shot: dict[str, Any]
) -> None:
    process = long_render(shot_document, plate)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    with Client("tests", "cpu", starts=False) as client:  # a job beside that one, if it went on
        assert ended(client, client.prefetch(shot, f"1001-{LAST}"))["state"] == "done"
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) < LAST - 1000


def long_render(document: Path, plate: Path) -> subprocess.Popen[str]:
    """A render of forty frames that is at work."""
    for frame in range(1007, LAST + 1):
        shutil.copy(plate.parent / "hero.1006.exr", plate.parent / f"hero.{frame}.exr")
    process = subprocess.Popen(
        by_engine(document), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("frame 1004"):
        assert process.poll() is None
    return process


def test_when_an_engine_dies_the_next_one_goes_on(
    shot_document: Path, plate: Path, tmp_path: Path
) -> None:
    process = long_render(shot_document, plate)
    kill("cpu")
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    told = [line.split(":")[0] for line in said.splitlines() if line.startswith("frame ")]
    assert len(told) == len(set(told)), "a frame was told of twice"
    assert said.splitlines()[-2].endswith(" (100%)")
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) == LAST - 1000


@pytest.mark.slow
def test_an_engine_that_does_not_answer_any_more_has_a_code_of_its_own(
    shot_document: Path, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_SILENT_S", "2")
    process = long_render(shot_document, plate)
    endpoint = read_endpoint("cpu")
    assert endpoint is not None
    os.kill(endpoint["pid"], signal.SIGSTOP)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 8
    assert f"rde-roto: the engine (process {endpoint['pid']}) has said nothing for" in said
    stopped = run_process([*SERVE, "--stop", "--device", "cpu"])
    assert stopped.stdout == "rde-roto: the engine no longer answered and was killed\n"
    assert run_process(by_engine(shot_document, "--frames", "1001-1004")).returncode == 0


def test_a_matte_that_is_gone_again_is_not_delivered(shot_document: Path, plate: Path) -> None:
    process = long_render(shot_document, plate)
    (plate.parents[1] / "mattes/hero.1004.exr").unlink()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 7
    assert said.splitlines()[-1].endswith("the disk lost them; not delivered: 1004")
