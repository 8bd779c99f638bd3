"""``rde-roto shot learn`` and ``rde-roto eval --learn`` on real files."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import Run, edit, refused
from image_files import read_image, write_image
from PIL import Image

from rde_roto.documents.learned_card import read_learned_card
from rde_roto.doors.auto_learn import learn_if_asked
from rde_roto.doors.watchfolder.worker import NodePreparer
from rde_roto.model.weights import load_model
from rde_roto.shot_files import ShotFile, open_shot
from rde_roto.shot_files.job_file import JobFile
from rde_roto.values.cancel import never
from rde_roto.values.errors import CancelledError
from rde_roto.values.preset import Running

pytest_plugins = ("learn_fixtures",)
pytestmark = [pytest.mark.usefixtures("short_lesson"), pytest.mark.timeout(1800)]

PATIENCE_S = 900.0
"""Room for a busy machine."""

LEARN = ("shot", "learn", "--steps", 5000, "--json")
STEP = '{{"event": "step", "step": {},'


def files(document: Path) -> list[Path]:
    """What learning has left beside a document."""
    folder = document.parent / "hero.shot.d/learned"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_shot_is_learned_and_forgotten(
    run: Run, disc_shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = disc_shot.read_text(encoding="utf-8")
    assert run("shot", "learn", disc_shot) == 0
    said = capsys.readouterr().out
    assert "6 steps" in said
    assert "hero.shot.yaml: learning" in said.splitlines()
    lessons, weights, card_file = sorted(files(disc_shot), key=lambda path: path.suffix)
    assert lessons.is_dir()
    assert ShotFile.read(disc_shot).content.learned == f"hero.shot.d/learned/{weights.name}"
    card = read_learned_card(card_file)
    assert card is not None
    assert card.sha256 == load_model(open_shot(disc_shot).model).sha256
    assert list(card.studied) == [1001]
    assert card.after["clips"] > card.before["clips"]
    assert run("shot", "show", disc_shot) == 0
    shown = capsys.readouterr().out
    assert f"learned: hero.shot.d/learned/{weights.name}" in shown
    assert "edges are not learned" not in shown
    asking = "overrides: {finish.edges: learned, "
    edit(disc_shot, "overrides: {", asking)
    assert run("shot", "show", disc_shot) == 0
    assert "edges are not learned: the lesson was not asked for them" in capsys.readouterr().out
    edit(disc_shot, asking, "overrides: {")
    assert run("shot", "learn", disc_shot, "--forget") == 0
    assert disc_shot.read_text(encoding="utf-8") == before
    assert weights in files(disc_shot)  # as locks stay
    worse = card.model_copy(update={"kept": False, "why": "learning made clips worse (…)"})
    newer = lessons / "another.yaml"
    newer.write_text(worse.to_yaml(), encoding="utf-8")
    assert run("shot", "show", disc_shot) == 0
    said = capsys.readouterr().out
    assert "the last lesson kept nothing: learning made clips worse (…)" in said
    newer.unlink()
    assert run("shot", "show", disc_shot) == 0
    assert "kept nothing" not in capsys.readouterr().out
    assert run("shot", "learn", disc_shot, "--forget") == 0
    assert "uses no learned weights" in capsys.readouterr().out
    assert run("shot", "learn", disc_shot) == 0
    assert "learned earlier" in capsys.readouterr().out  # and no step was taken
    assert ShotFile.read(disc_shot).content.learned == f"hero.shot.d/learned/{weights.name}"


def test_what_does_not_go_together_is_refused(
    run: Run, disc_shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("shot", "learn", disc_shot, "--forget", "--minutes", 1) == 2
    assert "--forget learns nothing" in refused(capsys)
    assert run("shot", "learn", disc_shot, "--forget", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"event": "done", "learned": None}
    missing = disc_shot.with_name("no.shot.yaml")
    assert run("shot", "learn", missing, "--progress", "openjd") == 3
    assert capsys.readouterr().err.startswith("openjd_fail: ")
    assert run("eval", disc_shot.parent, "--learn", "--play", 3) == 2
    assert "--learn cannot be combined" in refused(capsys)
    assert run("eval", disc_shot.parent, "--minutes", 3) == 2
    assert "add --learn" in refused(capsys)


def wished(document: Path) -> Path:
    """The same document with a preset that asks for learning."""
    text = document.read_text(encoding="utf-8")
    overrides = "overrides: {running.learn: true, tracking.lines: 96}"
    document.write_text(text.replace("overrides: {tracking.lines: 96}", overrides), "utf-8")
    return document


def lessons_in(folder: Path) -> dict[str, int]:
    """The lessons that were held there, and when."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "lessons").glob("*.yaml")}


