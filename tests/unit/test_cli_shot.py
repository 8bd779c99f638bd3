"""``rde-roto shot`` on real files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import LICENCE, Run, box_mask, refused
from image_files import cut_short, read_image, write_parts
from numpy.typing import NDArray

from rde_roto.documents.shot_document import parse_shot_document
from rde_roto.values.errors import InputError

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def new(run: Run, plate: Path, mask: Path, weights: Path, tmp_path: Path) -> Run:
    """``rde-roto shot new`` into ``shots/hero.shot.yaml``, hero at 1003 unless keyframes come."""

    def new(*more: object, keyframes: tuple[str, ...] = (f"1003:hero={mask}",)) -> int:
        options = ["--model", weights, "--set", "tracking.lines=96"]
        for keyframe in keyframes:
            options += ["--keyframe", keyframe]
        return run("shot", "new", plate, *options, "--out", document(tmp_path), *more)

    return new


def document(tmp_path: Path) -> Path:
    return tmp_path / "shots/hero.shot.yaml"


def locked(tmp_path: Path) -> list[str]:
    """Names of all pinned files."""
    folder = tmp_path / "shots/hero.shot.d/locks"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def matte(tmp_path: Path, frame: int) -> NDArray[np.float32]:
    return read_image(tmp_path / f"shots/mattes/hero.{frame}.exr")[1]


def edit(tmp_path: Path, old: str, text: str) -> None:
    path = document(tmp_path)
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, text), encoding="utf-8")


# --- new ------------------------------------------------------------------------------------------


def test_a_new_document_says_everything(
    new: Run, mask: Path, weights: Path, tmp_path: Path
) -> None:
    car = box_mask(tmp_path / "car.png", 5)
    assert new(keyframes=(f"1001:hero={mask}", f"1004:car={car}")) == 0
    assert document(tmp_path).read_text(encoding="utf-8") == (
        "# A shot of rde-roto. Paths start at this file's folder.\n"
        "schema: rde-roto.shot/1\n"
        f"plate: {{path: {tmp_path}/plate/hero.####.exr}}\n"
        "range: 1001-1006\n"
        "elements:\n  - {id: hero}\n  - {id: car}\n"
        "keyframes:\n"
        f"  - {{frame: 1001, mask: {mask}, elements: [hero]}}\n"
        f"  - {{frame: 1004, mask: {car}, elements: [car]}}\n"
        "preset: standard\noverrides: {tracking.lines: 96}\n"
        f"model: {weights}\n"
    )


def test_a_mask_an_element_stays_a_line_each(new: Run, mask: Path, tmp_path: Path) -> None:
    car = box_mask(tmp_path / "car.png", 50)
    assert new(keyframes=(f"1001:hero={mask}", f"1001:car={car}")) == 0
    assert (
        "keyframes:\n"
        f"  - {{frame: 1001, mask: {mask}, elements: [hero]}}\n"
        f"  - {{frame: 1001, mask: {car}, elements: [car]}}\n"
    ) in document(tmp_path).read_text(encoding="utf-8")


def test_masks_that_overlap_are_refused_by_name_and_number(
    new: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    car = box_mask(tmp_path / "car.png", 5)
    assert new(keyframes=(f"1001:hero={mask}", f"1001:car={car}")) == InputError.exit_code
    said = capsys.readouterr().err
    assert "frame 1001: 'hero' and 'car' by 300 pixels" in said
    assert not document(tmp_path).exists()


def test_a_document_renders_what_propagate_renders(
    new: Run,
    run: Run,
    plate: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    keyframe = ("--keyframe", "1003:hero=mask.png")
    options = ("--model", weights, "--set", "tracking.lines=96")
    pattern = "plate/hero.####.exr"
    assert run("shot", "new", pattern, *keyframe, *options, "--out", document(tmp_path)) == 0
    text = document(tmp_path).read_text(encoding="utf-8")
    assert "{path: ../plate/hero.####.exr}" in text
    assert "mask: ../mask.png" in text
    monkeypatch.chdir(tmp_path / "plate")
    assert run("shot", "render", document(tmp_path), "--device", "cpu") == 0
    out = tmp_path / "straight/hero.####.exr"
    one = ("--keyframe", f"1003:hero={mask}", "--device", "cpu", "--out", out)
    assert run("propagate", plate, *one, *options) == 0
    for frame in range(1001, 1007):
        spec, pixels = read_image(tmp_path / f"straight/hero.{frame}.exr")
        by_document, same = read_image(tmp_path / f"shots/mattes/hero.{frame}.exr")
        np.testing.assert_array_equal(same, pixels)
        for key in ("rde-roto:digest", "rde-roto:tracking", "rde-roto:keyframes"):
            assert by_document.get_string_attribute(key) == spec.get_string_attribute(key)
        assert by_document.get_string_attribute("rde-roto:shot") == "hero.shot.yaml"
        assert spec.get_string_attribute("rde-roto:shot") == ""


def test_a_document_is_not_overwritten_by_accident(
    new: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    edit(tmp_path, "preset: standard", "preset: fine")
    assert new() == 2
    assert "--force" in refused(capsys)
    assert "preset: fine" in document(tmp_path).read_text(encoding="utf-8")
    assert new("--force") == 0
    assert "preset: standard" in document(tmp_path).read_text(encoding="utf-8")


def test_everything_is_checked_before_a_document_is_written(
    new: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(keyframes=(f"1003={tmp_path / 'gone.png'}",)) == 4
    assert "gone.png" in refused(capsys)
    assert new(keyframes=(f"1099={mask}",)) == 2
    assert "1099" in refused(capsys)
    assert new("--model", "rde-huge") == 5
    assert "rde-huge" in refused(capsys)
    assert new("--set", "tracking.line=96") == 2
    assert "did you mean 'lines'" in refused(capsys)
    assert new("--out", tmp_path / "hero.yaml") == 2
    assert ".shot.yaml" in refused(capsys)
    assert not document(tmp_path).parent.exists()


# --- show -----------------------------------------------------------------------------------------


def test_a_document_is_explained(
    new: Run, run: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    car = box_mask(tmp_path / "car.png", 5)
    assert new(keyframes=(f"1004:car={car}", f"1001:hero={mask}")) == 0
    capsys.readouterr()
    assert run("shot", "show", document(tmp_path)) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "hero.####.exr: R G B, upright, 80x48, lin_rec709 from its format" in lines
    assert "elements car from 1004" in lines
    assert "hero from 1001" in lines
    assert f"keyframes 1001 hero {mask}" in lines
    assert "stretches 1002-1003 forwards from 1001 and backwards from 1004" in lines
    assert "1005-1006 forwards from 1004" in lines
    assert "tracking.lines 96 (standard: 480)" in lines


def test_what_is_missing_is_told(
    new: Run, run: Run, plate: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    capsys.readouterr()
    mask.unlink()
    assert run("shot", "show", document(tmp_path)) == 4
    said = capsys.readouterr()
    assert "elements    hero" in said.out
    assert f"the mask of frame 1003, {mask}, does not exist" in said.err
    box_mask(mask, 20)
    (plate.parent / "hero.1002.exr").unlink()
    assert run("shot", "show", document(tmp_path)) == 4
    assert "lacks requested frames: 1002" in refused(capsys)


def test_a_document_is_explained_without_torch(new: Run, tmp_path: Path) -> None:
    assert new() == 0
    program = (
        "import sys; from rde_roto.doors import cli\n"
        f"sys.argv = ['rde-roto', 'shot', 'show', {str(document(tmp_path))!r}]\n"
        "try: cli.main()\nexcept SystemExit as ended: assert not ended.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_document_names_its_view_and_layer(
    new: Run, run: Run, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rgb = ("R", "G", "B")
    for path in plate.parent.iterdir():
        picture = read_image(path)[1]
        upside_down = picture[::-1]
        write_parts(path, ("rgb", "left", rgb, picture), ("key", "right", rgb, upside_down))
    assert new("--view", "middle") == 4
    assert "has no view 'middle': it has left, right" in refused(capsys)
    assert new("--view", "right", "--layer", "rgb") == 4
    assert "has no layer 'rgb': it has key" in refused(capsys)
    assert new("--view", "right", "--layer", "key") == 0
    says = parse_shot_document(document(tmp_path), document(tmp_path).read_text("utf-8")).value
    assert (says.plate.view, says.plate.layer) == ("right", "key")
    assert run("shot", "render", document(tmp_path), "--frames", "1004") == 0
    right = matte(tmp_path, 1004)
    edit(tmp_path, ", view: right, layer: key", "")
    assert run("shot", "render", document(tmp_path), "--frames", "1004") == 0
    assert not np.array_equal(matte(tmp_path, 1004), right)


def test_a_document_keeps_the_artists_colour_space(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Per-shot override; the artist's choice wins and is saved" (conventions, Image)."""
    assert new("--color-space", "ACEScct") == 0
    assert "color_space: ACEScct" in document(tmp_path).read_text("utf-8")
    capsys.readouterr()
    assert run("shot", "show", document(tmp_path)) == 0
    assert "ACEScct from you" in capsys.readouterr().out


