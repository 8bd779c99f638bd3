"""Configurations of `$OCIO`: ones that do not load, lack our spaces, or read tables elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import Run, refused
from image_files import write_image
from numpy.typing import NDArray

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.transforms import linear_space, to_linear
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures",)

CONFIG = """ocio_profile_version: 2
search_path: {search_path}
roles: {{default: raw, {roles}}}
file_rules: [!<Rule> {{name: Default, colorspace: default}}]
displays: {{screen: [!<View> {{name: Raw, colorspace: raw}}]}}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace> {{name: raw, isdata: true}}
  - !<ColorSpace> {{name: light, isdata: false}}
  - !<ColorSpace>
    name: camlog
    isdata: false
    to_scene_reference: !<FileTransform> {{src: cam.spi1d, interpolation: linear}}
"""
RAMP = np.repeat(np.linspace(0, 1, 12, dtype=np.float32)[None, :, None], 3, axis=2)


def a_config(folder: Path, roles: str = "scene_linear: light", search_path: str = "luts") -> Path:
    """Whose camlog is a table that gives twice the code in `luts`, three times in `luts/b`."""
    for name, most in (("luts", 2.0), ("luts/b", 3.0)):
        (folder / name).mkdir(exist_ok=True)
        table = f"Version 1\nFrom 0 1\nLength 2\nComponents 1\n{{\n0\n{most}\n}}\n"
        (folder / name / "cam.spi1d").write_text(table)
    path = folder / "config.ocio"
    path.write_text(CONFIG.format(roles=roles, search_path=search_path))
    return path


def a_plate(folder: Path, pixels: NDArray[np.float32] = RAMP, kind: str = "half") -> str:
    suffix = "png" if kind.startswith("uint") else "exr"
    write_image(folder / f"hero.1001.{suffix}", pixels, kind)
    return str(folder / f"hero.####.{suffix}")


@pytest.mark.parametrize("text", [None, "", "no: [configuration"])
def test_one_that_does_not_load_is_an_error_where_it_would_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    path = tmp_path / "config.ocio"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("OCIO", str(path))
    with pytest.raises(UsageError, match=r"configuration of \$OCIO cannot be read: ") as error:
        open_plate(a_plate(tmp_path))
    assert str(error.value).count("config.ocio") == 1
    assert open_plate(a_plate(tmp_path), LINEAR).space.name == LINEAR  # your word needs none
    assert open_plate(a_plate(tmp_path, kind="uint8")).space.name == "sRGB"  # nor do 8 bits


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_one_that_is_no_file_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A pipe held every command up for ever, and one that never ends took all memory."""
    path = Path("/dev/null") if kind == "device" else tmp_path / "config.ocio"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    monkeypatch.setenv("OCIO", str(path))
    expected = "Is a directory" if kind == "folder" else f"it is a (named )?{kind}, not a file"
    with pytest.raises(UsageError, match=rf"\$OCIO cannot be read: {path}: {expected}: correct"):
        open_plate(a_plate(tmp_path))


def test_the_command_line_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    out = tmp_path / "seen.png"
    assert run("look", a_plate(tmp_path), "--frame", "1001", "--out", str(out)) == 2
    assert "correct $OCIO, or unset it" in refused(capsys)
    assert not out.exists()


def test_no_document_is_to_blame(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = write_image(tmp_path / "mask.png", RAMP[..., :1], "uint16")
    shot = tmp_path / "hero.shot.yaml"
    shot.write_text(
        f"schema: rde-roto.shot/1\nplate: {{path: {a_plate(tmp_path)}}}\n"
        f"keyframes: [{{frame: 1001, mask: {mask}}}]\n"
    )
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    for command in (("shot", "show"), ("shot", "render"), ("submit", "--inbox", tmp_path / "hot")):
        assert run(*command, shot) == 2
        assert refused(capsys).startswith("rde-roto: the colour configuration of $OCIO cannot be")


def test_the_role_for_interchange_leads_to_rec709(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_config(tmp_path, "scene_linear: light, aces_interchange: light")
    monkeypatch.setenv("OCIO", str(config))
    primaries = np.eye(3, dtype=np.float32)[None]
    plate = open_plate(a_plate(tmp_path, primaries, "float"), "camlog")
    assert (plate.linear_space, plate.notes) == (LINEAR, ())
    # ACES2065-1 to linear Rec.709 as the ACES configurations have it, twice for the table
    expected = [[2.5217, -1.1341, -0.3876], [-0.2765, 1.3727, -0.0962], [-0.0154, -0.153, 1.1684]]
    np.testing.assert_allclose(plate.linear(1001)[0], 2 * np.array(expected).T, atol=1e-3)


def test_scene_linear_stands_in_and_that_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCIO", str(a_config(tmp_path)))
    pattern = a_plate(tmp_path, kind="float")
    plate = open_plate(pattern, "camlog")
    np.testing.assert_allclose(plate.linear(1001), 2 * RAMP, atol=1e-6)
    assert plate.linear_space == linear_space("camlog") == "light"
    (note,) = plate.notes
    assert "has no linear Rec.709 (lin_rec709): its scene_linear, light, is used instead" in note
    command = ("look", pattern, "--frame", "1001", "--out", str(tmp_path / "seen.png"))
    assert run(*command, "--color-space", "camlog") == 0
    assert note in capsys.readouterr().out
    assert open_plate(pattern, LINEAR).notes == ()  # which is not asked of the configuration


def test_one_without_any_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(a_config(tmp_path, "reference: light")))
    lacks = r"no linear Rec\.709 \(lin_rec709\) .* roles aces_interchange and scene_linear"
    with pytest.raises(UsageError, match=lacks):
        open_plate(a_plate(tmp_path), "camlog")


@pytest.mark.parametrize("search_path", ["luts/$SHOW", "${HOUSE}/$SHOW", "[elsewhere, luts/$SHOW]"])
def test_variables_of_the_search_path_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search_path: str
) -> None:
    monkeypatch.setenv("OCIO", str(a_config(tmp_path, search_path=search_path)))
    monkeypatch.setenv("HOUSE", str(tmp_path / "luts"))
    monkeypatch.setenv("SHOW", "b")
    np.testing.assert_allclose(to_linear(RAMP, "camlog"), 3 * RAMP, atol=1e-6)


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(a_config(tmp_path, search_path="luts/$NOT_SET_HERE")))
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    with pytest.raises(UsageError, match=r"cam\.spi1d.* uses NOT_SET_HERE, which is not set"):
        to_linear(RAMP, "camlog")


def test_tables_and_variables_count_in_the_digest(tmp_path: Path) -> None:
    """In processes of their own: tables are read once in each, by OpenColorIO too."""
    config = a_config(tmp_path, search_path="[elsewhere, luts/$SHOW]")

    def name(show: str) -> str:
        command = (
            "from rde_roto.images.color.transforms import transform_name;"
            "print(transform_name('camlog'))"
        )
        environment = {**os.environ, "OCIO": str(config), "SHOW": show}
        done = subprocess.run(
            [sys.executable, "-c", command],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        return done.stdout

    plain, other = name("."), name("b")
    assert plain != other
    table = tmp_path / "luts/b/cam.spi1d"
    table.write_text(table.read_text().replace("3.0", "3.5"))
    assert name("b") not in (plain, other)
