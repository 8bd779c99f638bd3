"""What a run says of the plate that it reads: one line, wherever one may look for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, Run, mattes, refused
from image_files import ramp, read_image, write_image

pytest_plugins = ("command_line_fixtures",)

LINE = (
    "hero.####.exr: layer beauty of 2, R G B, upright, data window 80x48 at (1, 2) of display "
    "window 90x50, lin_rec709 from its format"
)


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Six half EXRs with two layers."""
    (tmp_path / "plate").mkdir()
    channels = tuple(f"{layer}.{color}" for layer in ("AO", "beauty") for color in "RGB")
    for frame in range(1001, 1007):
        pixels = np.concatenate([ramp(HEIGHT, WIDTH), ramp(HEIGHT, WIDTH, seed=frame)], axis=2)
        path = tmp_path / f"plate/hero.{frame}.exr"
        write_image(path, pixels, channels=channels, origin=(1, 2), display=(0, 0, 90, 50))
    return tmp_path / "plate/hero.####.exr"


def test_a_render_and_its_mattes_say_what_was_read(
    run: Run, shot_document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("shot", "render", shot_document, "--frames", "1003", "--json") == 0
    said = capsys.readouterr()
    assert f"rde-roto: reads {LINE}" in said.err.splitlines()
    assert "reads" not in said.out  # where scripts read objects
    spec, _ = read_image(tmp_path / "mattes/hero.1003.exr")
    assert spec.getattribute("rde-roto:reading") == LINE
    assert (spec.full_width, spec.full_height) == (90, 50)


def test_whoever_asks_is_told_what_is_read(
    run: Run, shot_document: Path, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("shot", "show", shot_document) == 0
    assert f"plate       {plate}\n            {LINE}\n" in capsys.readouterr().out
    assert run("look", plate, "--frame", "1001", "--out", tmp_path / "seen.png") == 0
    assert LINE in capsys.readouterr().out.splitlines()
    page = tmp_path / "report.html"
    assert run("shot", "report", shot_document, "--frames", "1003", "--out", page) == 0
    assert LINE in page.read_text("utf-8")


def test_a_view_in_the_name_of_mattes(
    run: Run,
    plate: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in list(plate.parent.iterdir()):
        path.rename(path.with_name(path.name.replace("hero", "hero_left")))
    named = plate.with_name("hero_%V.####.exr")
    options = ["--keyframe", f"1001={mask}", "--frames", "1001", "--model", weights]
    options += ["--out", tmp_path / "mattes/%V.####.exr"]
    assert run("propagate", named, *options) == 2
    assert "contains %V, a view's name: choose one, such as left (--view" in refused(capsys)
    assert run("propagate", named, "--view", "left", *options) == 0
    assert mattes(tmp_path) == ["left.1001.exr"]


@pytest.mark.parametrize(("policy", "code"), [("black", 2), ("skip", 2), ("hold", 0)])
def test_a_keyframe_is_drawn_on_a_picture(
    run: Run,
    plate: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    code: int,
) -> None:
    (plate.parent / "hero.1004.exr").unlink()
    options = ["--keyframe", f"1004={mask}", "--missing", policy, "--model", weights]
    options += ["--frames", "1004", "--out", tmp_path / "mattes/hero.####.exr"]
    assert run("propagate", plate, *options) == code
    if code:
        assert "hero.####.exr lacks 1004, where there is a keyframe" in refused(capsys)
    assert mattes(tmp_path) == ([] if code else ["hero.1004.exr"])
