"""``rde-roto explain`` on real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, Run, refused
from image_files import read_image
from PIL import Image

pytest_plugins = ("command_line_fixtures",)


def test_a_frame_is_explained_by_a_sheet(
    run: Run, new_shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheets/x.png"
    assert run("explain", new_shot, "--frame", "1005", "--out", out) == 0
    with Image.open(out) as sheet:
        assert sheet.width == 1296
    said = capsys.readouterr().out.splitlines()[-2:]
    assert said == ["hero from 1001: farthest at 1004", f"wrote {out}"]


def test_or_by_the_layers_of_an_exr(run: Run, new_shot: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.exr"
    assert run("explain", new_shot, "--frame", "1006", "--out", out) == 0
    spec, pixels = read_image(out)
    assert pixels.shape == (HEIGHT, WIDTH, 6)
    assert spec.getattribute("rde-roto:keyframes") == "1001"
    shares = [name for name in spec.channelnames if name.startswith("hero.")]
    assert sorted(shares) == ["hero.embedding", "hero.keyframe", "hero.latest"]
    planes = [pixels[..., spec.channelnames.index(name)] for name in shares]
    # float32: three shares, scaled from places of memory to pixels
    np.testing.assert_allclose(sum(planes), 1, atol=1e-5)


def test_what_cannot_be_done_is_said_before_anything_is_written(
    run: Run, new_shot: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    frame = tmp_path / "plate/hero.1003.exr"
    content, drawn = frame.read_bytes(), mask.read_bytes()
    for asked, out, sentence in (
        (1005, tmp_path / "x.jpg", "expected .png for a sheet or .exr for layers"),
        (1001, tmp_path / "x.png", "frame 1001 is a keyframe"),
        (2000, tmp_path / "x.png", "frame 2000 is not in the shot's range 1001-1006"),
        (1005, frame, f"would overwrite its own input {frame}"),
        (1005, mask, f"would overwrite its own input {mask}"),
    ):
        assert run("explain", new_shot, "--frame", asked, "--out", out) == 2
        assert sentence in refused(capsys)
    assert (frame.read_bytes(), mask.read_bytes()) == (content, drawn)
    assert not (tmp_path / "x.png").exists()
