"""The trainer, through its door: `rde-roto train` on small real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from image_files import cut_short
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from training_data import write_recipe, write_training_data

from rde_roto.doors import cli
from rde_roto.model.weight_files import save_weights
from rde_roto.model.weights import load_model
from rde_roto.net import RDE_R50, RDENet
from rde_roto.training.checkpoint import checkpoint_path, read_checkpoint
from rde_roto.training.recipe import Optimiser
from rde_roto.training.recipe_files import recipe_library
from rde_roto.training.runlog import read_log
from rde_roto.training.start import trained_weights
from rde_roto.training.trainer import rate

PACKAGE = Path(__file__).parents[2] / "engine"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tmp_path: Path, data: Path) -> Path:
    return write_recipe(tmp_path / "tiny.yaml", data)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A run of eight iterations that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(write_recipe(folder / "tiny.yaml", data), folder / "run") == 0
    return folder / "run"


def train(recipe: Path, out: Path, *options: str) -> int:
    """Trains in this process; the exit code."""
    return rde_roto("train", str(recipe), "--out", str(out), *options)


def rde_roto(*arguments: str) -> int:
    """Runs a command in this process; its exit code."""
    argv, sys.argv = sys.argv, ["rde-roto", *arguments]
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        cli.main()
    except SystemExit as ending:
        return int(ending.code or 0)
    finally:
        sys.argv = argv
        for number, handler in kept.items():
            signal.signal(number, handler)
    return 0


def tensors(run: Path) -> dict[str, Tensor]:
    return load_file(checkpoint_path(run))


def assert_same_run(one: Path, other: Path) -> None:
    """The same weights and moments to the last bit, and the same losses on the way."""
    first, second = tensors(one), tensors(other)
    assert first
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    rows = [
        [(r.iteration, r.segmentation, r.guidance, r.consistency, r.gradient_norm) for r in log]
        for log in (read_log(one), read_log(other))
    ]
    assert rows[0]
    assert rows[0] == rows[1]


# The paper's stages.


def test_stages_0_1_and_3_follow_each_other_and_learn(tmp_path: Path, data: Path) -> None:
    stages = {
        "stage0": ("imagenet", "{video: 0.0, still: 1.0}", "[STM]"),
        "stage1": ("stage0", "{video: 0.0, composite: 1.0}", "[STM, RDE]"),
        "stage3": ("stage1", "{video: 1.0}", "[STM, RDE]"),
    }
    for stage, (start, mixture, banks) in stages.items():
        before = start if start == "imagenet" else str(tmp_path / start)
        recipe = write_recipe(
            tmp_path / f"{stage}.yaml",
            data,
            start=before,
            iterations=32,
            mixture=mixture,
            banks=banks,
        )
        assert train(recipe, tmp_path / stage) == 0
        rows = read_log(tmp_path / stage)
        assert [row.iteration for row in rows] == list(range(1, 33))
        assert {row.frames for row in rows} == {3, 4}
        assert any(row.guidance > 0 for row in rows) == ("RDE" in banks)
        with Image.open(tmp_path / stage / "curve.png") as curve:
            assert curve.size == (960, 480)
    first, last = read_log(tmp_path / "stage0")[:5], read_log(tmp_path / "stage3")[-5:]
    assert sum(row.segmentation for row in last) < 0.7 * sum(row.segmentation for row in first)


# Stopping and going on.


def test_a_run_in_pieces_is_the_same_run(tmp_path: Path, recipe: Path, whole: Path) -> None:
    out = tmp_path / "run"
    assert train(recipe, out, "--minutes", "0") == 0  # a piece ends where the recipe saves
    assert read_checkpoint(checkpoint_path(out))[0].iteration == 4
    assert train(recipe, out, "--minutes", "0", "--resume") == 0
    assert read_checkpoint(checkpoint_path(out))[0].iteration == 8
    assert_same_run(out, whole)


def test_resuming_a_finished_run_changes_nothing(recipe: Path, whole: Path) -> None:
    before = tensors(whole)
    assert train(recipe, whole, "--resume") == 0
    after = tensors(whole)
    assert before
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_killed_run_loses_what_it_had_not_saved_and_no_more(
    tmp_path: Path, recipe: Path, whole: Path
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "rde_roto.doors.cli", "train", str(recipe), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGE)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        # The writing of the checkpoint begins: killed while its bytes are on their way.
        while not any(out.glob(".checkpoint*")) and process.poll() is None:
            time.sleep(0.001)
    finally:
        process.kill()
        process.wait()
    if checkpoint_path(out).exists():  # the kill came late: what is there must be whole
        assert read_checkpoint(checkpoint_path(out))[0].iteration in (4, 8)
    assert train(recipe, out, "--resume") == 0
    assert_same_run(out, whole)
    assert not any(out.glob(".*")), "what the killed run left behind is still there"


def test_two_processes_share_their_gradients(tmp_path: Path, recipe: Path, whole: Path) -> None:
    for name in ("one", "two"):
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
        command += ["--standalone", "-m", "rde_roto.doors.cli", "train", str(recipe)]
        command += ["--out", str(tmp_path / name), "--device", "cpu"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGE)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("finished") == 1, "only one of them speaks"
    assert_same_run(tmp_path / "one", tmp_path / "two")
    alone, shared = tensors(whole), tensors(tmp_path / "one")
    name = "weights/decoder.pred.weight"
    assert not torch.equal(alone[name], shared[name])


def test_bfloat16_learns_too(tmp_path: Path, recipe: Path, whole: Path) -> None:
    options = ("--set", "precision=bfloat16", "--set", "iterations=2")
    assert train(recipe, tmp_path / "run", *options) == 0
    row, exact = read_log(tmp_path / "run")[0], read_log(whole)[0]
    # three digits: eight bits of mantissa, averaged over 48 x 48 pixels
    assert row.segmentation == pytest.approx(exact.segmentation, rel=2e-2)
    assert row.segmentation != exact.segmentation


# What comes out.


def test_a_run_becomes_a_model(tmp_path: Path, whole: Path) -> None:
    assert rde_roto("model", "export", str(whole), "--name", "mine", "--out", str(tmp_path)) == 0
    model = load_model(str(tmp_path / "mine.safetensors"))
    stored = load_file(tmp_path / "mine.safetensors")
    state, _ = read_checkpoint(checkpoint_path(whole))
    assert state.average
    assert stored.keys() == state.average.keys()
    for name, mean in state.average.items():
        assert torch.equal(stored[name], mean.half())
    assert model.licence.startswith("unknown")


def test_the_mean_of_runs_is_a_run_to_start_from(
    tmp_path: Path, recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, mean = tmp_path / "other", tmp_path / "mean"
    assert train(recipe, other, "--set", "iterations=1", "--set", f"start={whole}") == 0
    assert rde_roto("train", "average", str(whole), str(other), "--out", str(mean)) == 0
    one, two, both = (
        trained_weights(read_checkpoint(checkpoint_path(run))[0]) for run in (whole, other, mean)
    )
    assert both
    assert both.keys() == one.keys()
    for name, weight in both.items():
        torch.testing.assert_close(weight.float(), (one[name].float() + two[name].float()) / 2)
    assert any((one[name] != two[name]).any() for name in one)
    again = tmp_path / "again"
    assert train(recipe, again, "--set", "iterations=1", "--set", f"start={mean}") == 0
    capsys.readouterr()
    assert rde_roto("train", "average", str(whole), "--out", str(mean)) == 2
    assert "holds a run already: choose another --out" in refused(capsys)


def test_scoring_keeps_the_best_weights(tmp_path: Path, recipe: Path, data: Path) -> None:
    settings = ("path=davis", "sequences=[clip0]", "every=2", "lines=96")
    options = [part for setting in settings for part in ("--set", f"scoring.{setting}")]
    assert train(recipe, tmp_path / "run", *options, "--set", "iterations=4") == 0
    state, _ = read_checkpoint(checkpoint_path(tmp_path / "run"))
    assert 0 < state.best <= 1
    load_model(str(tmp_path / "run" / "best.safetensors"))


def test_a_checkpoint_is_small(whole: Path) -> None:
    assert checkpoint_path(whole).stat().st_size <= 60e6


# Bad input: a sentence, the right exit code, nothing lost.


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_run_is_not_begun_anew_over_another(
    recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe, whole) == 2
    assert "--resume" in refused(capsys)


def test_a_run_goes_on_under_its_own_recipe_only(
    recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe, whole, "--resume", "--set", "optimiser.lr=0.5") == 2
    assert "optimiser.lr = 0.001" in refused(capsys)


def test_data_may_move_between_pieces(tmp_path: Path, recipe: Path, whole: Path) -> None:
    moved = write_training_data(tmp_path / "moved")
    assert train(recipe, whole, "--resume", "--set", f"data.root={moved}") == 0


def test_a_damaged_checkpoint_is_named_and_kept(
    tmp_path: Path, recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    checkpoint_path(out).write_bytes(checkpoint_path(whole).read_bytes())
    cut_short(checkpoint_path(out))
    assert train(recipe, out, "--resume") == 4
    assert "checkpoint.safetensors" in refused(capsys)
    assert checkpoint_path(out).exists()


def test_weights_of_another_size_are_refused(
    tmp_path: Path, recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe, tmp_path / "a", "--set", "network=rde-r50", "--set", f"start={whole}") == 5
    assert "does not fit rde-r50" in refused(capsys)
    with torch.device("meta"):
        shapes = RDENet(RDE_R50).state_dict()
    large = {name: torch.zeros(t.shape, dtype=torch.float16) for name, t in shapes.items()}
    save_weights(large, tmp_path / "large.safetensors")
    start = f"start={tmp_path / 'large.safetensors'}"
    assert train(recipe, tmp_path / "b", "--set", start) == 5
    assert "rde-r50" in refused(capsys)


@pytest.mark.parametrize("kind", ["missing mask", "corrupt picture", "no root", "wrong name"])
def test_bad_data_is_named(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_training_data(tmp_path / "data")
    named = root / "davis" / "Annotations" / "clip1" / "00003.png"
    options: tuple[str, ...] = ()
    if kind == "missing mask":
        named.unlink()
    elif kind == "corrupt picture":
        for picture in (root / "davis" / "JPEGImages").glob("*/*.jpg"):
            cut_short(picture)
        named = root / "davis" / "JPEGImages"
    elif kind == "no root":
        named = tmp_path / "elsewhere"
        options = ("--set", f"data.root={named}")
    else:
        options = ("--set", "data.videos=[{path: davis, leave_out: [clip7]}]")
        named = Path("clip7")
    recipe = write_recipe(tmp_path / "tiny.yaml", root)
    assert train(recipe, tmp_path / "run", *options) == 4
    assert str(named) in refused(capsys)


def test_an_unknown_key_names_the_nearest(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(recipe.read_text() + "curiculum: []\n")
    assert train(recipe, tmp_path / "run") == 3
    said = refused(capsys)
    assert "curriculum" in said
    assert f"{recipe}:" in said


def test_a_gradient_that_is_no_number_is_passed_over(
    tmp_path: Path, recipe: Path, whole: Path
) -> None:
    """A step that cannot be taken is left out; the run goes on."""
    weights = {n.removeprefix("weights/"): t for n, t in tensors(whole).items() if "weights/" in n}
    broken, *_, sound = sorted(weights)
    weights[broken] = torch.full_like(weights[broken], 3e38)  # overflows: what is read is finite
    save_file(weights, tmp_path / "broken.safetensors")
    start = f"start={tmp_path / 'broken.safetensors'}"
    assert train(recipe, tmp_path / "run", "--set", start, "--set", "iterations=2") == 0
    state, _ = read_checkpoint(checkpoint_path(tmp_path / "run"))
    assert (state.iteration, state.steps) == (2, 0)
    assert torch.equal(state.weights[sound], weights[sound])


def test_a_run_that_has_diverged_ends_with_an_error(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phase = "[{until: 1.0, frames: 2, clips: 1, size_px: 32, max_jump: 1}]"
    options = ("iterations=40", "optimiser.lr=1e30", "optimiser.clip_norm=0", f"curriculum={phase}")
    assert train(recipe, tmp_path / "run", *(part for o in options for part in ("--set", o))) == 2
    assert "the run has diverged: no finite gradient in 20 steps" in refused(capsys)


# Schedules, lists, packs.


def test_rates_fall_in_steps_as_published() -> None:
    steps = Optimiser(steps=[0.5, 0.75])
    shares = (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)
    assert [rate(steps, share) for share in shares] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_cosine_rises_and_falls_to_a_fiftieth() -> None:
    cosine = Optimiser(schedule="cosine", warm_up=0.1)
    assert rate(cosine, 0.0) < 0.01
    assert rate(cosine, 0.05) == pytest.approx(0.5, abs=0.02)
    assert rate(cosine, 1.0) == pytest.approx(0.02)
    falling = [rate(cosine, share / 100) for share in range(10, 101)]
    assert falling == sorted(falling, reverse=True)


def test_every_shipped_recipe_is_listed_and_loads(capsys: pytest.CaptureFixture[str]) -> None:
    assert rde_roto("train", "list") == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"stage0", "stage1", "stage2", "stage3", "rde-lite", "rde-lite-open"} <= set(listed)
    for name in listed:
        recipe = recipe_library().load(name)
        assert recipe.curriculum[-1].until == 1.0
        assert recipe.description


def test_a_packed_set_trains_as_a_folder_does(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "set.zip"
    scoring = ("--set", "scoring.path=davis", "--set", "scoring.lines=96")
    assert rde_roto("train", "pack", str(recipe), "--out", str(packed), *scoring) == 0
    said = capsys.readouterr().out
    assert "2 sequences of 12 frames, 3 stills" in said
    start = ("--set", "start=rde-lite")  # what knows nothing yet scores nothing
    options = ("--set", f"data.root={packed}", "--set", "iterations=2", *start, *scoring)
    assert train(recipe, tmp_path / "run", *options) == 0
    assert read_checkpoint(checkpoint_path(tmp_path / "run"))[0].best > 0
