"""A run on disk: one file from which it continues as if it had never stopped.

To keep the file small, the average (as its distance from the weights) and Adam's first moment are
stored in bfloat16. The run itself continues from these rounded values, and its recipe fixes the
iterations at which it saves; so a resumed run equals one that was never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from rde_roto.model.tensors import save_tensors
from rde_roto.training.recipe import Recipe
from rde_roto.values.errors import InputError, UsageError

_FILE_NAME = "checkpoint.safetensors"


@dataclass
class RunState:
    """Everything that training changes, by parameter name, in float32.

    weights: parameters and buffers; average: their running mean, empty if there is none; first,
    second: Adam's moments of the trained parameters; steps: the number of Adam's steps.
    """

    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    first: dict[str, Tensor]
    second: dict[str, Tensor]
    iteration: int = 0
    steps: int = 0
    seconds: float = 0.0
    best: float = 0.0

    @torch.no_grad()
    def round_to_stored(self) -> dict[str, Tensor]:
        """Round the average and Adam's first moment in place to their stored precision.

        Returns the tensors to store, by name.
        """
        stored = {f"weights/{name}": tensor for name, tensor in self.weights.items()}
        for name, mean in self.average.items():
            distance = (mean - self.weights[name]).bfloat16()
            mean.copy_(self.weights[name] + distance)
            stored[f"average/{name}"] = distance
        for name, moment in self.first.items():
            stored[f"first/{name}"] = moment.bfloat16()
            moment.copy_(stored[f"first/{name}"])
        stored |= {f"second/{name}": moment for name, moment in self.second.items()}
        return stored


def checkpoint_path(run: Path) -> Path:
    """Return the path of a run's checkpoint."""
    return run / _FILE_NAME


def save_checkpoint(run: Path, state: RunState, recipe: Recipe) -> None:
    """Write the whole run atomically; rounds its state. Raises OutputError."""
    facts = {key: getattr(state, key) for key in ("iteration", "steps", "seconds", "best")}
    metadata = {"run": json.dumps(facts), "recipe": recipe.model_dump_json()}
    save_tensors(state.round_to_stored(), checkpoint_path(run), metadata)


def read_checkpoint(path: Path) -> tuple[RunState, Recipe]:
    """Read a saved run and its recipe, on the CPU.

    Raises InputError when the file is missing, damaged, or not a run.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            facts = json.loads(metadata["run"])
            recipe = Recipe.model_validate_json(metadata["recipe"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not a complete checkpoint of a run: {reason}") from error
    weights = _part(tensors, "weights")
    average = {
        name: weights[name] + distance.float()
        for name, distance in _part(tensors, "average").items()
    }
    first = {name: moment.float() for name, moment in _part(tensors, "first").items()}
    return RunState(weights, average, first, _part(tensors, "second"), **facts), recipe


def check_same_run(found: Recipe, requested: Recipe, run: Path) -> None:
    """Check that a run can continue with a recipe; only the location of its data may differ.

    Raises UsageError that names the first setting that differs.
    """
    old, new = (_settings(recipe) for recipe in (found, requested))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            raise UsageError(
                f"the run in {run} was started with {key} = {old.get(key)}, now it is "
                f"{new.get(key)}; continue with the same recipe, or choose another --out"
            )


def _settings(recipe: Recipe) -> dict[str, object]:
    """All settings by dotted name, except those that affect neither sampling nor training."""
    flat: dict[str, object] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = value

    walk("", recipe.model_dump(mode="json"))
    for key in ("name", "description", "start", "data.root", "data.cache_mb"):
        flat.pop(key, None)
    return flat


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{part}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}/")
    }


def freeze(net: nn.Module, frozen: Iterable[str]) -> dict[str, nn.Parameter]:
    """Freeze some parameters; returns the others, which are trained, by name.

    Args: frozen, prefixes of the names to freeze; ``*`` stands for any part of a name.
    """
    patterns = [f"{prefix}*" for prefix in frozen]
    learning = {}
    for name, parameter in net.named_parameters():
        stays = any(fnmatchcase(name, pattern) for pattern in patterns)
        parameter.requires_grad_(not stays)
        if not stays:
            learning[name] = parameter
    return learning
