"""Pipes, sockets, devices and huge files in every place where the command line is given a file: a
sentence and the right exit code at once, where opening them would wait for ever.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run, mattes, refused
from hostile_drops import device, huge, listener, pipe

from rde_roto.doors.options import chunk_frames
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.timeout(30)

Make = Callable[[Path], Path]
KINDS: dict[str, tuple[Make, str]] = {
    "pipe": (pipe, "it is a named pipe, not a file"),
    "socket": (listener, "it is a socket, not a file"),
    "device": (device, "it is a device, not a file"),
    "huge": (huge, "it is larger than"),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> tuple[Make, str]:
    return KINDS[request.param]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("shot", "show"), "hero.shot.yaml"),
        (("shot", "render"), "hero.shot.yaml"),
        (("preset", "show"), "mine.yaml"),
    ],
)
def test_a_document(
    tmp_path: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    kind: tuple[Make, str],
    command: tuple[str, ...],
    name: str,
) -> None:
    make, reason = kind
    assert run(*command, make(tmp_path / name)) == 3
    assert reason in refused(capsys)


@pytest.fixture
def propagate(run: Run, tmp_path: Path, weights: Path, mask: Path) -> Run:
    """``rde-roto propagate PLATE`` with a good mask, into ``mattes``."""

    def propagate(plate: object, drawn: Path = mask) -> int:
        options = ["--keyframe", f"1001={drawn}", "--out", tmp_path / "mattes/hero.####.exr"]
        return run("propagate", plate, *options, "--model", weights, "--device", "cpu")

    return propagate


def test_a_mask(
    tmp_path: Path,
    propagate: Run,
    plate: Path,
    capsys: pytest.CaptureFixture[str],
    kind: tuple[Make, str],
) -> None:
    make, reason = kind
    assert propagate(plate, make(tmp_path / "drawn.png")) == 4
    assert reason in refused(capsys)
    assert mattes(tmp_path) == []


@pytest.mark.parametrize("frame", [1001, 1004])
def test_a_frame_of_the_plate(
    tmp_path: Path,
    propagate: Run,
    plate: Path,
    capsys: pytest.CaptureFixture[str],
    kind: tuple[Make, str],
    frame: int,
) -> None:
    make, reason = kind
    bad = plate.parent / f"hero.{frame}.exr"
    bad.unlink()
    make(bad)
    assert propagate(plate) == 4
    assert reason in refused(capsys)


def test_a_movie(tmp_path: Path, propagate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(pipe(tmp_path / "hero.mov")) == 4
    assert "it is a named pipe, not a file" in refused(capsys)


def test_weights_and_a_list_of_chunks(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("model", "install", pipe(tmp_path / "net.safetensors")) == 5
    assert "there is no weights file" in refused(capsys)
    with pytest.raises(UsageError, match="expected FILE:N"):
        chunk_frames(f"{pipe(tmp_path / 'chunks')}:1")


def test_a_name_that_is_not_utf_8(
    tmp_path: Path, propagate: Run, plate: Path, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that is said breaks a line of a log either."""
    drawn = Path(shutil.copy(mask, tmp_path / b"d\xe9\nr.exr".decode("utf-8", "surrogateescape")))
    assert propagate(plate, drawn) == 4
    sentence = refused(capsys)
    assert "d\\xe9\\nr.exr cannot be read: its name is not UTF-8, rename it" in sentence
