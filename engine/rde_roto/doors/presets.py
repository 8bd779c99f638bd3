"""``rde-roto preset``: list, show and check presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rde_roto.documents.preset_files import PresetLibrary, default_preset_folders
from rde_roto.values.preset import preset_schema

app = typer.Typer(no_args_is_help=True, help="Presets: list, show, check, schema.")


@app.command("list")
def list_() -> None:
    """List the presets: name, purpose and file."""
    for entry in PresetLibrary(default_preset_folders()).names():
        print(f"{entry.name:12} {entry.description}\n{'':12} {entry.path}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of a preset, or its file.")]) -> None:
    """Show a preset with all that it inherits, every key explained."""
    print(PresetLibrary(default_preset_folders()).load(name).to_yaml(), end="")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Preset file to check.")]) -> None:
    """Check a preset file; an error names its line."""
    preset = PresetLibrary(default_preset_folders()).load(file)
    print(f"{file}: preset '{preset.name}' is valid")


@app.command()
def schema() -> None:
    """Print the JSON schema of preset files, for editors."""
    print(json.dumps(preset_schema(), indent=2))
