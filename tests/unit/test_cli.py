"""The command line on real files: what it writes, and what it says and returns to bad input."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from command_line import (
    HEIGHT,
    LICENCE,
    WIDTH,
    Run,
    box_mask,
    mattes,
    parse,
    refused,
    said_besides,
)
from cryptomatte_reader import read_cryptomatte
from image_files import cut_short, ramp, read_image, write_image
from PIL import Image
from safetensors.torch import load_file

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.doors import cli
from rde_roto.doors.command_table import COMMANDS, EXAMPLES
from rde_roto.doors.progress import RunReport, Step
from rde_roto.model.weight_files import save_weights

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def propagate(run: Run, plate: Path, mask: Path, weights: Path, tmp_path: Path) -> Run:
    """``rde-roto propagate`` with everything it needs; options given again take their place."""

    def propagate(**options: object) -> int:
        defaults = {
            "keyframe": f"1003={mask}",
            "out": tmp_path / "mattes/hero.####.exr",
            "model": weights,
            "device": "cpu",
            "set": "tracking.lines=96",
        }
        source = options.pop("plate", plate)
        given = {key.replace("_", "-"): value for key, value in {**defaults, **options}.items()}
        pairs = [
            part
            for key, value in given.items()
            for one in (value if isinstance(value, tuple) else (value,))
            for part in ([f"--{key}"] if one is True else [f"--{key}", one])
        ]
        return run("propagate", source, *pairs)

    return propagate


# --- what it writes -------------------------------------------------------------------------------


def test_every_frame_gets_its_matte_under_its_own_number(propagate: Run, tmp_path: Path) -> None:
    """ "No renumbering from 0" (conventions, Frames)."""
    assert propagate() == 0
    assert mattes(tmp_path) == [f"hero.{frame}.exr" for frame in range(1001, 1007)]
    spec, pixels = read_image(tmp_path / "mattes/hero.1002.exr")
    assert spec.channelnames == ("A",)
    assert str(spec.format) == "half"
    assert pixels.shape == (HEIGHT, WIDTH, 1)
    assert spec.get_string_attribute("rde-roto:model") == "random"
    assert spec.get_string_attribute("rde-roto:weights-licence") == "CC0"
    assert spec.get_string_attribute("rde-roto:commercial-use") == "allowed"
    assert len(spec.get_string_attribute("rde-roto:weights-sha256")) == 64
    assert spec.get_string_attribute("rde-roto:keyframes") == "1003"


def test_nothing_is_written_beside_the_plate(
    propagate: Run, plate: Path, mask: Path, tmp_path: Path
) -> None:
    """ "Nothing is written beside the plate unless asked" (conventions, Frames)."""

    def files() -> dict[Path, tuple[int, bytes]]:
        inputs = (*plate.parent.rglob("*"), mask)
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in inputs}

    before = files()
    assert propagate() == 0
    assert files() == before
    assert {path.name for path in tmp_path.iterdir()} == {"plate", mask.name, "mattes", "home"}


def test_the_keyframe_comes_back_as_drawn(propagate: Run, mask: Path, tmp_path: Path) -> None:
    """ "Float 0..1, soft edge kept, no 8-bit step anywhere on the way" (conventions, Image)."""
    assert propagate() == 0
    _, drawn = read_image(mask)
    _, came = read_image(tmp_path / "mattes/hero.1003.exr")
    np.testing.assert_array_equal(came, drawn.astype(np.float16).astype(np.float32))


PERCENT = (16, 33, 50, 66, 83, 100)


def test_plain_lines_where_there_is_no_terminal(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate() == 0
    title, *frames, made = capsys.readouterr().out.splitlines()
    assert title == "hero.####.exr: 6 frames"
    assert [line.rpartition(" ")[2] for line in frames] == [f"({done}%)" for done in PERCENT]
    assert f"frame 1003: wrote {tmp_path / 'mattes/hero.1003.exr'} (16%)" in frames
    assert made.startswith("6 mattes made, 0 kept, ")


@pytest.mark.parametrize("how", ["option", "variable"])
def test_lines_for_deadline(
    propagate: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    if how == "variable":
        monkeypatch.setenv("RDE_ROTO_PROGRESS", "deadline")
    assert propagate(**({"progress": "deadline"} if how == "option" else {})) == 0
    title, *lines, made = capsys.readouterr().out.splitlines()
    assert title == "hero.####.exr: 6 frames"
    assert lines == [f"Progress: {done}%" for done in PERCENT]
    assert made.startswith("6 mattes made")


@pytest.mark.parametrize("how", ["option", "session"])
def test_lines_for_openjd(
    propagate: Run,
    plate: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    if how == "session":
        monkeypatch.setenv("OPENJD_SESSION_WORKING_DIR", "/sessions/1")
    chosen = {"progress": "openjd"} if how == "option" else {}
    assert propagate(**chosen) == 0
    title, *lines, made = capsys.readouterr().out.splitlines()
    assert title == "openjd_status: hero.####.exr: 6 frames"
    shares = (16.7, 33.3, 50.0, 66.7, 83.3, 100.0)
    assert lines == [f"openjd_progress: {share}" for share in shares]
    assert made.startswith("openjd_status: 6 mattes made, 0 kept, ")
    (plate.parent / "hero.1005.exr").unlink()
    assert propagate(**chosen) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("openjd_fail: ")
    assert said.err.count("lacks 1005") == 1


def test_no_progress(propagate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(progress="none") == 0
    (made,) = capsys.readouterr().out.splitlines()
    assert made.startswith("6 mattes made")
    assert propagate(progress="plain", json=True) == 2
    assert "--json and --progress plain are two forms: give one" in refused(capsys)


def test_json_comes_before_the_form_of_the_variable(
    propagate: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A farm sets the variable for all commands; a script asks for JSON."""
    monkeypatch.setenv("RDE_ROTO_PROGRESS", "deadline")
    assert propagate(json=True) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["event"] == "done"
    assert propagate(json=True, progress="plain") == 2


