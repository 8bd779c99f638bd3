"""The start of a run: from ImageNet, other weights, another run, or its own checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from rde_roto.atomic import is_temporary
from rde_roto.model.weight_files import CONFIGS, build, build_click_net
from rde_roto.model.weights import load_model
from rde_roto.net import ClickNet, NetConfig, RDENet
from rde_roto.net.efficientnet import EfficientNetKeyTrunk
from rde_roto.training.checkpoint import (
    RunState,
    check_same_run,
    checkpoint_path,
    freeze,
    read_checkpoint,
)
from rde_roto.training.pretrained import load_lite0
from rde_roto.training.processes import rank
from rde_roto.training.recipe import Recipe
from rde_roto.values.errors import UsageError, WeightsError


def begin(recipe: Recipe, run: Path, resume: bool) -> tuple[RDENet | ClickNet, RunState]:
    """Make the network and the state with which the run in a folder starts or resumes.

    Raises UsageError when there is a run and ``resume`` is false, when it has another recipe, or
    when the folder cannot be created; InputError for a damaged checkpoint; WeightsError when
    weights do not fit the network.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create the run's folder {run}: {error.strerror}") from error
    torch.manual_seed(recipe.seed)
    if rank() == 0:  # only one: others could delete a file that this one is writing
        for leftover in run.glob(".*.tmp"):  # of a run that was killed while writing
            if is_temporary(leftover.name):
                leftover.unlink()
    if not checkpoint_path(run).exists():
        net = _fresh(recipe)
        return net, _first_state(net, recipe)
    if not resume:
        raise UsageError(
            f"{run} already has a run: continue it with --resume, or use another --out"
        )
    state, found = read_checkpoint(checkpoint_path(run))
    check_same_run(found, recipe, run)
    return _network(recipe), state


def built(weights: Mapping[str, Tensor], source: Path, recipe: Recipe) -> RDENet | ClickNet:
    """Build the network that a recipe trains. Raises WeightsError if the weights do not fit."""
    if recipe.network == "clicks":
        return build_click_net(weights, source)
    return build(weights, source, recipe.network)


def trained_weights(state: RunState) -> dict[str, Tensor]:
    """Return the weights that a run produces: the average if there is one."""
    return {**state.weights, **state.average}


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as models store them: floating point in half precision, counters unchanged."""
    return {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}


def _network(recipe: Recipe) -> RDENet | ClickNet:
    return ClickNet() if recipe.network == "clicks" else RDENet(_config(recipe))


def _config(recipe: Recipe) -> NetConfig:
    return next(config for config in CONFIGS if config.name == recipe.network)


def _fresh(recipe: Recipe) -> RDENet | ClickNet:
    start, net = recipe.start, _network(recipe)
    if start in ("random", "imagenet"):
        if start == "imagenet":
            _load_trunk(net)
        return net
    checkpoint = checkpoint_path(Path(start))
    if checkpoint.exists():
        state, _ = read_checkpoint(checkpoint)
        return built(trained_weights(state), checkpoint, recipe)
    model = load_model(start)
    if isinstance(net, ClickNet):
        if model.net.config != net.config:
            raise WeightsError(f"clicks takes over the weights of rde-lite; {start} is another net")
        net.start_from(model.net)
        return net
    if model.net.config.name != recipe.network:
        raise WeightsError(
            f"{start} holds weights of {model.net.config.name}, the recipe trains {recipe.network}"
        )
    return model.net


def _load_trunk(net: RDENet | ClickNet) -> None:
    if not isinstance(net.key_encoder, EfficientNetKeyTrunk):
        raise UsageError(
            f"there are no ImageNet weights for {net.config.name} here; start from a run's folder, "
            "a weights file, or at random: --set start=..."
        )
    load_lite0(net.key_encoder)


def _first_state(net: RDENet | ClickNet, recipe: Recipe) -> RunState:
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    learning = freeze(net, recipe.optimiser.frozen) if recipe.optimiser.ema else ()
    average = {name: weights[name].clone() for name in learning}
    return RunState(weights, average, first={}, second={})
