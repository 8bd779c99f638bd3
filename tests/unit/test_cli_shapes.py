"""``rde-roto shapes`` on real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, Run, refused
from image_files import read_image

from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.session.document.drawing_files import DrawingFiles
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.outlines import of_lines
from rde_roto.shapes import read_shapes

pytest_plugins = ("command_line_fixtures",)


def test_a_shot_becomes_shapes_and_shapes_become_masks(
    run: Run, new_shot: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "shapes/hero.json"
    assert run("shapes", new_shot, "--out", out, "--tolerance", "0.5", "--frames", "1001-1003") == 0
    shapes = read_shapes(out)
    assert shapes.elements == ("hero",)
    assert str(shapes.frames) == "1001-1003"
    assert shapes.tolerance_px == 0.5
    assert shapes.shapes[0].first == 1001
    assert f"wrote {out}" in capsys.readouterr().out
    masks = tmp_path / "masks/hero.####.exr"
    assert run("shapes", out, "--out", masks, "--frames", "1001") == 0
    assert [path.name for path in masks.parent.iterdir()] == ["hero.1001.exr"]
    spec, pixels = read_image(masks.parent / "hero.1001.exr")
    assert (spec.full_width, spec.full_height) == (WIDTH, HEIGHT)
    _, drawn = read_image(mask)
    whole = np.zeros((HEIGHT, WIDTH), np.float32)
    whole[spec.y : spec.y + spec.height, spec.x : spec.x + spec.width] = pixels[..., 0]
    assert np.abs(whole - drawn[..., 0]).mean() < 0.01
    # and the mask is one that a shot takes as a keyframe
    again = ["--keyframe", f"1001:hero={masks.parent / 'hero.1001.exr'}"]
    again += ["--out", str(tmp_path / "again.shot.yaml")]
    assert run("shot", "new", tmp_path / "plate/hero.####.exr", *again) == 0


def test_a_keyframe_drawn_in_the_window_keeps_its_points(
    run: Run, plate: Path, weights: Path, tmp_path: Path
) -> None:
    opened = open_plate(str(plate))
    line = Line(((20, 8), (60, 10), (55, 40), (24, 38))).curved()
    drawing = of_lines([line], (HEIGHT, WIDTH))
    mask = DrawingFiles(tmp_path, opened.format).write(1002, "body", drawing)
    document, out = tmp_path / "hero.shot.yaml", tmp_path / "hero.json"
    document.write_text(
        f"schema: rde-roto.shot/1\nplate: {{path: {plate}}}\nmodel: {weights}\n"
        "elements: [{id: body, name: hero}]\noverrides: {tracking.lines: 96}\n"
        f"keyframes: [{{frame: 1002, mask: {mask}, elements: [body]}}]\n",
        encoding="utf-8",
    )
    assert run("shapes", document, "--out", out, "--frames", "1001-1003") == 0
    shapes = read_shapes(out)
    points = np.concatenate([one.at(1002)[0][:, 1] for one in shapes.there("hero", 1002)])
    away = np.hypot(*np.moveaxis(np.array(line.points)[:, None] - points, -1, 0)).min(axis=1)
    assert away.max() < 2e-3  # what a document rounds to


def test_nuke_gets_the_shapes_and_gives_them_back(run: Run, new_shot: Path, tmp_path: Path) -> None:
    json_file, nk = tmp_path / "hero.json", tmp_path / "hero.nk"
    assert run("shapes", new_shot, "--out", json_file, "--frames", "1001-1003") == 0
    assert run("shapes", json_file, "--out", nk) == 0
    assert run("shapes", nk, "--out", tmp_path / "again.json") == 0
    assert read_shapes(tmp_path / "again.json").frames == read_shapes(json_file).frames
    drawn = []
    for source in (json_file, nk):
        masks = tmp_path / source.suffix[1:] / "hero.####.exr"
        # the keyframe: what a random network tracks is no edge, soft from one side to the other
        assert run("shapes", source, "--out", masks, "--frames", "1001") == 0
        drawn.append(read_image(masks.parent / "hero.1001.exr")[1])
    assert drawn[0].any()
    # half floats, and a feather that is wider on one side has become its mean
    np.testing.assert_allclose(drawn[0], drawn[1], atol=0.03)
    assert run("shapes", new_shot, "--out", nk, "--frames", "1001") == 2
    assert run("shapes", new_shot, "--out", nk, "--frames", "1001", "--force") == 0
    assert str(read_shapes(nk).frames) == "1001"


def test_every_way_reports_in_the_chosen_form(
    run: Run, new_shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hero.json"
    assert run("shapes", new_shot, "--out", out, "--frames", "1001-1002") == 0
    count = len(read_shapes(out).shapes)
    for to, made in (("part.json", {"shapes": count}), ("masks/hero.####.exr", {"made": 1})):
        again = ("shapes", out, "--out", tmp_path / to, "--frames", "1001")
        capsys.readouterr()
        assert run(*again, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"event": "done", **made}
        assert run(*again, "--progress", "openjd", "--force") == 0
        assert capsys.readouterr().out.startswith("openjd_status: ")


def test_a_shapes_document_is_written_again_in_part(
    run: Run, new_shot: Path, tmp_path: Path
) -> None:
    out, part = tmp_path / "hero.json", tmp_path / "part.json"
    assert run("shapes", new_shot, "--out", out, "--frames", "1001-1002") == 0
    assert run("shapes", out, "--out", part, "--frames", "1002") == 0
    assert str(read_shapes(part).frames) == "1002"
    assert run("shapes", out, "--out", out) == 2


@pytest.mark.parametrize("to", ["part.json", "masks/hero.####.exr"])
def test_what_a_person_may_have_edited_is_not_replaced_unasked(
    run: Run, new_shot: Path, tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, there = tmp_path / "hero.json", tmp_path / to.replace("####", "1002")
    there.parent.mkdir(exist_ok=True)
    assert run("shapes", new_shot, "--out", out, "--frames", "1001-1002") == 0
    there.write_text("painted")
    capsys.readouterr()
    assert run("shapes", out, "--out", tmp_path / to) == 2
    assert f"{there} exists already" in refused(capsys)
    assert there.read_text() == "painted"
    assert run("shapes", new_shot, "--out", out) == 2
    assert run("shapes", out, "--out", tmp_path / to, "--force") == 0
    assert there.read_bytes() != b"painted"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--out", "x.exr"], "expected .json"),
        (["--out", "x.fxs"], "use Nuke's Roto nodes (.nk) or mattes"),
        (["--out", "x.json", "--elements", "dog"], "there is no element 'dog'"),
        (["--out", "x.json", "--tolerance", "0"], "a tolerance of 0 px is of no use"),
        (["--out", "x.json", "--frames", "900"], "900 lies outside the shot's range"),
    ],
)
def test_what_cannot_be_done_is_said_before_tracking(
    run: Run, new_shot: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("shapes", new_shot, *options) == 2
    assert sentence in refused(capsys)
    assert not Path(options[1]).exists()
