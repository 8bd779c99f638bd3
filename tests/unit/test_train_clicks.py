"""`rde-roto train` for the network that selects by clicks, on small real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from test_training import rde_roto, refused, train
from training_data import write_training_data

from rde_roto.model.click_model import ClickModel, load_click_model
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.model.weights import load_model
from rde_roto.training.checkpoint import checkpoint_path, read_checkpoint
from rde_roto.training.clicks.simulated_clicks import depth, next_click
from rde_roto.training.runlog import read_log

pytest_plugins = ("command_line_fixtures",)

CPU = torch.device("cpu")

RECIPE = """\
network: clicks
start: rde-lite
iterations: {iterations}
save_every: 4
seed: 3
data:
  root: {root}
  videos: [{{path: davis}}]
  stills: [{{path: stills}}]
mixture: {{video: 1.0, still: 1.0}}
video: {{on_element: 1.0, crop_area: [0.6, 1.0]}}
still: {{on_element: 1.0, crop_area: [0.6, 1.0]}}
perturbation: {{iou: [1.0, 1.0]}}
curriculum:
  - {{until: 1.0, frames: 2, clips: 1, size_px: 48, max_jump: 1}}
losses: {{dice: 1.0, hardest: 0.5}}
optimiser: {{lr: 1.0e-3, frozen: [key_encoder.], schedule: cosine, clip_norm: 1.0, ema: 0.9}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_data(tmp_path_factory.mktemp("data"))


def write_recipe(path: Path, root: Path, iterations: int = 8) -> Path:
    path.write_text(RECIPE.format(root=root, iterations=iterations), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A run of eight iterations that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(write_recipe(folder / "tiny.yaml", data), folder / "run") == 0
    return folder / "run"


def test_it_learns_on_the_trunk_of_the_tracker(tmp_path: Path, data: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.yaml", data, iterations=14)
    assert train(recipe, tmp_path / "run") == 0
    losses = [row.segmentation for row in read_log(tmp_path / "run")]
    assert len(losses) == 14
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    state, _ = read_checkpoint(checkpoint_path(tmp_path / "run"))
    lite = load_model("rde-lite").net.state_dict()
    trunk = [name for name in state.weights if name.startswith("key_encoder.")]
    assert trunk
    assert all(torch.equal(state.weights[name], lite[name]) for name in trunk)
    assert not torch.equal(state.weights["key_comp.weight"], lite["key_comp.weight"])


def test_a_run_in_pieces_is_the_same_run(tmp_path: Path, data: Path, whole: Path) -> None:
    recipe, out = write_recipe(tmp_path / "tiny.yaml", data), tmp_path / "run"
    assert train(recipe, out, "--minutes", "0") == 0
    assert train(recipe, out, "--resume") == 0
    one, other = (load_file(checkpoint_path(run)) for run in (whole, out))
    assert one.keys() == other.keys()
    assert len(one) > 100
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("home")
def test_a_run_becomes_what_smart_select_uses(whole: Path) -> None:
    assert rde_roto("model", "export", str(whole), "--name", "clicks") == 0
    model = load_click_model(CPU)
    geometry = Geometry((48, 64), (48, 64))
    frame = model.encode(Picture(np.zeros((48, 64, 3), np.float32)), geometry)
    answer = model.answer(frame, torch.zeros(3, 48, 64))
    assert answer.shape == (48, 64)
    assert ((answer > 0) & (answer < 1)).all()
    assert isinstance(model, ClickModel)


def test_pictures_that_are_left_out_are_not_trained_on(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path / "tiny.yaml", data)
    left_out = "data.stills=[{{path: stills, leave_out: [{}]}}]".format
    assert train(recipe, tmp_path / "run", "--set", left_out('"0", "1", "2"')) == 4
    assert "there is no picture in" in refused(capsys)
    assert train(recipe, tmp_path / "run", "--set", left_out("hero")) == 4
    assert "there is no picture 'hero'" in refused(capsys)


def test_clicks_are_not_scored_as_a_track(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path / "tiny.yaml", data)
    assert train(recipe, tmp_path / "run", "--set", "scoring.path=davis") == 3
    assert "leave scoring.path empty" in refused(capsys)


def test_the_next_click_goes_to_the_middle_of_the_largest_error() -> None:
    truth = torch.zeros(40, 60, dtype=torch.bool)
    truth[10:31, 10:31] = True
    nothing = torch.zeros_like(truth)
    assert next_click(nothing, truth) == (20, 20, True)
    found = truth.clone()
    found[18:23, 40:45] = True
    assert next_click(found, truth) == (20, 42, False)
    found[24:27, 12:15] = False  # smaller than what is too much
    assert next_click(found, truth) == (20, 42, False)
    assert next_click(truth, truth) is None
    assert depth(truth).max() == 11


def test_the_edge_of_the_picture_is_an_edge() -> None:
    truth = torch.zeros(40, 60, dtype=torch.bool)
    truth[:, :21] = True
    row, column, adds = next_click(torch.zeros_like(truth), truth) or (0, 0, False)
    assert (column, adds) == (10, True)
    assert 10 <= row < 30
