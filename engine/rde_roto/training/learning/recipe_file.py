"""The recipe for learning a shot: `shot` in the folder `learning` of the presets."""

from __future__ import annotations

from rde_roto.documents.library import Library
from rde_roto.documents.preset_files import default_preset_folders
from rde_roto.training.recipe import Recipe


def lesson_recipe() -> Recipe:
    """Load the shipped recipe, or a user's or studio's instead. Raises DocumentError."""
    folders = [folder / "learning" for folder in default_preset_folders()]
    return Library(Recipe, "recipe", folders, example="optimiser.lr=1e-4").load("shot")
