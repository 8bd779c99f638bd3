"""What a run says on its way ends none, wherever it goes: with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import mattes, render

pytest_plugins = ("command_line_fixtures",)

FULL = Path("/dev/full")


def said(program: str, encoding: str = "utf-8") -> bytes:
    command = [sys.executable, "-c", f"from rde_roto.doors.console import *; {program}"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def test_a_line_is_one_in_any_encoding() -> None:
    assert (
        said(r"print_line('Zürich\n\x1b[2J \udce9')", "ascii") == b"Z\\xfcrich\\n\\x1b[2J \\xe9\n"
    )
    assert said(r"print_line('Zürich')") == "Zürich\n".encode()


@pytest.fixture(params=["full", "gone"])
def unwritable(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor of a disk that is full, or of a pipe that nobody reads."""
    if request.param == "full":
        if not FULL.exists():
            pytest.skip("needs /dev/full, a disk without room")
        opened = os.open(FULL, os.O_WRONLY)
    else:
        read, opened = os.pipe()
        os.close(read)
    yield opened
    os.close(opened)


@pytest.mark.usefixtures("home")
def test_a_log_that_cannot_be_written_costs_no_matte(
    unwritable: int, shot_document: Path, tmp_path: Path
) -> None:
    command = render(shot_document, "--out", tmp_path / "mattes/m.####.exr")
    done = subprocess.run(command, stdout=unwritable, stderr=unwritable, check=False)
    assert done.returncode == 0
    assert len(mattes(tmp_path)) == 6
    Path(shot_document).unlink()
    done = subprocess.run(command, stdout=unwritable, stderr=unwritable, check=False)
    assert done.returncode == 3, "and what went wrong is told by the code"