def test_a_job_of_a_hot_folder_learns_once(disc_shot: Path, tmp_path: Path) -> None:
    into = tmp_path / "hot" / "learned"
    opened = dataclasses.replace(open_shot(wished(disc_shot)), learn_into=into)
    first = NodePreparer("cpu")(opened, never)
    held = lessons_in(into)
    again = NodePreparer("cpu")(opened, never)  # another worker goes on with it
    assert again.node.digest(1005) == first.node.digest(1005)
    assert lessons_in(into) == held
    assert len(held) == 1
    preset = opened.preset.model_copy(update={"running": Running()})
    plain = NodePreparer("cpu")(dataclasses.replace(opened, preset=preset), never)
    assert plain.node.digest(1005) != first.node.digest(1005)
    assert ShotFile.read(disc_shot).content.learned is None  # jobs change no disc_shot
    with pytest.raises(CancelledError):
        NodePreparer("cpu")(dataclasses.replace(opened, learn_into=tmp_path), lambda: True)


def test_a_preset_that_asks_for_it_learns_before_the_first_frame_and_once(
    run: Run, disc_shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = wished(disc_shot).read_text(encoding="utf-8")
    assert run("shot", "render", disc_shot, "--frames", 1001, "--json") == 0
    said = capsys.readouterr()
    assert "learning, step 1," in said.err
    records = [json.loads(line) for line in said.out.splitlines()]  # programs read this
    assert all(records)
    assert records
    held = lessons_in(disc_shot.parent / "hero.shot.d/learned")
    assert len(held) == 1
    assert run("shot", "render", disc_shot, "--frames", "1004-1005") == 0
    assert "learning, step" not in capsys.readouterr().err
    assert lessons_in(disc_shot.parent / "hero.shot.d/learned") == held
    header, _ = read_image(disc_shot.parent / "mattes/hero.1005.exr")
    assert header.get_string_attribute("rde-roto:learned-on-sha256")
    assert disc_shot.read_text(encoding="utf-8") == before
    assert run("shot", "learn", disc_shot) == 0  # the same lesson, which the disc_shot names now
    assert "learned earlier" in capsys.readouterr().out
    learned = open_shot(disc_shot)
    assert not learned.learns
    assert run("shot", "render", disc_shot, "--frames", "1005") == 0
    assert "1 kept" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_found_before_the_lesson(
    run: Run, disc_shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plate, mask = disc_shot.parent / "plate/disc.####.png", disc_shot.parent / "mask.png"
    file = tmp_path / "file"
    file.write_text("no folder")
    wish = ("--set", "running.learn=true", "--set", "tracking.lines=96")
    asked = ("propagate", plate, "--keyframe", f"1001={mask}", "--mask-as", "matte", *wish, "--out")
    for out, code, says in [
        (file / "m.####.exr", 2, "file"),
        (tmp_path / "m.####.jpg", 2, "must end in .exr"),
        (plate, 2, "would overwrite its own input"),
    ]:
        assert run(*asked, out) == code
        said = capsys.readouterr().err
        assert says in said
        assert "learning" not in said
    for engine in ((), ("--engine",)):
        words = (
            "shot",
            "render",
            wished(disc_shot),
            "--frames",
            1001,
            "--out",
            file / "m.####.exr",
        )
        assert run(*words, *engine) == 2
        assert "learning" not in capsys.readouterr().err
    learned = disc_shot.parent / "hero.shot.d/learned"
    assert not learned.exists()
    learned.parent.mkdir(exist_ok=True)
    learned.write_text("no folder")
    assert run("shot", "learn", disc_shot) == 7
    done = capsys.readouterr()
    assert "cannot write learned weights into" in done.err
    assert "step" not in done.out


@pytest.mark.parametrize(
    ("command", "options", "name"),
    [
        ("shapes", ("--force",), "x.nk"),
        ("explain", ("--frame", 1003), "x.png"),
        ("shot report", (), "x.html"),
        ("shot report", ("--out", "{tmp}/x.html", "--sheet"), "x.png"),
    ],
)
def test_so_is_a_file_that_other_commands_cannot_write(
    run: Run,
    disc_shot: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    options: tuple[object, ...],
    name: str,
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / name).mkdir(parents=True)
    options = tuple(str(option).replace("{tmp}", str(tmp_path)) for option in options)
    options = options if options[-1:] == ("--sheet",) else (*options, "--out")
    for out, says in (
        (tmp_path / "file" / name, f"the output folder {tmp_path / 'file'} is a file"),
        (tmp_path / "file/more" / name, f"cannot write into the output folder {tmp_path}"),
        (tmp_path / "folder" / name, f"{name} is a folder: give the name of a file"),
    ):
        assert run(*command.split(), wished(disc_shot), *options, out) == 2
        said = capsys.readouterr().err
        assert says in said
        assert "learning" not in said


def test_what_the_document_names_wins(disc_shot: Path) -> None:
    ShotFile.read(wished(disc_shot)).set_learned("hero.shot.d/learned/0123456789abcdef.safetensors")
    opened = open_shot(disc_shot)
    assert opened.preset.running.learn
    assert learn_if_asked(opened, "cpu") is opened


def test_without_a_document_the_lesson_lies_in_the_cache(
    run: Run, disc_shot: Path, shy: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = disc_shot.parent
    words = ["--out", folder / "m.####.exr", "--model", shy, "--mask-as", "matte"]
    words += ["--set", "tracking.lines=96", "--set", "running.learn=true"]
    plate, mask = folder / "plate/disc.####.png", folder / "mask.png"
    for _ in "12":
        assert run("propagate", plate, "--keyframe", f"1001={mask}", *words) == 0
    assert capsys.readouterr().err.count("learning, step 1,") == 1
    assert len(lessons_in(home / "cache/learned")) == 1


def test_a_shot_with_nothing_to_learn_from_is_tracked_all_the_same(
    disc_shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faint = np.full((96, 160, 1), 0.3, np.float32)
    write_image(disc_shot.parent / "mask.png", faint, "uint8", ("Y",))
    opened = open_shot(wished(disc_shot))
    assert learn_if_asked(opened, "cpu") is opened
    assert "tracking without learning: there is nothing to learn" in capsys.readouterr().err


def test_a_job_document_elsewhere_keeps_its_wish(disc_shot: Path, tmp_path: Path) -> None:
    for learn in ("true", "false"):
        job = tmp_path / "job.yaml"
        text = f"schema: rde-roto.job/1\nshot: {wished(disc_shot)}\nlearn: {learn}\n"
        job.write_text(text, encoding="utf-8")
        assert JobFile.read(job).shot.open().learns is (learn == "true")


@pytest.mark.slow
def test_two_chunks_at_once_learn_once(disc_shot: Path) -> None:
    """As a farm runs them, on machines that compute with other threads, hence other bits."""
    program = str(Path(sys.executable).with_name("rde-roto"))
    command = [program, "shot", "render", str(wished(disc_shot)), "--frames"]
    chunks = [
        subprocess.Popen(
            [*command, frames],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )
        for frames, threads in (("1001-1004", "1"), ("1005-1008", "2"))
    ]
    said = [chunk.communicate(timeout=PATIENCE_S)[1] for chunk in chunks]
    assert [chunk.returncode for chunk in chunks] == [0, 0], said
    assert "".join(said).count("learning, step 1,") == 1
    headers = [read_image(disc_shot.parent / f"mattes/hero.{f}.exr")[0] for f in (1004, 1005)]
    assert len({header.get_string_attribute("rde-roto:weights-sha256") for header in headers}) == 1
    assert headers[0].get_string_attribute("rde-roto:learned-on-sha256")


def begun(*words: object, line: str) -> subprocess.Popen[str]:
    """A command that has said a line on standard output that begins like this."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("rde-roto")), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    told = []
    for one in process.stdout:
        told.append(one)
        if one.startswith(line):
            return process
    raise AssertionError(f"it ended with {process.wait()}: {told}")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_stopped_while_it_studies_it_leaves_nothing(
    disc_shot: Path, number: signal.Signals
) -> None:
    before = disc_shot.read_bytes()
    process = begun(*LEARN, disc_shot, line=STEP.format(5))
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert "cancelled; the shot is unchanged" in said
    assert disc_shot.read_bytes() == before
    assert list((disc_shot.parent / "hero.shot.d/learned").rglob("*.*")) == [
        *(disc_shot.parent / "hero.shot.d/learned/lessons").glob(".*.lock")
    ]


def test_what_was_learned_so_far_is_kept_when_asked(disc_shot: Path) -> None:
    process = begun(*LEARN, disc_shot, "--keep-partial", line=STEP.format(10))
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert "rde-roto: stopping" in said
    learned = ShotFile.read(disc_shot).content.learned
    assert learned is not None, said
    card = read_learned_card((disc_shot.parent / learned).with_suffix(".yaml"))
    assert card is not None
    assert 10 <= card.steps < 5000
    assert lessons_in(disc_shot.parent / "hero.shot.d/learned") == {}  # the whole is yet to be held


def test_a_stopped_worker_gives_a_job_back_that_it_studies(
    disc_shot: Path, short_lesson: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "hot/inbox"
    inbox.mkdir(parents=True)
    job = f"schema: rde-roto.job/1\nshot: {disc_shot}\nlearn: true\n"
    (inbox / "hero.yaml").write_text(job, encoding="utf-8")
    long = short_lesson.read_text(encoding="utf-8").replace("iterations: 6", "iterations: 9000")
    short_lesson.write_text(long, encoding="utf-8")
    watch = ("watch", tmp_path / "hot", "--once", "--poll", 0.05)
    process = begun(*watch, line="rde-roto: disc.####.png: learning, step 1,")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert "the job goes back to the inbox" in said
    assert [path.name for path in inbox.iterdir()] == ["hero"]
    assert not list((tmp_path / "hot/learned").rglob("*.safetensors"))
    assert not list((tmp_path / "hot/running").iterdir())


def test_a_table_of_base_and_learned(
    run: Run, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, masks = (tmp_path / kind / "box" for kind in ("JPEGImages", "Annotations"))
    noise = np.random.default_rng(0).integers(0, 64, (48, 64, 3), np.uint8)
    for folder in (pictures, masks):
        folder.mkdir(parents=True)
    for frame in range(5):
        box = np.zeros((48, 64), bool)
        box[10:30, 20 + 2 * frame : 40 + 2 * frame] = True
        picture = Image.fromarray(noise + 128 * box[..., None].astype(np.uint8))
        picture.save(pictures / f"{frame:05d}.jpg", quality=95)
        Image.fromarray(box).save(masks / f"{frame:05d}.png")
    found = tmp_path / "figures.json"
    options = ["--model", weights, "--device", "cpu", "--json", found, "--learn"]
    lines = ["--set", "tracking.lines=96", "--keyframes", 2]
    assert run("eval", tmp_path, *options, *lines) == 0
    head, row, mean = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["sequence", "base", "learned", "gain"]
    figures = json.loads(found.read_text(encoding="utf-8"))
    base, learned = (figures[kind]["mean"]["J&F"] for kind in ("base", "learned"))
    expected = pytest.approx([base, learned, learned - base], abs=1.1e-3)  # rounded twice
    assert [float(word) for word in row.split()[1:4]] == expected
    assert [float(word) for word in mean.split()[1:4]] == expected
    assert list(figures["lessons"]["box"]["studied"]) == ["0", "4"]
    assert figures["keyframes"] == 2
