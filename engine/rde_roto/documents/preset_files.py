"""Preset files: where they lie; `library` says how they are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from rde_roto.documents.library import Library
from rde_roto.documents.reading import Setting
from rde_roto.values.preset import Preset


def default_preset_folders() -> tuple[Path, ...]:
    """The shipped presets, then the user's folder, then those of $RDE_ROTO_PRESETS.

    A later folder's preset hides one of the same name. The shipped ones lie in the installed
    package, or at the top of a source checkout. Folders of $RDE_ROTO_PRESETS are separated as in
    $PATH, and as there the first one is asked first, so that here it is the last. A folder need
    not exist.
    """
    package = Path(__file__).parents[1]
    installed, checkout = package / "presets", package.parents[1] / "presets"
    user = platformdirs.user_config_path("rde-roto", appauthor=False) / "presets"
    studio = os.environ.get("RDE_ROTO_PRESETS", "").split(os.pathsep)
    shipped = installed if installed.is_dir() else checkout
    return (shipped, user, *(Path(folder) for folder in reversed(studio) if folder))


class PresetLibrary(Library[Preset]):
    """The presets of some folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(Preset, "preset", folders, example="tracking.memory_every=5")


def preset_library() -> PresetLibrary:
    """The presets that can be asked for by name here."""
    return PresetLibrary(default_preset_folders())


def load_preset(name_or_path: str | Path, overrides: Sequence[str | Setting] = ()) -> Preset:
    """The preset of that name, or in that file; see `Library.load` for overrides and errors."""
    return preset_library().load(name_or_path, overrides)
