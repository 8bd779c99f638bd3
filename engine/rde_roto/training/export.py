"""Exports a run as a model: half-precision weights and their card."""

from __future__ import annotations

from pathlib import Path

from rde_roto.documents.model_card import ModelCard
from rde_roto.model.click_model import CLICK_FOLDER
from rde_roto.model.weight_files import save_weights
from rde_roto.model.weights import ModelFile, write_card
from rde_roto.training.checkpoint import checkpoint_path, read_checkpoint
from rde_roto.training.recipe import Recipe
from rde_roto.training.start import built, halved, trained_weights
from rde_roto.values.plain_text import counted


def export_model(run: Path, name: str, folder: Path) -> ModelFile:
    """Write a run's averaged weights and their card into a folder of models.

    The network that selects by clicks does not track: it goes into a folder of its own there.

    Raises InputError when there is no run, OutputError when the folder is not writable.
    """
    state, recipe = read_checkpoint(checkpoint_path(run))
    weights = trained_weights(state)
    built(weights, run, recipe)  # raises if anything is missing
    folder = folder / CLICK_FOLDER if recipe.network == "clicks" else folder
    target = folder / f"{name}.safetensors"
    card = ModelCard(
        name=name,
        architecture=recipe.network,
        sha256=save_weights(halved(weights), target),
        licence="unknown: state it here; what the weights were trained on decides",
        summary=f"{recipe.network}, trained by the recipe {recipe.name}",
        training_data=_sources(recipe),
        trained_at=(
            f"{state.iteration} of {counted(recipe.iterations, 'iteration')}, "
            f"{counted(round(state.seconds / 60), 'minute')}, started from {recipe.start}"
        ),
        figures={"mean J&F while training": round(state.best, 3)} if state.best else {},
    )
    write_card(card, target)
    return ModelFile(target, card)


def _sources(recipe: Recipe) -> tuple[str, ...]:
    videos = (
        f"{v.path}, without {', '.join(v.leave_out) or 'nothing'}" for v in recipe.data.videos
    )
    return (*videos, *(still.path for still in recipe.data.stills))
