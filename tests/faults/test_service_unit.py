"""The unit for systemd: it is understood, and what it starts runs and stops as it says."""

from __future__ import annotations

import configparser
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hot_jobs import COMMAND

pytest_plugins = ["command_line_fixtures", "hot_fixtures"]

UNIT = Path(__file__).parents[2] / "tools/service/rde-roto-watch.service"


def said() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_systemd_understands_it(tmp_path: Path) -> None:
    """With a program and a user that are there, in the place of the site's."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd here")
    text = UNIT.read_text(encoding="utf-8")
    start = said()["Service"]["ExecStart"].split()[0]
    text = text.replace(start, sys.executable).replace("User=rde-roto", "User=root")
    (tmp_path / UNIT.name).write_text(text)
    command = [verify, "verify", "--man=no", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_it_starts_stops_as_it_says(hot: Path) -> None:
    """With its own arguments, on another folder: its signal ends it with its code."""
    service = said()["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "rde-roto"
    place = said()["Unit"]["RequiresMountsFor"]
    command = [*COMMAND, *(str(hot) if part == place else part for part in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"rde-roto: watching {hot}/inbox\n"
        process.send_signal(signal.Signals[service["KillSignal"]])
        process.stdout.read()
    assert process.returncode == int(service["SuccessExitStatus"])
