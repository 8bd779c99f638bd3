"""Fixtures of tests that ask a real engine: a plugin, which those name in `pytest_plugins`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import warm_engines
from command_line import HEIGHT, WIDTH
from engine_process import SERVE, kill
from image_files import ramp, write_image

from rde_roto_client import Client
from rde_roto_client.places import AUTO, launch_file


@pytest.fixture(scope="session")
def serve_command() -> Iterator[list[str]]:
    """What hosts start an engine with: a fork of a process that has read torch, where there are
    forks.
    """
    if sys.platform != "linux":
        yield SERVE
        return
    with tempfile.TemporaryDirectory(prefix="rde") as folder:
        place = str(Path(folder) / "engines")
        keeper = [sys.executable, warm_engines.__file__, place]
        with subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield [sys.executable, "-I", "-S", warm_engines.__file__, place, "serve"]
            process.kill()


@pytest.fixture
def run_folder(
    home: Path, serve_command: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Where this test's engine listens; its path is short, as a socket's must be. What the test has
    started is ended."""
    folder = Path(tempfile.mkdtemp(prefix="rde"))
    monkeypatch.setenv("RDE_ROTO_RUN", str(folder))
    launch_file().parent.mkdir(parents=True, exist_ok=True)
    launch_file().write_text(
        json.dumps({"command": [*serve_command, "--idle", "60"]}), encoding="utf-8"
    )
    yield folder
    for device in (AUTO, "cpu"):
        kill(device)
    shutil.rmtree(folder)


@pytest.fixture
def client(run_folder: Path) -> Iterator[Client]:
    """One that starts the engine when it is first asked."""
    with Client("tests") as client:
        yield client


@pytest.fixture
def shot(plate: Path, mask: Path, weights: Path) -> dict[str, Any]:
    """Six frames, one element, the keyframe 1003."""
    return {
        "schema": "rde-roto.shot/1",
        "plate": {"path": str(plate)},
        "elements": [{"id": "hero"}],
        "keyframes": [{"frame": 1003, "mask": str(mask)}],
        "overrides": {"tracking.lines": 96},
        "model": str(weights),
    }


@pytest.fixture
def long_shot(shot: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A thousand frames, all of one file: their end is minutes away."""
    (tmp_path / "long").mkdir()
    first = write_image(tmp_path / "long/a.0001.exr", ramp(HEIGHT, WIDTH))
    for frame in range(2, 1001):
        (tmp_path / f"long/a.{frame:04}.exr").hardlink_to(first)
    keyframe = {**shot["keyframes"][0], "frame": 1}
    return {**shot, "plate": {"path": str(tmp_path / "long")}, "keyframes": [keyframe]}
