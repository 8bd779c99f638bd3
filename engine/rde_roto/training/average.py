"""Averages the weights of several runs into a run to start from or to export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from rde_roto.training.checkpoint import (
    RunState,
    checkpoint_path,
    read_checkpoint,
    save_checkpoint,
)
from rde_roto.training.start import trained_weights
from rde_roto.values.errors import UsageError


def average_runs(runs: Sequence[Path], out: Path) -> None:
    """Write the mean of the runs' weights into a new run, without optimiser state.

    Stages of one training lie in one basin of the loss, where the mean is better than each of them
    (Wortsman et al., "Model Soups", ICML 2022). The new run has the last run's recipe.

    Raises UsageError when ``out`` already has a run, or the runs are of different networks;
    InputError for a run that is missing or damaged; OutputError.
    """
    if checkpoint_path(out).exists():
        raise UsageError(f"{out} holds a run already: choose another --out")
    read = [read_checkpoint(checkpoint_path(run)) for run in runs]
    networks = sorted({recipe.network for _, recipe in read})
    if len(networks) > 1:
        raise UsageError(f"runs of different networks have no mean: {', '.join(networks)}")
    each = [trained_weights(state) for state, _ in read]
    mean = {
        name: torch.stack([weights[name].float() for weights in each]).mean(dim=0).to(tensor.dtype)
        for name, tensor in each[-1].items()
    }
    last, recipe = read[-1]
    out.mkdir(parents=True, exist_ok=True)
    seconds = sum(state.seconds for state, _ in read)
    state = RunState(mean, {}, {}, {}, iteration=last.iteration, seconds=seconds)
    save_checkpoint(out, state, recipe)
