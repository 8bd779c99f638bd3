"""Evaluation during a run: the averaged weights on whole development sequences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import torch

from rde_roto.evaluation.davis import DavisSet
from rde_roto.model.weight_files import build, save_weights
from rde_roto.model.weights import Model
from rde_roto.training.checkpoint import RunState
from rde_roto.training.recipe import Recipe
from rde_roto.training.start import halved, trained_weights
from rde_roto.values.preset import Preset, Tracking


class Scorer:
    """Scores states of a run and saves the weights of the best one in ``best.safetensors``.

    Calling it with a state returns mean J&F, 0..1, over the recipe's sequences, with the full bank.
    """

    def __init__(self, recipe: Recipe, run: Path, device: torch.device) -> None:
        self._recipe, self._run, self._device = recipe, run, device

    def __call__(self, state: RunState) -> float:
        weights = {name: tensor.cpu() for name, tensor in trained_weights(state).items()}
        net = build(weights, self._run, self._recipe.network)
        model = Model(self._recipe.name, net, sha256=str(state.iteration), licence="in training")
        scoring = self._recipe.scoring
        preset = Preset(name="scoring", tracking=Tracking(lines=scoring.lines))
        with (
            _folder(Path(self._recipe.data.root), scoring.path) as root,
            TemporaryDirectory() as out,
        ):
            data = DavisSet(root)
            names = data.names(tuple(scoring.sequences))
            score = fmean(
                data.evaluate(name, preset, model, self._device, Path(out)).j_and_f
                for name in names
            )
        if score > state.best:
            state.best = score
            save_weights(halved(weights), self._run / "best.safetensors")
        return score


@contextmanager
def _folder(root: Path, inner: str) -> Iterator[Path]:
    """A folder of the data, or a temporary copy of it from a packed set."""
    if root.suffix != ".zip":
        yield root / inner
        return
    with TemporaryDirectory() as folder, ZipFile(root) as packed:
        packed.extractall(folder, [n for n in packed.namelist() if n.startswith(f"{inner}/")])
        yield Path(folder) / inner
