"""``rde-roto shot render --engine``: the mattes, lines and exit codes of a render without one."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import Said, edit, failed, render, run_process
from engine_process import SERVE, kill
from image_files import cut_short, read_image

from rde_roto_client import Client
from rde_roto_client.places import read_endpoint

pytest_plugins = ("command_line_fixtures", "engine_fixtures")
pytestmark = pytest.mark.usefixtures("run_folder")

LAST = 1060


def by_engine(document: Path, *more: object) -> list[str]:
    return render(document, "--engine", *more)


def lines(done: Said) -> list[str]:
    """What it said on standard output, but for the speed and the weights."""
    said = [line.split(", ")[0] for line in done.stdout.splitlines()]
    return [line for line in said if not line.startswith("weights ")]


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
    for path in (tmp_path / "alone").iterdir():
        assert (read_image(path)[1] == read_image(tmp_path / "out" / path.name)[1]).all()
    again = run_process(by_engine(shot_document, "--out", tmp_path / "out/hero.####.exr"))
    assert "openjd_status: 0 mattes made" in lines(again)
    assert sum(line.startswith("frame ") and ": kept " in line for line in lines(again)) == 6


def test_mattes_of_either_are_kept_by_the_other(shot_document: Path, tmp_path: Path) -> None:
    out = ("--format", "labels", "--out", tmp_path / "out/hero.####.png")
    assert run_process(by_engine(shot_document, *out, "--frames", "1001-1004")).returncode == 0
    done = run_process(render(shot_document, *out))
    assert "openjd_status: 2 mattes made, 4 kept" in done.stdout.splitlines()


def test_an_engine_is_started_and_stopped(shot_document: Path, run_folder: Path) -> None:
    started = run_process([*SERVE, "--detach", "--device", "cpu"])
    assert started.returncode == 0, started.stderr
    assert "an engine listens, on cpu" in started.stdout
    endpoint = read_endpoint("cpu")
    assert endpoint is not None
    assert run_process(by_engine(shot_document, "--frames", "1004")).returncode == 0
    with Client("tests", "cpu", starts=False) as client:
        assert client.hello()["pid"] == endpoint["pid"], "another one was started"
    assert run_process([*SERVE, "--stop", "--device", "cpu"]).returncode == 0
    assert run_process([*SERVE, "--stop", "--device", "cpu"]).stdout == (
        "rde-roto: no engine is running\n"
    )


def test_exit_codes_are_those_of_a_render(shot_document: Path, plate: Path) -> None:
    assert run_process(by_engine(shot_document, "--frames", "1099")).returncode == 2
    cut_short(plate.parent / "hero.1005.exr", 0.5)
    done = run_process(by_engine(shot_document))
    assert done.returncode == 4
    assert "hero.1005.exr" in failed(done)
    edit(shot_document, "tracking.lines", "tracking.line")
    assert run_process(by_engine(shot_document)).returncode == 3


def test_cancelled_it_has_the_engine_stop(shot_document: Path, plate: Path, tmp_path: Path) -> None:
    for frame in range(1007, LAST + 1):
        shutil.copy(plate.parent / "hero.1006.exr", plate.parent / f"hero.{frame}.exr")
    process = subprocess.Popen(
        by_engine(shot_document), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("frame 1004"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    with Client("tests", "cpu", starts=False) as client:
        found = client.progress("1")
        while found["state"] == "running":
            found = client.progress("1")
        assert found["state"] == "cancelled"
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) < LAST - 1000


def test_an_engine_that_dies_is_told(shot_document: Path, plate: Path) -> None:
    for frame in range(1007, LAST + 1):
        shutil.copy(plate.parent / "hero.1006.exr", plate.parent / f"hero.{frame}.exr")
    process = subprocess.Popen(
        by_engine(shot_document), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("frame 1004"):
        assert process.poll() is None
    kill("cpu")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "openjd_fail: the engine ended while it rendered: run again" in said
    done = run_process(by_engine(shot_document, "--frames", "1001-1004"))
    assert "openjd_status: 0 mattes made, 4 kept" in done.stdout.splitlines()
