"""Movies through the command line: the frames are numbered as you say, and what is odd is said."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, Run, box_mask, mattes, refused
from movie_files import write_movie

pytest_plugins = ("command_line_fixtures",)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """Three frames, which the file says to mirror."""
    pictures = [np.full((HEIGHT, WIDTH, 3), 60 + 20 * n, np.uint8) for n in range(3)]
    path = write_movie(tmp_path / "hero.m4v", "mpeg4", "yuv420p", pictures)
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    content[place : place + 4] = struct.pack(">i", -65536)
    path.write_bytes(content)
    return path


def test_the_mattes_of_a_movie_have_the_numbers_of_its_plate(
    run: Run, weights: Path, movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = box_mask(tmp_path / "mask.png", 10)
    options = ["--keyframe", f"1001:hero={mask}", "--model", weights, "--first-frame", "1001"]
    options += ["--set", "tracking.lines=96"]
    out = tmp_path / "mattes/hero.####.exr"
    assert run("propagate", movie, *options, "--out", out) == 0
    assert mattes(tmp_path) == [f"hero.{frame}.exr" for frame in (1001, 1002, 1003)]
    assert "hero.m4v is shown as its display matrix says" in capsys.readouterr().err
    numbered = ("--plate", movie, "--first-frame", "1001")
    assert run("validate", tmp_path / "mattes", *numbered, "--frames", "1001-1003") == 0
    assert run("validate", tmp_path / "mattes", "--plate", movie) == 7

    document = tmp_path / "hero.shot.yaml"
    assert run("shot", "new", movie, *options, "--out", document) == 0
    assert "first_frame: 1001" in document.read_text(encoding="utf-8")
    capsys.readouterr()
    assert run("shot", "show", document) == 0
    shown = capsys.readouterr().out
    assert "first video stream, turned upright by its display matrix, 80x48, sRGB" in shown
    assert "1001-1003" in shown
    assert "shown as its display matrix says" in shown
    edited = document.read_text(encoding="utf-8").replace("first_frame: 1001", "first_frame: head")
    document.write_text(edited, encoding="utf-8")
    assert run("shot", "show", document) == 3
    assert "allowed: a whole number or timecode or null" in refused(capsys)


@pytest.mark.parametrize("first", ["1e3", "head", "9999999999"])
def test_a_first_frame_that_is_none_is_refused(
    run: Run, movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    command = ("look", movie, "--frame", "1", "--out", tmp_path / "seen.png")
    assert run(*command, "--first-frame", first) == 2
    assert "expected a frame number, such as 1001, or timecode" in refused(capsys)