def test_each_frame_is_told_of_once_in_two_passes(
    propagate: Run, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate(keyframe=(f"1001={mask}", f"1006={mask}")) == 0
    lines = capsys.readouterr().out.splitlines()[1:-1]
    told = [line.partition(" (")[0] for line in lines]
    assert len([line for line in told if line.startswith("frame ")]) == 6
    assert len(set(told)) < len(told), "the other pass has lines of its own"
    assert "tracking, 2 of 6 finished" in told
    assert [line.endswith("(100%)") for line in lines] == [False] * (len(lines) - 1) + [True]


def test_a_line_when_the_percentage_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with RunReport("plain").steps("hero", "400 frames") as on_step:
        for done in range(1, 401):
            on_step(Step(done / 400, f"frame {done}", "", {}))
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "hero: 400 frames"
    assert lines == [f"frame {4 * percent} ({percent}%)" for percent in range(1, 101)]


def test_json_lines(propagate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(json=True) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["frame"] for event in events[:-1]} == set(range(1001, 1007))
    assert events[-1]["event"] == "done"
    assert (events[-1]["made"], events[-1]["kept"]) == (6, 0)


def test_running_again_keeps_what_is_there_and_replaces_what_is_not(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate() == 0
    folder = tmp_path / "mattes"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    stamps = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "hero.1005.exr").unlink()
    cut_short(folder / "hero.1001.exr")
    write_image(folder / "hero.1006.exr", np.zeros((HEIGHT, WIDTH, 1)), channels=("A",))
    capsys.readouterr()
    assert propagate() == 0
    said = capsys.readouterr().out
    assert {f for f in range(1001, 1007) if f"frame {f}: wrote" in said} == {1001, 1005, 1006}
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after == before
    untouched = {"hero.1002.exr", "hero.1003.exr", "hero.1004.exr"}
    assert {n for n in stamps if (folder / n).stat().st_mtime_ns == stamps[n]} == untouched


def test_other_settings_replace_the_mattes(propagate: Run, tmp_path: Path) -> None:
    assert propagate() == 0
    before = (tmp_path / "mattes/hero.1004.exr").read_bytes()
    assert propagate(set="finish.feather_px=4") == 0
    assert (tmp_path / "mattes/hero.1004.exr").read_bytes() != before


def test_several_elements_by_name(propagate: Run, tmp_path: Path) -> None:
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    labels[5:20, 5:30], labels[25:40, 40:70] = 1, 2
    image = Image.fromarray(labels).convert("P")
    image.save(tmp_path / "labels.png")
    assert propagate(keyframe=f"1003={tmp_path / 'labels.png'}", elements="hero,car") == 0
    spec, _ = read_image(tmp_path / "mattes/hero.1004.exr")
    assert set(spec.channelnames) == {"hero.A", "car.A"}


def test_several_keyframes_introduce_and_correct_elements(
    propagate: Run, mask: Path, tmp_path: Path
) -> None:
    car = box_mask(tmp_path / "car.png", 5)
    moved = box_mask(tmp_path / "moved.png", 40)
    keyframes = (f"1001:hero={mask}", f"1004:car={car}", f"1006:hero={moved}")
    assert propagate(keyframe=keyframes) == 0
    _, first = read_image(tmp_path / "mattes/hero.1001.exr")
    spec, before = read_image(tmp_path / "mattes/hero.1003.exr")
    _, there = read_image(tmp_path / "mattes/hero.1004.exr")
    _, last = read_image(tmp_path / "mattes/hero.1006.exr")
    hero, car_place = (spec.channelnames.index(name) for name in ("hero.A", "car.A"))
    assert spec.get_string_attribute("rde-roto:keyframes") == "1001,1004,1006"
    np.testing.assert_allclose(first[..., hero], read_image(mask)[1][..., 0], atol=2**-11)
    np.testing.assert_allclose(last[..., hero], read_image(moved)[1][..., 0], atol=2**-11)
    np.testing.assert_allclose(there[..., car_place], read_image(car)[1][..., 0], atol=2**-11)
    assert not before[..., car_place].any()


def test_a_mask_with_the_number_of_another_frame_is_asked_about(
    propagate: Run, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("1004", "1003", "2003", "v004"):
        named = mask.with_name(f"mask.{number}.png")
        shutil.copy(mask, named)
        assert propagate(keyframe=f"1003={named}", frames="1003") == 0
        notes = [line for line in said_besides(capsys) if LICENCE not in line]
        asked = f"rde-roto: the keyframe at frame 1003 has the mask {named}: is that right?"
        assert notes == ([asked] if number == "1004" else [])


def test_keyframes_that_name_nothing_draw_the_elements_of_the_shot(
    propagate: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = box_mask(tmp_path / "other.png", 40)
    assert propagate(keyframe=(f"1006={other}", f"1001={mask}"), frames="1001,1006") == 0
    _, last = read_image(tmp_path / "mattes/hero.1006.exr")
    np.testing.assert_allclose(last, read_image(other)[1], atol=2**-11)
    assert propagate(keyframe=(f"1001={mask}", f"1006={other}"), elements="hero,car") == 2
    assert "mask.png holds 1 element, expected 2: hero, car" in refused(capsys)
    assert propagate(keyframe=(f"1001={mask}", f"1001={other}")) == 2
    assert "frame 1001 has 2 masks, and more than one draws" in refused(capsys)


def test_the_format_of_the_command_line_comes_before_the_presets(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mattes/hero.####.exr"
    path = tmp_path / "mattes/hero.1003.exr"
    preset = ("tracking.lines=96", "output.format=cryptomatte")
    assert propagate(out=out, set=preset, elements="héro") == 0
    cryptomatte = read_cryptomatte(path).matte("hero")
    assert propagate(out=out, set=preset, format="alpha") == 0
    spec, pixels = read_image(path)
    assert spec.channelnames == ("A",)
    assert np.abs(pixels[..., 0] - cryptomatte).max() <= 2**-12  # half a step of half floats
    assert propagate(out=out, format="rgba") == 0
    spec, cut = read_image(path)
    assert set(spec.channelnames) == set("RGBA")
    assert np.array_equal(cut[..., spec.channelnames.index("A")], pixels[..., 0])


def test_a_format_that_there_is_not_is_refused_with_those_that_are(
    propagate: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate(format="tiff") == 2
    assert "'cryptomatte', 'rgba', 'labels'" in " ".join(capsys.readouterr().err.split())


def test_labels_and_png(propagate: Run, tmp_path: Path) -> None:
    assert propagate(out=tmp_path / "mattes/hero.%04d.png", format="labels") == 0
    with Image.open(tmp_path / "mattes/hero.1003.png") as image:
        assert image.mode == "P"
        assert set(np.unique(np.asarray(image))) == {0, 1}
        assert image.info["rde-roto:weights-licence"] == "CC0"
        assert image.info["rde-roto:commercial-use"] == "allowed"
    assert propagate(out=tmp_path / "mattes/deep.####.png") == 0
    spec, _ = read_image(tmp_path / "mattes/deep.1003.png")
    assert str(spec.format) == "uint16"
    assert spec.nchannels == 1
    assert spec.get_string_attribute("rde-roto:weights-licence") == "CC0"
    assert spec.get_string_attribute("rde-roto:commercial-use") == "allowed"


def test_a_part_of_the_range(propagate: Run, tmp_path: Path) -> None:
    assert propagate(frames="1002-1004") == 0
    assert mattes(tmp_path) == [f"hero.{frame}.exr" for frame in (1002, 1003, 1004)]


# --- the licence of the weights -------------------------------------------------------------------


def test_the_licence_is_said_once_a_run(
    propagate: Run, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        assert propagate(out=tmp_path / f"mattes{number}/hero.####.exr", frames="1003") == 0
        said = capsys.readouterr()
        assert said.err.splitlines().count(f"rde-roto: weights {LICENCE}") == 1
        assert LICENCE not in said.out
    other = tmp_path / "other.safetensors"  # the licence is that of these bytes, not of a name
    bias = torch.ones(128)
    save_weights({**load_file(weights), "key_comp.bias": bias}, other)
    assert propagate(model=other, frames="1003") == 0
    assert said_besides(capsys) == ["rde-roto: weights other: unknown; commercial use: unknown"]


# --- bad input ------------------------------------------------------------------------------------


def test_missing_frames(
    propagate: Run, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plate.parent / "hero.1005.exr").unlink()
    assert propagate(frames="1001-1006") == 4
    assert "1005" in refused(capsys)
    assert mattes(tmp_path) == []


def test_a_hole_in_the_plate(
    propagate: Run, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plate.parent / "hero.1002.exr").unlink()
    assert propagate() == 4
    assert "lacks 1002" in refused(capsys)
    assert mattes(tmp_path) == []
    # 1002 stands between two memory frames of 1003, so nothing else depends on it
    assert propagate(frames="1001,1003-1006") == 0
    assert len(mattes(tmp_path)) == 5


def test_no_plate(propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(plate=tmp_path / "none/hero.####.exr") == 4
    assert "none" in refused(capsys)


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_truncated_plate(
    propagate: Run, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], part: float
) -> None:
    cut_short(plate.parent / "hero.1005.exr", part)
    assert propagate() == 4
    assert "hero.1005.exr" in refused(capsys)
    # what came before it is whole and stays; nothing half-done is left
    assert mattes(tmp_path) == ["hero.1003.exr"]


def test_a_plate_that_changes_size(
    propagate: Run, plate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(plate.parent / "hero.1006.exr", ramp(HEIGHT // 2, WIDTH))
    assert propagate() == 4
    sentence = refused(capsys)
    assert "1006" in sentence
    assert "80x48" in sentence
    assert "80x24" in sentence


def test_a_mask_of_another_size(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "small.png", np.ones((10, 20, 1)), "uint8")
    assert propagate(keyframe=f"1003={tmp_path / 'small.png'}") == 4
    sentence = refused(capsys)
    assert "20x10" in sentence
    assert "80x48" in sentence


def test_an_empty_mask(propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "empty.png", np.zeros((HEIGHT, WIDTH, 1)), "uint8")
    assert propagate(keyframe=f"1003={tmp_path / 'empty.png'}") == 4
    assert "empty" in refused(capsys)


def test_no_mask(propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(keyframe=f"1003={tmp_path / 'nowhere.png'}") == 4
    assert "nowhere.png" in refused(capsys)


@pytest.mark.parametrize("keyframe", ["999", "abc=mask.png", "=", "1003=", ":hero=mask.png"])
def test_a_keyframe_that_is_none(
    propagate: Run, capsys: pytest.CaptureFixture[str], keyframe: str
) -> None:
    assert propagate(keyframe=keyframe) == 2
    assert "FRAME=MASK" in refused(capsys)


def test_a_keyframe_outside_the_range(
    propagate: Run, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate(keyframe=f"1099={mask}") == 2
    sentence = refused(capsys)
    assert "1099" in sentence
    assert "1001-1006" in sentence


def test_an_unknown_preset_key(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("tracking:\n  memory_evry: 4\n", encoding="utf-8")
    assert propagate(preset=preset) == 3
    sentence = refused(capsys)
    assert "mine.yaml:2" in sentence
    assert "memory_every" in sentence
    assert propagate(set="tracking.memory_evry=4") == 2
    assert "memory_every" in refused(capsys)


def test_damaged_weights(
    propagate: Run, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".safetensors", ".yaml"):
        shutil.copy(weights.with_suffix(suffix), tmp_path / f"mine{suffix}")
    damaged = bytearray(weights.read_bytes())
    damaged[-100] ^= 1
    (tmp_path / "mine.safetensors").write_bytes(damaged)
    assert propagate(model=tmp_path / "mine.safetensors") == 5
    assert "sha256" in refused(capsys)
    cut_short(tmp_path / "mine.safetensors")
    (tmp_path / "mine.yaml").unlink()
    assert propagate(model=tmp_path / "mine.safetensors") == 5
    assert "mine.safetensors" in refused(capsys)
    assert mattes(tmp_path) == []


def test_unknown_model_and_device(propagate: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert propagate(model="rde-huge") == 5
    assert "rde-huge" in refused(capsys)
    assert propagate(device="abacus") == 2
    assert "abacus" in refused(capsys)


def test_an_output_folder_that_cannot_be_written(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    assert propagate(out=tmp_path / "file/hero.####.exr") == 2
    assert "file" in refused(capsys)


@pytest.mark.parametrize("out", ["hero.exr", "hero.####.jpg", "hero.####.####.exr"])
def test_an_output_pattern_that_is_none(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert propagate(out=tmp_path / out) == 2
    assert out.split(".")[0] in refused(capsys)


def test_inputs_are_never_overwritten(
    propagate: Run, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Inputs are read-only" (conventions, Frames)."""
    before = (plate.parent / "hero.1002.exr").read_bytes()
    assert propagate(out=plate) == 2
    assert "input" in refused(capsys)
    assert (plate.parent / "hero.1002.exr").read_bytes() == before
    alpha = np.ones((HEIGHT, WIDTH, 1))
    mask = write_image(tmp_path / "roto.1003.exr", alpha, channels=("A",))
    assert propagate(keyframe=f"1003={mask}", out=tmp_path / "roto.####.exr") == 2
    assert "roto.1003.exr" in refused(capsys)
    # the second element's file of a frame is a mask, too
    hidden = write_image(tmp_path / "roto.car.1006.png", alpha, "uint8")
    keyframes = (f"1003:hero={mask}", f"1006:car={hidden}")
    assert propagate(keyframe=keyframes, out=tmp_path / "roto.####.png") == 2
    assert "roto.car.1006.png" in refused(capsys)


def test_a_full_disk(propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real file system of 16 kB, which holds a few of the mattes."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        code = propagate(out=small / "hero.####.exr")
        left = sorted(path.name for path in small.iterdir())
        whole = [read_image(small / name)[1].shape for name in left]
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert code == 7
    sentence = refused(capsys)
    assert "not delivered: " in sentence
    assert "MB left" in sentence
    assert 0 < len(left) < 6
    assert all(name.startswith("hero.") for name in left)
    assert set(whole) == {(HEIGHT, WIDTH, 1)}


def test_bad_arguments_of_the_command_line(run: Run) -> None:
    assert run("propagate") == 2
    assert run("no-such-command") == 2
    assert run("propagate", "plate", "--no-such-option") == 2


@pytest.mark.parametrize("word", ["", "--openjd="])
def test_a_variable_that_is_not_set_is_not_the_current_folder(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    word: str,
) -> None:
    """It was: a farm job went where the script happened to be."""
    monkeypatch.chdir(tmp_path)
    assert run("submit", "hero.shot.yaml", "--openjd", word) == 2
    shown = word or "argument 4"
    sentence = f"rde-roto: {shown} is empty: is a variable of a script not set?\n"
    assert capsys.readouterr().err == sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted")
def test_a_current_folder_that_is_deleted_is_a_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MKL would end the process at its first product, with an exit code of its own."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run("shot", "render", tmp_path / "hero.shot.yaml") == 2
    assert "the current folder has been deleted: change to" in capsys.readouterr().err


# --- eval -----------------------------------------------------------------------------------------


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """Two sequences laid out as DAVIS is, `left` and `right`: five frames of a box that drifts."""
    noise = np.random.default_rng(0).integers(0, 64, (HEIGHT, WIDTH, 3), np.uint8)
    for name, step in (("left", -2), ("right", 2)):
        pictures, masks = tmp_path / "JPEGImages" / name, tmp_path / "Annotations" / name
        pictures.mkdir(parents=True)
        masks.mkdir(parents=True)
        for frame in range(5):
            box = np.zeros((HEIGHT, WIDTH), bool)
            box[10:30, 30 + step * frame : 50 + step * frame] = True
            Image.fromarray(noise + 128 * box[..., None].astype(np.uint8)).save(
                pictures / f"{frame:05d}.jpg", quality=95
            )
            Image.fromarray(box).save(masks / f"{frame:05d}.png")
    return tmp_path


@pytest.fixture
def evaluate(run: Run, davis: Path, weights: Path, tmp_path: Path) -> Callable[..., Any]:
    """``rde-roto eval`` with more arguments; the figures it wrote as JSON."""

    def evaluate(*arguments: object) -> Any:
        more = ("--model", weights, "--device", "cpu", "--json", tmp_path / "figures.json")
        assert run("eval", davis, *more, "--set", "tracking.lines=96", *arguments) == 0
        return json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))

    return evaluate


def numbers(line: str) -> list[float]:
    """Those behind a row's name."""
    return [float(word.replace(",", "")) for word in line.split()[1:]]


def test_sequences_are_scored(
    evaluate: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate()
    head, left, right, mean = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "sequence"
    assert all(len(line) <= 100 for line in (head, left, right))
    for line, name in ((left, "left"), (right, "right")):
        expected = figures["sequences"][name]
        assert line.startswith(f"{name} ")
        scores, tenths, speed = numbers(line)[:3], numbers(line)[3:-1], numbers(line)[-1]
        assert scores == pytest.approx([expected[key] for key in ("J&F", "J", "F")], abs=6e-4)
        assert tenths == pytest.approx([100 * j for j in expected["J by tenth"]], abs=0.51)
        assert speed == pytest.approx(expected["frames per second"], abs=6e-3)
        assert (len(tenths), len(expected["J by quarter"])) == (10, 4)
        assert "J of the last lap" not in expected
    assert numbers(mean) == pytest.approx(
        [figures["mean"][key] for key in ("J&F", "J", "F")], abs=6e-4
    )
    assert figures["model"] == "random"
    assert figures["tracking"]["lines"] == 96


def test_a_sequence_by_name_leaves_its_label_images(
    evaluate: Callable[..., Any], tmp_path: Path
) -> None:
    assert list(evaluate("--sequences", "right", "--out", tmp_path / "out")["sequences"]) == [
        "right"
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["right"]
    assert len(list((tmp_path / "out/right").iterdir())) == 5


def test_a_long_run_of_short_sequences(
    evaluate: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate("--play", 4, "--set", "tracking.memory_every=2")
    head, left, *_ = capsys.readouterr().out.splitlines()
    assert max(len(head), len(left)) <= 100
    expected = figures["sequences"]["left"]
    laps = [expected["J of the first lap"], expected["J of the last lap"]]
    assert numbers(left)[-3:-1] == pytest.approx(laps, abs=6e-4)
    assert expected["memory updates"] == 4


def test_a_table_of_settings(
    evaluate: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate("--ablate", "theta", "--out", tmp_path / "out")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[-2:] == ["left", "right"]
    assert [row.split()[0] for row in rows] == [f"theta={theta}" for theta in (2, 3, 4, 5)]
    for row, (name, expected) in zip(rows, figures["ablation"].items(), strict=True):
        assert name == f"theta={expected['tracking']['memory_every']}"
        of_each = [sequence["J&F"] for sequence in expected["sequences"].values()]
        mean = [expected["mean"][key] for key in ("J&F", "J", "F")]
        speed, size = expected["frames per second"], expected["peak state bytes"]
        assert numbers(row)[:3] == pytest.approx(mean, abs=6e-4)
        assert numbers(row)[3:5] == [pytest.approx(speed, abs=6e-3), size]
        assert numbers(row)[5:] == pytest.approx(of_each, abs=6e-4)
    folders = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.glob("out/*/*"))
    assert folders == [
        Path(f"theta={t}/{name}") for t in (2, 3, 4, 5) for name in ("left", "right")
    ]


def test_what_eval_refuses(run: Run, davis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", davis, "--ablate", "bank,lines") == 2
    assert "'lines' cannot be varied" in refused(capsys)
    assert run("eval", davis, "--play", 0) == 2
    capsys.readouterr()
    assert run("eval", davis / "Annotations") == 4
    assert "JPEGImages" in refused(capsys)


# --- the other commands ---------------------------------------------------------------------------


def test_presets_are_listed_shown_and_checked(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("preset", "list") == 0
    assert {"draft", "standard", "fine"} <= set(capsys.readouterr().out.split())
    assert run("preset", "show", "draft") == 0
    shown = tmp_path / "again.yaml"
    shown.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("preset", "check", shown) == 0
    capsys.readouterr()
    assert run("preset", "schema") == 0
    assert "tracking" in json.loads(capsys.readouterr().out)["properties"]


def test_a_preset_of_ones_own_starts_from_another(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("preset", "new", "crowd", "--from", "fine") == 0
    path = home / "config/rde-roto/presets/crowd.yaml"
    assert f"wrote {path}" in capsys.readouterr().out
    ours, fine = load_preset("crowd"), load_preset("fine")
    assert ours.tracking == fine.tracking
    assert ours.finish == fine.finish
    text = path.read_text(encoding="utf-8")
    lines = fine.tracking.lines
    changed = text.replace("# tracking:", "tracking:").replace(
        f"#   lines: {lines}", "  lines: 360"
    )
    path.write_text(changed, encoding="utf-8")
    assert load_preset("crowd").tracking == fine.tracking.model_copy(update={"lines": 360})
    assert run("preset", "new", "crowd") == 2
    assert "exists already" in refused(capsys)
    for name in ("../crowd", "my.preset", "long" * 100):
        assert run("preset", "new", name) == 2
        assert "cannot name a preset" in refused(capsys)
    assert run("preset", "new", "mine", "--from", "no-such") == 3
    # every preset starts from standard: one of that name, from another, would end them all
    assert run("preset", "new", "standard", "--from", "fine") == 2
    assert "extend each other in a circle: standard -> fine -> standard" in capsys.readouterr().err
    assert run("preset", "check", "fine") == 0
    capsys.readouterr()
    assert run("preset", "new", "mine", "--from", path) == 2
    assert "expected the name of a preset" in refused(capsys), "nothing extends a path"
    monkeypatch.setenv("RDE_ROTO_PRESETS", str(path.parent / "show"))
    path.with_name("show").mkdir()
    (path.with_name("show") / "hero.yaml").write_text("extends: fine", encoding="utf-8")
    assert run("preset", "new", "hero") == 2
    assert "would come before yours" in refused(capsys)
    assert not path.with_name("mine.yaml").exists()


def test_models_are_installed_and_shown(
    run: Run, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("model", "install", weights, "--name", "mine") == 0
    assert "mine: CC0; commercial use: allowed" in capsys.readouterr().out.splitlines()
    assert run("model", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    size_and_path = lines[lines.index("mine: CC0; commercial use: allowed") + 1]
    assert size_and_path.startswith("    17.")
    assert size_and_path.endswith("mine.safetensors")
    assert [line for line in lines if "the default" in line] == [
        line for line in lines if line.endswith(f"{DEFAULT_MODEL}.safetensors")
    ]
    assert run("model", "card", "mine") == 0
    assert "commercial_use: allowed" in capsys.readouterr().out.splitlines()


def test_the_doctor_says_what_is_here_and_ends_with_ok(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RDE_ROTO_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", "0")  # however full this disk is
    monkeypatch.delenv("OCIO", raising=False)
    assert run("doctor", "--device", "cpu") == 0
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if line.startswith(f"model         {DEFAULT_MODEL}: ")]
    assert [line.rpartition("; ")[2] for line in said] == ["commercial use: not allowed"]
    names = [line.split("  ")[0] for line in lines]
    assert {"extras", "devices", "colour", "cache", "engine", "self-test"} <= set(names)
    if "this torch cannot use the NVIDIA GPU" not in "".join(lines):
        assert lines[-1] == "OK"


def test_the_doctor_says_what_to_do(
    run: Run,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hot = tmp_path / "hot"
    for name in ("inbox", "running", "done", "failed/hero", "cancelled"):
        (hot / name).mkdir(parents=True)
    written, client = tmp_path / "menu.py", tmp_path / "rde_roto_client" / "wire.py"
    written.write_text("edited since", encoding="utf-8")
    client.parent.mkdir()
    client.write_text("of another version", encoding="utf-8")
    notes = home / "config/rde-roto/hosts"
    notes.mkdir(parents=True)
    there = (("nuke", client), ("blender", written), ("openfx", tmp_path / "gone.ofx"))
    for host, path in (*there, ("other", tmp_path)):
        note = {"files": {str(path): "0" * 64}, "lines": []}
        (notes / f"{host}.json").write_text(json.dumps(note), encoding="utf-8")
    monkeypatch.setenv("RDE_ROTO_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    monkeypatch.setenv("RDE_ROTO_CACHE", str(written / "cache"))
    assert run("doctor", "--device", "cpu", "--hot-folder", hot) == 2
    found, _, to_do = capsys.readouterr().out.partition("to do:\n")
    assert "self-test     FAILED" in found
    expected = (
        "the colour configuration of $OCIO cannot be read",
        f"1 job failed in {hot / 'failed'}: read reason.txt",
        "nuke: its client is of another version than this engine: run install.py nuke again",
        "blender: 1 file changed since",
        "openfx: 1 file of 1 gone",
        f"the cache cannot be written in {written / 'cache'}",
        f"other: cannot read {tmp_path}: Is a directory: make it readable, or run",
    )
    assert [to_do.count(sentence) for sentence in expected] == [1] * len(expected)
    assert run("doctor", "--hot-folder", tmp_path) == 2
    assert "has no folder inbox" in refused(capsys)


# --- help, and the command line itself ------------------------------------------------------------


def test_alone_it_says_where_to_begin(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "rde-roto new PLATE" in lines[2]


def test_commands_are_listed_by_use(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    said = capsys.readouterr().out
    panels = [said.index(f" {name} ") for name in ("Roto", "Deliver", "Farm", "Set up", "Research")]
    assert panels == sorted(panels)
    assert said.index("propagate") < said.index("validate") < said.index("watch")


def leaves(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The commands of a command line that do something themselves, by name."""
    inner = getattr(command, "commands", {})
    if names and not (inner and command.no_args_is_help):
        yield " ".join(names), command
    for name, one in inner.items():
        yield from leaves(one, (*names, name))


def test_every_command_has_an_example_that_it_understands() -> None:
    found: dict[str, Any] = {}
    for name in COMMANDS:
        found |= {n: c for n, c in leaves(cli.command_line([name])) if n.split()[0] == name}
    assert found.keys() | {"train"} == EXAMPLES.keys()
    assert len(found) > 35
    for name, command in found.items():
        for example in EXAMPLES[name]:
            assert example in command.epilog.splitlines()
            parse(shlex.split(example))


def test_arguments_and_flags_are_shown_as_they_are_typed(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("validate", "--help") == 0
    said = capsys.readouterr().out
    assert "{MATTES}..." in said
    assert "<bool>" not in said
    assert run("train", "--help") == 0
    assert "rde-roto train [OPTIONS] RECIPE --out DIR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["propagate"], "missing argument 'PLATE'; see rde-roto propagate --help"),
        (["propagat"], "no such command 'propagat'. Did you mean 'propagate'?"),
        (["jobs", "x", "--last", "-1"], "invalid value for '--last': Input should be greater"),
        (["propagate", "x", "--format", "y"], "invalid value for '--format': 'y' is not one of"),
        (["jobs", "/nowhere"], "/nowhere is not a hot folder: it has no folder inbox"),
    ],
)
def test_every_error_is_one_plain_sentence(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run(*words) in (2, 4)
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"rde-roto: {sentence}")


@pytest.mark.parametrize(
    ("line", "expected"), [("rde-roto prop", "propagate"), ("rde-roto look x --fr", "--frame")]
)
def test_shells_complete_commands_and_options(line: str, expected: str) -> None:
    words = line.split()
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "rde_roto"],
        env={**os.environ, **variables, "_RDE_ROTO_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in done.stdout.split()


def test_new_says_what_to_do_without_a_display(
    run: Run, plate: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert run("new", plate) == 2
    sentence = refused(capsys)
    assert "there is no display here" in sentence or "is not installed" in sentence
    assert f"rde-roto propagate '{plate}' --keyframe 1001=MASK.png" in sentence
    odd = plate.parent.rename(plate.parents[1] / "it's one") / plate.name
    assert run("new", odd) == 2
    command = refused(capsys).partition("rde-roto propagate ")[2]
    assert shlex.split(command)[0] == str(odd)
    assert run("new", plate.parent / "no.####.exr") == 4
    assert run("view") == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    ("command", "needless"),
    [(["--help"], ["torch", "numpy", "pydantic", "OpenImageIO"]), (["preset", "list"], ["torch"])],
)
def test_what_is_not_needed_is_not_imported(command: list[str], needless: list[str]) -> None:
    program = (
        f"import sys; from rde_roto.doors import cli; sys.argv = ['rde-roto', *{command}]\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        f"sys.exit(', '.join(name for name in {needless} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, b"")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    door = cli.command_object(name)
    own = door.info.help if isinstance(door, typer.Typer) else inspect.getdoc(door)
    assert own is not None
    assert " ".join(own.split("\n\n")[0].split()) == COMMANDS[name].summary
