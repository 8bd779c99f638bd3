"""``rde-roto model``: list, inspect, install and export models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.doors.console import print_line, print_lines

app = typer.Typer(no_args_is_help=True, help="Models: list, card, install, export.")


@app.command("list")
def list_() -> None:
    """List the models: licence, commercial use, size and folder."""
    from rde_roto.model.weights import licence_line, list_models

    for model in list_models():
        size_mb = model.path.stat().st_size / 1e6
        default = "the default, " if model.name == DEFAULT_MODEL else ""
        print_line(licence_line(model))
        print_line(f"    {default}{size_mb:.1f} MB, {model.path}")


@app.command()
def card(name: Annotated[str, typer.Argument(help="Name of a model, or a weights file.")]) -> None:
    """Show a model's card: training data, licence, figures."""
    from rde_roto.model.weights import find_model
    from rde_roto.values.errors import WeightsError

    model = find_model(name)
    if model.card is None:
        raise WeightsError(f"{model.path} has no card beside it ({model.name}.yaml)")
    values = model.card.model_dump(mode="json")
    print_lines(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="Weights: .safetensors, or a published .pth.")],
    name: Annotated[str | None, typer.Option(help="Name of the installed model.")] = None,
) -> None:
    """Check a weights file and add it to your models."""
    from rde_roto.model.weights import install_model, licence_line

    model = install_model(file, name)
    print_line(f"installed: --model {model.name}  ({model.path})")
    print_line(licence_line(model))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder to write to (default: the folder of your models)."
        ),
    ] = None,
) -> None:
    """Export a training run as a model: half-precision weights and a card to complete."""
    from rde_roto.model.weights import user_model_folder
    from rde_roto.training.export import export_model

    model = export_model(run, name, out or user_model_folder())
    print_line(f"wrote {model.path} and its card; add the licence to the card")
