"""The mean of several runs' weights, as a run that others start from or that is exported."""

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
    """Writes the mean of what runs are about into a folder of its own, as a run without moments.

    Stages of one training lie in one basin, where the mean is better than each (Wortsman et al.,
    "Model Soups", ICML 2022). The recipe that is kept is the last run's.

    Raises UsageError when ``out`` holds a run, or the runs are not of one network; InputError for
    one that is missing or damaged; OutputError.
    """
    if checkpoint_path(out).exists():
        raise UsageError(f"{out} holds a run already: choose another --out")
    read = [read_checkpoint(checkpoint_path(run)) for run in runs]
    networks = sorted({recipe.network for _, recipe in read})
    if len(networks) > 1:
        raise UsageError(f"only runs of one network have a mean; these are {', '.join(networks)}")
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
