"""``rde-roto submit``: what it writes is checked and run by what a farm would run it with."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from command_line import Run, Said, box_mask, edit, refused, render, run_process
from image_files import read_image

from rde_roto.doors.farm.farm_job import plain_name

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")

FRAMES = range(1001, 1013)


@pytest.fixture
def openjd() -> str:
    """The command of openjd-cli."""
    beside = Path(sys.executable).with_name("openjd")
    found = str(beside) if beside.exists() else shutil.which("openjd")
    if found is None:
        pytest.skip("openjd-cli is not installed")
    return found


@pytest.fixture
def shot(shot_document: Path, plate: Path, tmp_path: Path) -> Path:
    """Twelve frames in three stretches, the last of which is long enough for two chunks."""
    for frame in FRAMES[6:]:
        shutil.copy(plate.parent / f"hero.{frame - 6}.exr", plate.parent / f"hero.{frame}.exr")
    other = box_mask(tmp_path / "other.png", 40)
    edit(shot_document, "keyframes: [", f"keyframes: [{{frame: 1005, mask: {other}}}, ")
    edit(shot_document, "{tracking.lines: 96", "{running.snapshot_every: 1, tracking.lines: 96")
    return shot_document


def mattes(folder: Path) -> dict[str, Any]:
    return {path.name: read_image(path)[1] for path in sorted(folder.iterdir())}


def assert_same(found: Path, expected: Path) -> None:
    """Equal to the last bit."""
    mine, theirs = mattes(found), mattes(expected)
    assert mine.keys() == theirs.keys() == {f"hero.{frame}.exr" for frame in FRAMES}
    for name, pixels in theirs.items():
        np.testing.assert_array_equal(mine[name], pixels)


@pytest.fixture
def straight(shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mattes of one run, in a cache of its own."""
    with monkeypatch.context() as own:
        own.setenv("RDE_ROTO_CACHE", str(tmp_path / "other cache"))
        assert run_process(render(shot, "--out", tmp_path / "one/hero.####.exr")).returncode == 0
    return tmp_path / "one"


# --- Job documents, hot folders -------------------------------------------------------------------


def test_a_job_document_says_frames_preset_and_output(
    run: Run, openjd: str, shot: Path, tmp_path: Path
) -> None:
    """Its paths start at its own folder; options of the command line come before it."""
    job = tmp_path / "jobs" / "roto.yaml"
    job.parent.mkdir()
    job.write_text(
        f"schema: rde-roto.job/1\nshot: ../{shot.relative_to(tmp_path)}\nframes: 1001-1004\n"
        "preset: draft\noverrides: {finish.gain: 0.5}\noutput: ../out/hero.####.exr\n"
    )
    assert run("submit", job, "--openjd", tmp_path / "a", "--device", "cpu") == 0
    assert tasks(tmp_path / "a") == [["1003-1004", "1001-1002"]]
    said = yaml.safe_load((tmp_path / "a/roto.shot.yaml").read_text(encoding="utf-8"))
    assert (said["preset"], said["overrides"]["finish.gain"]) == ("draft", 0.5)
    assert said["overrides"]["tracking.lines"] == 96
    assert said["plate"]["path"] == str(tmp_path / "plate/hero.####.exr")
    assert f"{tmp_path}/out/hero.####.exr" in (tmp_path / "a/template.yaml").read_text()
    assert run("submit", job, "--openjd", tmp_path / "b", "--frames", "1004") == 0
    assert tasks(tmp_path / "b") == [["1004"]]


