"""``rde-roto shot report`` on real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run, refused
from page_reader import Page
from PIL import Image

pytest_plugins = ("command_line_fixtures",)


def test_a_page_and_a_sheet_are_written(
    run: Run, new_shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "qc/hero.html", tmp_path / "qc/hero.png"
    capsys.readouterr()
    assert run("shot", "report", new_shot, "--out", out, "--sheet", sheet) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {out}", f"wrote {sheet}"]
    page = Page(out.read_text(encoding="utf-8"))
    assert page.texts[0] == "hero: roto report"
    assert sorted(page.values("id")) == [f"f{frame}" for frame in range(1001, 1007)]
    assert "random: CC0; commercial use: allowed" in page.texts
    with Image.open(sheet) as image:
        assert image.width == 1296
    assert run("shot", "report", new_shot, "--out", out, "--frames", "1002-1004") == 0
    again = Page(out.read_text(encoding="utf-8"))
    assert sorted(again.values("id")) == ["f1002", "f1003", "f1004"]


def test_what_cannot_be_done_is_said_before_anything_is_written(
    run: Run, new_shot: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, drawn = tmp_path / "x.html", mask.read_bytes()
    for options, sentence in (
        (["--out", tmp_path / "x.pdf"], "expected a name that ends in .html"),
        (["--out", out, "--sheet", tmp_path / "x.jpg"], "expected a name that ends in .png"),
        (["--out", out, "--sheet", mask], f"would overwrite its own input {mask}"),
        (["--out", out, "--frames", "1000-1003"], "lies outside the shot's range 1001-1006"),
    ):
        capsys.readouterr()
        assert run("shot", "report", new_shot, *options) == 2
        assert sentence in refused(capsys)
    assert not out.exists()
    assert mask.read_bytes() == drawn
