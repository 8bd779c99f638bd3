"""Where preset files are found; `library` reads them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from rde_roto.documents.library import Library
from rde_roto.documents.reading import Setting
from rde_roto.values.preset import Preset


def default_preset_folders() -> tuple[Path, ...]:
    """Return the folder of shipped presets, then the user's folder, then those of
    $RDE_ROTO_PRESETS.

    A later folder's preset hides an earlier one of the same name. Shipped presets are in the
    installed package, or at the top of a source checkout. $RDE_ROTO_PRESETS is written like $PATH,
    so its first folder has precedence and comes last here. Folders need not exist.
    """
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "presets", package.parents[1] / "presets"
    shipped = installed if installed.is_dir() else checkout
    return (shipped, user_preset_folder(), *reversed(studio_preset_folders()))


def studio_preset_folders() -> tuple[Path, ...]:
    """Return the folders of $RDE_ROTO_PRESETS, the first one that wins first."""
    folders = os.environ.get("RDE_ROTO_PRESETS", "").split(os.pathsep)
    return tuple(Path(folder) for folder in folders if folder)


def user_preset_folder() -> Path:
    """Return the folder of the user's own presets, which need not exist."""
    return platformdirs.user_config_path("rde-roto", appauthor=False) / "presets"


class PresetLibrary(Library[Preset]):
    """The presets of some folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(Preset, "preset", folders, example="tracking.memory_every=5")


def preset_library() -> PresetLibrary:
    """Return the presets in the default folders."""
    return PresetLibrary(default_preset_folders())


def load_preset(name_or_path: str | Path, overrides: Sequence[str | Setting] = ()) -> Preset:
    """Load a preset by name or path; see `Library.load` for overrides and errors."""
    return preset_library().load(name_or_path, overrides)