def test_tasks_share_what_the_model_learns(run: Run, shot: Path, tmp_path: Path) -> None:
    """In a folder beside the mattes, which every worker can reach: one of them studies the shot."""
    job = tmp_path / "roto.yaml"
    job.write_text(f"schema: rde-roto.job/1\nshot: {shot}\nlearn: true\n", encoding="utf-8")
    mattes, shared = tmp_path / "out/hero.####.exr", str(tmp_path / "out/learned")
    farms = ("--openjd", tmp_path / "a", "--deadline", tmp_path / "b", "--opencue", tmp_path / "c")
    assert run("submit", job, *farms, "--out", mattes) == 0
    template = yaml.safe_load((tmp_path / "a/template.yaml").read_text(encoding="utf-8"))
    defaults = {one["name"]: one["default"] for one in template["parameterDefinitions"]}
    assert defaults["Learned"] == shared
    words = template["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert words[words.index("--learn-into") + 1] == "{{Param.Learned}}"
    for farm in (tmp_path / "b", tmp_path / "c"):
        texts = [path.read_text(encoding="utf-8") for path in farm.iterdir()]
        assert any("--learn-into" in text and shared in text for text in texts)
    assert run("submit", shot, "--openjd", tmp_path / "d") == 0
    assert "earn" not in (tmp_path / "d/template.yaml").read_text(encoding="utf-8")


def test_a_wrong_job_document_is_refused_with_its_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job.yaml").write_text("schema: rde-roto.job/1\nshot: a\nfrmes: 1\n")
    assert run("submit", tmp_path / "job.yaml", "--openjd", tmp_path / "a") == 3
    assert "job.yaml:3: unknown key 'frmes'; did you mean 'frames'" in refused(capsys)


def test_chunks_go_through_a_hot_folder(
    run: Run, shot: Path, straight: Path, tmp_path: Path
) -> None:
    hot = tmp_path / "hot"
    assert run("submit", shot, "--inbox", hot, "--chunk", 3) == 0
    names = ["hero-1-1", "hero-1-2", "hero-1-3", "hero-2-1", "hero-3-1"]
    assert sorted(path.stem for path in (hot / "inbox").iterdir()) == names
    command = [sys.executable, "-m", "rde_roto.doors.cli", "watch", str(hot), "--once"]
    done = run_process([*command, "--poll", "0.05", "--device", "cpu"])
    assert done.returncode == 0, done.stderr
    started = [line.split(":")[0] for line in done.stdout.splitlines() if line.endswith("started")]
    assert started == names, "a later round has a lower priority"
    assert_same(hot / "mattes/hero", straight)


def test_chunks_of_one_job_never_have_different_masks(
    run: Run, shot: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mask that is saved again under its name stops the chunks that have not begun."""
    assert run("submit", shot, "--openjd", tmp_path / "job", "--chunk", 3) == 0
    document, out = tmp_path / "job/hero.shot.yaml", tmp_path / "out/hero.####.exr"
    task = ("shot", "render", document, "--out", out, "--device", "cpu", "--frames")
    assert run(*task, "1001") == 0
    capsys.readouterr()
    before = mask.read_bytes()
    box_mask(mask, 24)
    assert run(*task, "1002") == 4
    assert f"the mask {mask} was saved again after this job was submitted" in refused(capsys)
    mask.write_bytes(before)
    assert run(*task, "1002") == 0
    box_mask(mask, 24)
    assert run("submit", shot, "--openjd", tmp_path / "job", "--force") == 0
    assert run(*task, "1001-1002") == 0


def test_a_plate_that_is_rendered_again_stops_the_chunks_that_have_not_begun(
    run: Run, shot: Path, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some mattes of a shot were made from the old plate and some from the new one."""
    assert run("submit", shot, "--openjd", tmp_path / "job", "--chunk", 3) == 0
    document, out = tmp_path / "job/hero.shot.yaml", tmp_path / "out/hero.####.exr"
    task = ("shot", "render", document, "--out", out, "--device", "cpu", "--frames")
    assert run(*task, "1002") == 0
    capsys.readouterr()
    shutil.copy(plate.parent / "hero.1002.exr", plate.parent / "hero.1005.exr")
    assert run(*task, "1003") == 4
    assert "frame 1005 of the plate hero.####.exr was rendered again" in refused(capsys)
    assert run("submit", shot, "--openjd", tmp_path / "job", "--force") == 0
    assert run(*task, "1002-1003") == 0


def test_a_preset_that_changes_after_the_submission_changes_no_chunk(
    run: Run, shot: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: standard\nfinish: {feather_px: 2}\n", encoding="utf-8")
    with shot.open("a", encoding="utf-8") as file:
        file.write(f"preset: {own}\n")
    few = ("--frames", "1001-1003", "--device", "cpu", "--out")
    assert run("shot", "render", shot, *few, tmp_path / "straight/hero.####.exr") == 0
    assert run("submit", shot, "--openjd", tmp_path / "job") == 0
    changed = "{feather_px: 5}\ntracking: {memory_every: 1}\noutput: {compression: zips}"
    edit(own, "{feather_px: 2}", changed)
    document = tmp_path / "job/hero.shot.yaml"
    assert run("shot", "render", document, *few, tmp_path / "out/hero.####.exr") == 0
    made, expected = mattes(tmp_path / "out"), mattes(tmp_path / "straight")
    assert made.keys() == expected.keys()
    assert len(made) == 3
    for name in made:
        np.testing.assert_array_equal(made[name], expected[name])


def test_a_job_that_is_run_again_makes_what_a_new_plate_has_changed(
    run: Run, shot: Path, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plate that is rendered again between two chunks is not noticed by the second one."""
    assert run("submit", shot, "--openjd", tmp_path / "job") == 0
    out = ("--out", tmp_path / "out/hero.####.exr", "--device", "cpu", "--frames")
    task = ("shot", "render", tmp_path / "job/hero.shot.yaml", *out)
    assert run(*task, "1001-1002") == 0
    shutil.copy(plate.parent / "hero.1006.exr", plate.parent / "hero.1001.exr")
    capsys.readouterr()
    assert run(*task, "1003-1004") == 0
    assert run(*task, "1001-1004") == 0
    assert "1 matte made, 3 kept" in capsys.readouterr().out


# --- Open Job Description -------------------------------------------------------------------------


def template(folder: Path) -> dict[str, Any]:
    found = yaml.safe_load((folder / "template.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def parameters(folder: Path) -> dict[str, str]:
    """What each parameter of the job is by default."""
    defined = template(folder)["parameterDefinitions"]
    return {parameter["name"]: parameter["default"] for parameter in defined}


def tasks(folder: Path) -> list[list[str]]:
    """The frames of every task, by step."""
    spaces = [step["parameterSpace"] for step in template(folder)["steps"]]
    return [space["taskParameterDefinitions"][0]["range"] for space in spaces]


def openjd_run(openjd: str, folder: Path) -> Said:
    check = run_process([openjd, "check", str(folder / "template.yaml")])
    assert check.returncode == 0, check.stdout
    return run_process([openjd, "run", str(folder / "template.yaml")])


def assert_ended(done: Said) -> None:
    """The session's engine ends; where nobody takes note of that, it stays a zombie."""
    told = re.search("an engine is listening on cpu, process ([0-9]+)", done.stdout)
    assert told is not None, done.stdout
    status = Path(f"/proc/{told[1]}/stat")
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.05)  # until the test's own timeout


def test_openjd_runs_a_job_with_one_engine(
    run: Run, openjd: str, shot: Path, straight: Path, tmp_path: Path
) -> None:
    """The shot as it was when it was submitted: its document may change or go."""
    job, out = tmp_path / "job", tmp_path / "elsewhere/hero.####.exr"
    options = ("--chunk", 3, "--out", out, "--device", "cpu")
    assert run("submit", shot, "--openjd", job, *options) == 0
    shot.unlink()
    assert tasks(job) == [["1003-1005", "1006-1008", "1001-1002"], ["1009-1011"], ["1012"]]
    done = openjd_run(openjd, job)
    assert done.returncode == 0, done.stdout
    assert_same(tmp_path / "elsewhere", straight)
    assert done.stdout.count("an engine is listening on cpu") == 1
    assert "openjd_progress: 33.3" in done.stdout
    assert "openjd_status: hero.####.exr: 3 frames" in done.stdout
    assert "openjd_status: 3 mattes made, 0 kept" in done.stdout
    assert "frame 10" not in done.stdout, "each message once"
    assert_ended(done)


def test_a_task_that_fails_tells_openjd_why_and_the_engine_ends(
    run: Run, openjd: str, shot: Path, plate: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    assert run("submit", shot, "--openjd", job, "--device", "cpu") == 0
    (plate.parent / "hero.1007.exr").unlink()
    done = openjd_run(openjd, job)
    assert done.returncode == 1
    (told,) = [line for line in done.stdout.splitlines() if "lacks" in line]
    assert "openjd_fail: " in told
    assert_ended(done)


@pytest.mark.slow
def test_a_job_that_is_cancelled_goes_on_where_it_was(
    run: Run, openjd: str, shot: Path, straight: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    assert run("submit", shot, "--openjd", job, "--device", "cpu") == 0
    process = subprocess.Popen(
        [openjd, "run", str(job / "template.yaml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    while "openjd_progress: " not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    done = openjd_run(openjd, job)
    assert done.returncode == 0, done.stdout
    assert_same(tmp_path / "mattes", straight)


def test_the_workers_share_a_cache(run: Run, shot: Path, tmp_path: Path) -> None:
    cache = tmp_path / "shared cache"
    farms = ("openjd", "deadline", "opencue")
    options = [part for farm in farms for part in (f"--{farm}", tmp_path / farm)]
    assert run("submit", shot, *options, "--cache", cache) == 0
    (environment,) = template(tmp_path / "openjd")["jobEnvironments"]
    assert environment["variables"]["RDE_ROTO_CACHE"] == "{{Param.Cache}}"
    assert parameters(tmp_path / "openjd")["Cache"] == str(cache)
    said = info(tmp_path / "deadline/job_info.txt")
    assert said["EnvironmentKeyValue0"] == f"RDE_ROTO_CACHE={cache}"
    assert str(cache) in (tmp_path / "opencue/hero.outline").read_text(encoding="utf-8")


# --- Deadline -------------------------------------------------------------------------------------


def info(path: Path) -> dict[str, str]:
    """An info file: a key and a value a line, as Deadline's manual describes it."""
    pairs = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(between == "=" and key.isalnum() for key, between, _ in pairs)
    return {key: value for key, _, value in pairs}


def test_deadlines_tasks_make_the_shot(
    run: Run, shot: Path, straight: Path, tmp_path: Path
) -> None:
    job = tmp_path / "a job"
    assert run("submit", shot, "--deadline", job, "--device", "cpu") == 0
    said, plugin = info(job / "job_info.txt"), info(job / "plugin_info.txt")
    assert said == {
        "Plugin": "CommandLine",
        "Name": "hero mattes",
        "Comment": "rde-roto: a task is a line of chunks.txt",
        "Frames": "1-3",
        "ChunkSize": "1",
        "MachineLimit": "3",
        "OutputDirectory0": str(tmp_path / "mattes"),
    }
    assert plugin.keys() == {
        *("Executable", "Arguments", "StartupDirectory"),
        *("Shell", "ShellExecute", "SingleFramesOnly"),
    }
    for task in range(1, 4):
        arguments = plugin["Arguments"].replace("<STARTFRAME>", str(task))
        done = run_process([plugin["Executable"], *shlex.split(arguments)])
        assert done.returncode == 0, done.stderr
        assert "Progress: 100%" in done.stdout.splitlines()
        assert "openjd" not in done.stdout
    assert_same(tmp_path / "mattes", straight)


def test_a_line_that_is_not_in_the_list(
    run: Run, shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chunks.txt").write_text("1001-1003\n", encoding="utf-8")
    for chunk in ("chunks.txt:2", "chunks.txt:0", "chunks.txt:x", "chunks.txt", "gone.txt:1"):
        assert run("shot", "render", shot, "--chunk", tmp_path / chunk) == 2
        assert "expected FILE:N" in refused(capsys)
    first = ("--chunk", tmp_path / "chunks.txt:1")
    assert run("shot", "render", shot, *first, "--frames", "1001") == 2
    assert "leave --frames out" in refused(capsys)


# --- OpenCue --------------------------------------------------------------------------------------


def rounds(script: Path) -> list[list[list[str]]]:
    """The commands of an outline's layers, without running it."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found: list[list[list[str]]] = ast.literal_eval(values["ROUNDS"])
    return found


def test_opencues_frames_are_commands(run: Run, shot: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    assert run("submit", shot, "--opencue", job, "--chunk", 3, "--device", "cpu") == 0
    layers = rounds(job / "hero.outline")
    frames = [[command[command.index("--frames") + 1] for command in layer] for layer in layers]
    assert frames == [["1003-1005", "1006-1008", "1001-1002"], ["1009-1011"], ["1012"]]
    assert run_process(layers[0][2]).returncode == 0
    made = sorted(path.name for path in (tmp_path / "mattes").iterdir())
    assert made == ["hero.1001.exr", "hero.1002.exr"]


def test_pyoutline_reads_the_outline(run: Run, shot: Path, tmp_path: Path) -> None:
    """Layers, frames and what waits for what, as OpenCue's own library tells its server."""
    if importlib.util.find_spec("outline") is None:
        pytest.skip("pyoutline is not installed")
    job = tmp_path / "job"
    assert run("submit", shot, "--opencue", job, "--chunk", 3) == 0
    program = (
        "import json, sys, outline\n"
        "layers = outline.load_outline(sys.argv[1]).get_layers()\n"
        "print(json.dumps([[layer.get_name(), layer.get_frame_range(),"
        " [d.get_depend_on_layer().get_name() for d in layer.get_depends()]] for layer in layers]))"
    )
    done = run_process([sys.executable, "-c", program, str(job / "hero.outline")])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        ["round_1", "1-3", []],
        ["round_2", "1-1", ["round_1"]],
        ["round_3", "1-1", ["round_2"]],
    ]


# --- odd names ------------------------------------------------------------------------------------


ODD = {
    "braces": ("a {{Param.Shot}} b", "a _Param.Shot_ b"),
    "quotes": ('it\'s "so"', "it_s _so_"),
    "lines": ("two\nlines\x1b[2J", "two_lines_2J"),
    "long": ("ж" * 110, None),
    "dots": ("...", "shot"),
    "accents": ("été 010", "été 010"),
}


@pytest.mark.parametrize(("name", "plain"), ODD.values(), ids=ODD)
def test_an_odd_name_is_made_plain_for_every_farm(
    run: Run, openjd: str, shot: Path, tmp_path: Path, name: str, plain: str | None
) -> None:
    odd, inbox = shot.with_name(f"{name}.shot.yaml"), tmp_path / "hot"
    shot.rename(odd)
    farms = ("openjd", "deadline", "opencue")
    options = [part for farm in farms for part in (f"--{farm}", tmp_path / farm)]
    out = tmp_path / "it's {{here}}/m.####.exr"
    assert run("submit", odd, *options, "--inbox", inbox, "--out", out, "--cache", "{{c}}") == 0
    checked = run_process([openjd, "check", str(tmp_path / "openjd/template.yaml")])
    assert checked.returncode == 0, checked.stdout
    title = template(tmp_path / "openjd")["name"]
    assert len(title) <= 128
    assert plain is None or title == f"{plain} mattes"
    assert parameters(tmp_path / "openjd")["Mattes"] == str(out)
    assert info(tmp_path / "deadline/job_info.txt")["Name"] == title
    (outline,) = (tmp_path / "opencue").glob("*.outline")
    ast.parse(outline.read_text(encoding="utf-8"))
    stem = title.removesuffix(" mattes")
    assert (tmp_path / "openjd" / f"{stem}.shot.yaml").is_file()
    dropped = list((inbox / "inbox").iterdir())
    assert dropped
    assert all(path.name.startswith(stem) for path in dropped)


@pytest.mark.parametrize(
    ("name", "plain"), [ODD["quotes"], ODD["lines"], (".", "shot"), ("..", "shot")]
)
def test_the_mattes_of_an_odd_name_have_a_plain_one(
    run: Run, shot: Path, tmp_path: Path, name: str, plain: str
) -> None:
    """Within the hot folder's mattes, and where Deadline can be told of them."""
    odd, hot = shot.with_name(f"{name}.shot.yaml"), tmp_path / "hot"
    shot.rename(odd)
    assert run("submit", odd, "--deadline", tmp_path / "deadline", "--inbox", hot) == 0
    said = {yaml.safe_load(path.read_text())["output"] for path in (hot / "inbox").iterdir()}
    assert said == {str(hot / "mattes" / plain / f"{plain}.####.exr")}


@pytest.mark.parametrize("odd", ["a\nFrames=9", "a\rFrames=9", 'a"b'])
def test_a_path_that_would_be_another_setting_of_deadline_is_refused(
    run: Run, shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    job = ("--deadline", tmp_path / "job")
    assert run("submit", shot, *job, "--out", tmp_path / odd / "m.####.exr") == 2
    assert "Deadline cannot take a path with" in refused(capsys)
    assert not (tmp_path / "job").exists()


def test_two_long_names_stay_apart() -> None:
    one, other = (plain_name("x" * 300 + end) for end in "ab")
    assert one != other
    assert len(one) == len(other) == 96


def test_what_openjd_has_no_room_for_is_refused(
    run: Run, shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = "/".join(["x" * 200] * 6)
    job = ("--openjd", tmp_path / "job")
    assert run("submit", shot, *job, "--cache", deep) == 2
    assert "1024 characters of an OpenJD parameter: use a shorter path" in refused(capsys)
    assert not (tmp_path / "job").exists()


# --- what is refused ------------------------------------------------------------------------------


def test_what_submit_refuses(
    run: Run, shot: Path, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("submit", shot) == 2
    assert "no farm is named" in refused(capsys)
    job = ("--openjd", tmp_path / "job")
    assert run("submit", shot, *job, "--frames", "1001-1020") == 2
    assert "1013-1020 lies outside" in refused(capsys)
    assert run("submit", shot, *job, "--out", plate) == 2
    assert "would overwrite its own input" in refused(capsys)
    assert run("submit", shot, *job, "--out", "hero.####.png", "--format", "rgba") == 2
    assert "must end in .exr" in refused(capsys)
    edit(shot, "model: ", "model: no-such-model #")
    assert run("submit", shot, *job) == 5
    assert "no-such-model" in refused(capsys)
    edit(shot, "model: no-such-model #", "model: ")
    assert not (tmp_path / "job").exists()
    assert run("submit", shot, *job) == 0
    assert run("submit", shot, *job) == 2
    assert "perhaps from a job that is running" in refused(capsys)
    assert run("submit", shot, *job, "--force", "--frames", "1005-1012") == 0
    assert tasks(tmp_path / "job") == [["1005-1012"]]


def test_frames_that_the_plate_lacks_are_in_no_chunk(
    run: Run, shot: Path, plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plate.parent / "hero.1008.exr").unlink()
    edit(shot, "hero.####.exr}", "hero.####.exr, missing: skip}")
    assert run("submit", shot, "--openjd", tmp_path / "job") == 0
    assert "lacks 1008: skipped, not in the job" in refused(capsys)
    assert tasks(tmp_path / "job") == [["1003-1005", "1006-1007,1009-1012", "1001-1002"]]
