"""Where recipe files are found; `documents.library` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rde_roto.documents.library import Library
from rde_roto.documents.preset_files import default_preset_folders
from rde_roto.training.recipe import Recipe


def recipe_library() -> Library[Recipe]:
    """Return the recipes in the subfolder `training` of each preset folder."""
    folders = [folder / "training" for folder in default_preset_folders()]
    return Library(Recipe, "recipe", folders, example="optimiser.lr=1e-4")


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Load a recipe by name or path; see `Library.load` for overrides and errors."""
    return recipe_library().load(name_or_path, overrides)