# --- render ---------------------------------------------------------------------------------------


def test_some_frames_are_rendered_with_the_same_pixels(new: Run, run: Run, tmp_path: Path) -> None:
    assert new() == 0
    assert run("shot", "render", document(tmp_path), "--frames", "1005") == 0
    alone = (tmp_path / "shots/mattes/hero.1005.exr").read_bytes()
    out = tmp_path / "all/hero.####.exr"
    assert run("shot", "render", document(tmp_path), "--out", out) == 0
    assert (tmp_path / "all/hero.1005.exr").read_bytes() == alone
    assert len(list((tmp_path / "all").iterdir())) == 6


def test_what_render_refuses(
    new: Run, run: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(keyframes=(f"1003={mask}",)) == 0
    capsys.readouterr()
    assert run("shot", "render", document(tmp_path), "--frames", "1005-1010") == 2
    assert "1007-1010 lies outside the shot's range 1001-1006" in refused(capsys)
    assert run("shot", "render", document(tmp_path), "--frames", "some") == 2
    assert "is not a frame range" in refused(capsys)
    assert run("shot", "render", tmp_path / "gone.shot.yaml") == 3
    assert "gone.shot.yaml" in refused(capsys)
    edit(tmp_path, "tracking.lines: 96", "tracking.line: 96")
    assert run("shot", "render", document(tmp_path)) == 3
    assert "hero.shot.yaml:10: unknown key 'line' in tracking" in refused(capsys)


# --- lock and unlock ------------------------------------------------------------------------------


def test_locked_frames_stay_until_they_are_unlocked(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    shot = document(tmp_path)
    assert run("shot", "render", shot) == 0
    before = {frame: matte(tmp_path, frame) for frame in (1004, 1005, 1006)}
    assert run("shot", "lock", shot, "--frames", "1005-1006") == 0
    edit(tmp_path, "range:", "# we are quick\nrange:")
    edit(tmp_path, "overrides: {", "overrides: {finish.gain: 0.5, ")
    assert run("shot", "render", shot) == 0
    assert np.abs(matte(tmp_path, 1004) - before[1004]).max() > 0.05
    for frame in (1005, 1006):
        np.testing.assert_array_equal(matte(tmp_path, frame), before[frame])
    assert run("shot", "unlock", shot, "--frames", "1006") == 0
    assert run("shot", "render", shot, "--frames", "1005-1006") == 0
    np.testing.assert_array_equal(matte(tmp_path, 1005), before[1005])
    assert np.abs(matte(tmp_path, 1006) - before[1006]).max() > 0.05
    assert "# we are quick" in shot.read_text(encoding="utf-8")
    assert len(locked(tmp_path)) == 2
    capsys.readouterr()
    assert run("shot", "unlock", shot, "--frames", "1006") == 0
    assert "nothing is locked at 1006" in capsys.readouterr().out


def test_lock_reports_in_the_form_of_the_variable(
    new: Run,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert new() == 0
    lock = ("shot", "lock", document(tmp_path), "--frames", "1005")
    capsys.readouterr()
    monkeypatch.setenv("RDE_ROTO_PROGRESS", "json")
    assert run(*lock) == 0
    *_, done = map(json.loads, capsys.readouterr().out.splitlines())
    assert (done["event"], done["frames"]) == ("done", "1005")
    monkeypatch.setenv("RDE_ROTO_PROGRESS", "openjd")
    assert run(*lock) == 0
    assert "openjd_status: 1005 is locked already" in capsys.readouterr().out
    assert run("shot", "lock", tmp_path / "no.shot.yaml", "--frames", "1005") == 3
    assert capsys.readouterr().err.startswith("openjd_fail: ")
    monkeypatch.setenv("RDE_ROTO_PROGRESS", "loud")
    assert run(*lock) == 2
    assert "RDE_ROTO_PROGRESS=loud: expected auto, bar" in capsys.readouterr().err


def test_pinned_files_are_written_once(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    shot = document(tmp_path)
    assert run("shot", "lock", shot, "--frames", "1005") == 0
    (first,) = locked(tmp_path)
    file = tmp_path / "shots/hero.shot.d/locks" / first
    content, stamp = file.read_bytes(), file.stat().st_mtime_ns
    capsys.readouterr()
    assert run("shot", "lock", shot, "--frames", "1005") == 0
    assert "1005 is locked already" in capsys.readouterr().out
    for gain in ("1", "0.5"):
        assert run("shot", "unlock", shot, "--frames", "1005") == 0
        edit(tmp_path, "overrides: {", f"overrides: {{finish.gain: {gain}, ")
        assert run("shot", "lock", shot, "--frames", "1005") == 0
        edit(tmp_path, f"finish.gain: {gain}, ", "")
    assert len(locked(tmp_path)) == 2
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (content, stamp)


def test_a_shot_of_proxies_takes_full_masks_and_locks_nothing(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "The same shot asked at half size" (conventions, Image): what is approved is not half."""
    large = box_mask(tmp_path / "large.png", 20, factor=2)
    assert new("--proxy", 2, keyframes=(f"1003:hero={large}",)) == 0
    assert "proxy: 2" in document(tmp_path).read_text(encoding="utf-8")
    assert run("shot", "lock", document(tmp_path), "--frames", "1003") == 2
    assert "is a proxy: lock frames of the full plate" in refused(capsys)
    assert run("shot", "render", document(tmp_path), "--frames", "1003", "--device", "cpu") == 0
    expected = read_image(box_mask(tmp_path / "small.png", 20))[1]
    np.testing.assert_allclose(matte(tmp_path, 1003), expected, atol=2**-11)


def test_elements_are_locked_one_by_one(
    new: Run, run: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    car = box_mask(tmp_path / "car.png", 5)
    assert new(keyframes=(f"1001:hero={mask}", f"1002:car={car}")) == 0
    shot = document(tmp_path)
    assert run("shot", "lock", shot, "--frames", "1004-1006", "--elements", "hero") == 0
    assert run("shot", "lock", shot, "--frames", "1005", "--elements", "car") == 0
    says = parse_shot_document(shot, shot.read_text(encoding="utf-8")).value
    assert [(str(lock.frames), lock.elements) for lock in says.locks] == [
        ("1004,1006", ["hero"]),
        ("1005", ["hero", "car"]),
    ]
    capsys.readouterr()
    assert run("shot", "lock", shot, "--frames", "1005", "--elements", "dog") == 2
    assert "the shot's are hero, car" in refused(capsys)
    assert run("shot", "show", shot) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("locks 1004,1006 hero hero.shot.d/locks/") for line in lines)


def test_pinned_files_are_inputs(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    shot = document(tmp_path)
    assert run("shot", "lock", shot, "--frames", "1005") == 0
    (name,) = locked(tmp_path)
    file = tmp_path / "shots/hero.shot.d/locks" / name
    content = file.read_bytes()
    capsys.readouterr()
    pattern = str(file).replace("1005", "####")
    assert run("shot", "render", shot, "--out", pattern) == 2
    assert f"would overwrite its own input {file}" in refused(capsys)
    assert file.read_bytes() == content
    cut_short(file, 0.9)
    assert run("shot", "render", shot) == 4
    assert f"frame 1005 is locked, but {file} is damaged" in refused(capsys)
    file.unlink()
    assert run("shot", "render", shot) == 4
    assert f"frame 1005 is locked, but {file} does not exist" in refused(capsys)
    assert run("shot", "unlock", shot, "--frames", "1005") == 0
    assert run("shot", "render", shot) == 0


def test_the_licence_is_said_once_when_a_document_is_rendered(
    new: Run, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    assert LICENCE not in capsys.readouterr().err
    assert run("shot", "render", document(tmp_path), "--frames", "1003") == 0
    said = capsys.readouterr()
    assert said.err.splitlines().count(f"rde-roto: weights {LICENCE}") == 1
    assert LICENCE not in said.out
