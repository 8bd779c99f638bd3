"""What a run says on its way ends none, wherever it goes: with real processes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import mattes, render

from rde_roto import doors

pytest_plugins = ("command_line_fixtures",)

FULL = Path("/dev/full")
DOORS = Path(doors.__file__).parent


def said(program: str, encoding: str = "utf-8") -> bytes:
    lines = f"from rde_roto.doors.console import *\nwith robust_output(): {program}"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", lines]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def exit_code(command: list[str], unwritable: int | None) -> int:
    """The exit code of a command that can write to neither output, which Python buffers; None has
    both closed before it begins.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    if unwritable is None:
        command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command]
    return subprocess.run(
        command, env=environment, stdout=unwritable, stderr=unwritable, check=False
    ).returncode


def test_a_line_is_one_in_any_encoding() -> None:
    assert (
        said(r"print_line('Zürich\n\x1b[2J \udce9')", "ascii") == b"Z\\xfcrich\\n\\x1b[2J \\xe9\n"
    )
    assert said(r"print_line('Zürich')") == "Zürich\n".encode()


@pytest.fixture(params=["full", "gone", "closed"])
def unwritable(request: pytest.FixtureRequest) -> Iterator[int | None]:
    """A descriptor of a disk that is full, or of a pipe that nobody reads, or None."""
    if request.param == "closed":
        if os.name == "nt":
            pytest.skip("needs a shell that closes descriptors")
        yield None
        return
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
    unwritable: int | None, shot_document: Path, tmp_path: Path
) -> None:
    command = render(shot_document, "--out", tmp_path / "mattes/m.####.exr")
    assert exit_code(command, unwritable) == 0
    assert len(mattes(tmp_path)) == 6
    Path(shot_document).unlink()
    assert exit_code(command, unwritable) == 3, "and what went wrong is told by the code"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code"), [("preset list", 0), ("--help", 0), ("preset show none", 3), ("none", 2)]
)
def test_no_command_fails_for_want_of_a_reader(
    unwritable: int | None, words: str, code: int
) -> None:
    command = [sys.executable, "-m", "rde_roto.doors.cli", *words.split()]
    assert exit_code(command, unwritable) == code


@pytest.mark.parametrize("columns", ["1", "20", "72"])
@pytest.mark.parametrize(
    ("words", "option"),
    [("propagate", "--first-frame"), ("shot render", "--learn-into"), ("submit", "--opencue")],
)
def test_a_narrow_terminal_cuts_no_option_off(columns: str, words: str, option: str) -> None:
    """At 20 columns the names of all options were `-…`."""
    command = [sys.executable, "-m", "rde_roto.doors.cli", *words.split(), "--help"]
    environment = {**os.environ, "COLUMNS": columns, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert option in done.stdout
    assert "\\u2026" not in done.stdout, "an ellipsis, as ASCII has it"


def test_every_line_of_a_command_is_told_in_one_way() -> None:
    """By console.py. The learner's events are no lines for people, and have an output of their
    own.
    """
    others = {
        path.relative_to(DOORS).as_posix()
        for path in DOORS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "typer.echo", "sys.stdout.write")
    }
    assert others == {"console.py", "learner/__main__.py"}
