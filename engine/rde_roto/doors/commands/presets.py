"""``rde-roto preset``: list, show and check presets."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from rde_roto.atomic import write_text
from rde_roto.documents.library import is_path
from rde_roto.documents.preset_files import (
    preset_library,
    studio_preset_folders,
    user_preset_folder,
)
from rde_roto.doors.console import print_line, print_lines
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.plain_text import is_plain_name
from rde_roto.values.preset import Preset, preset_schema
from rde_roto.values.yaml_format import yaml_pair

_MOST_NAME_BYTES: Final = 200
"""File names may have 255, of which a suffix and a temporary name take some."""

app = typer.Typer(no_args_is_help=True, help="Presets: list, show, new, check, schema.")


@app.command("list")
def list_() -> None:
    """List the presets: name, purpose and file."""
    for entry in preset_library().names():
        print_line(f"{entry.name:12} {entry.description}")
        print_line(f"{'':12} {entry.path}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of a preset, or its file.")]) -> None:
    """Show a preset with all that it inherits, every key explained."""
    print_lines(preset_library().load(name).to_yaml())


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the new preset.")],
    base: Annotated[
        str, typer.Option("--from", metavar="NAME", help="Preset that it starts from.")
    ] = "standard",
) -> None:
    """Write a preset of your own that starts from another one; then edit its file."""
    if not is_plain_name(name) or "." in name or len(name.encode()) > _MOST_NAME_BYTES:
        raise UsageError(
            f"'{name}' cannot name a preset: use letters, digits, _ and -, at most "
            f"{_MOST_NAME_BYTES}"
        )
    if is_path(base):  # presets extend each other by name
        raise UsageError(
            f"--from {base}: expected the name of a preset; put that file into a folder of presets "
            "to start from it"
        )
    path = user_preset_folder() / f"{name}.yaml"
    if path.exists():
        raise UsageError(f"{path} exists already: edit it, or choose another name")
    for theirs in (folder / path.name for folder in studio_preset_folders()):
        if theirs.is_file():
            raise UsageError(f"{theirs} would come before yours: choose another name")
    write_text(path, _template(name, preset_library().load(base)))
    try:
        preset_library().load(name)
    except DocumentError as error:  # it would take the place of a preset that its base starts from
        path.unlink()
        raise UsageError(
            f"{name} cannot start from {base}: {error}; choose another name"
        ) from error
    print_line(f"wrote {path}; edit it, then: rde-roto preset check {shlex.quote(str(path))}")


def _template(name: str, base: Preset) -> str:
    """Return the text of a preset that changes nothing yet: the values of its base are comments."""
    values = base.to_yaml().partition("\n\n")[2]
    lines = [
        f"# Your preset {name}. What is not set here is as in {base.name}: to change a value, take",
        "# away the # before it and before the name of its section.",
        yaml_pair("description", f"Starts from {base.name}."),
        yaml_pair("extends", base.name),
        "",
        *(f"# {line}".rstrip() for line in values.splitlines()),
    ]
    return "\n".join(lines) + "\n"


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Preset file to check.")]) -> None:
    """Check a preset file; an error names its line."""
    preset = preset_library().load(file)
    print_line(f"{file}: preset '{preset.name}' is valid")


@app.command()
def schema() -> None:
    """Print the JSON schema of preset files, for editors."""
    print_lines(json.dumps(preset_schema(), indent=2))
