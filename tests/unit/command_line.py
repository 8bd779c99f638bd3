"""What the tests of the command line share; their fixtures are in `command_line_fixtures`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import write_image

from rde_roto.doors import cli

Run = Callable[..., int]
Said = subprocess.CompletedProcess[str]
HEIGHT, WIDTH = 48, 80
LICENCE = "random: CC0; commercial use: allowed"


def box_mask(path: Path, left: int, factor: int = 1) -> Path:
    """A soft matte of a box, 16 bit; for a plate whose sides are ``factor`` times as long."""
    alpha = np.zeros((HEIGHT, WIDTH, 1), dtype=np.float32)
    alpha[10:30, left : left + 30] = 1
    alpha[9, left : left + 30] = 0.25
    return write_image(path, alpha.repeat(factor, axis=0).repeat(factor, axis=1), "uint16")


def mattes(tmp_path: Path) -> list[str]:
    """Names of all files under ``mattes``, hidden ones too."""
    folder = tmp_path / "mattes"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error, but for the licence of the weights and for what is read
    of the plate.
    """
    (sentence,) = [line for line in said_besides(capsys) if LICENCE not in line]
    assert sentence.startswith("rde-roto: ")
    return sentence


def said_besides(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on standard error, but for the one that says what is read of the plate."""
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if not line.startswith("rde-roto: reads hero.####.exr: R G B,")]


def edit(path: Path, old: str, new: str) -> None:
    """Puts other text into a document."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def render(document: Path, *more: object) -> list[str]:
    """The command ``rde-roto shot render``."""
    command = [sys.executable, "-m", "rde_roto.doors.cli", "shot", "render"]
    return [*command, str(document), "--device", "cpu", *map(str, more)]


def run_process(command: list[str]) -> Said:
    """What a command says in a process of its own, to pipes."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def failed(done: Said) -> str:
    """The last sentence on standard error, which is nowhere else."""
    sentence = done.stderr.splitlines()[-1].removeprefix("rde-roto: ")
    assert (done.stdout + done.stderr).count(sentence) == 1
    return sentence


def parse(words: list[str]) -> None:
    """Have the real command line parse a command without running it. Raises what it refuses."""
    assert words[0] == "rde-roto"
    command = cli.command_line(words[1:])
    _disarm(command)
    command.main(words[1:], "rde-roto", standalone_mode=False)


def _disarm(command: Any) -> None:
    """Leave nothing but a command's syntax: options such as --install-completion act, too."""
    command.callback = None
    for parameter in command.params:
        parameter.callback = None
    for inner in getattr(command, "commands", {}).values():
        _disarm(inner)
