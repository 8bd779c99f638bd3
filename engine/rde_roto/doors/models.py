"""``rde-roto model``: which weights there are, what is known of them, and how to add one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

app = typer.Typer(no_args_is_help=True, help="Models: list, card, install.")


@app.command("list")
def list_() -> None:
    """Names, licences and where they lie."""
    from rde_roto.models import list_models

    for model in list_models():
        size_mb = model.path.stat().st_size / 1e6
        licence = model.card.licence if model.card else "unknown"
        print(f"{model.name:12} {licence}\n{'':12} {model.path} ({size_mb:.1f} MB)")


@app.command()
def card(name: Annotated[str, typer.Argument(help="A model's name or weights file.")]) -> None:
    """The model's card: training data, licence, figures."""
    from rde_roto.models import find_model
    from rde_roto.values.errors import WeightsError

    model = find_model(name)
    if model.card is None:
        raise WeightsError(f"{model.path} has no card beside it ({model.name}.yaml)")
    print(yaml.safe_dump(model.card.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="Weights: .safetensors or a published .pth.")],
    name: Annotated[str | None, typer.Option(help="The name to ask for it by.")] = None,
) -> None:
    """Checks a weights file and keeps it among your models."""
    from rde_roto.models import install_model

    model = install_model(file, name)
    print(f"installed: --model {model.name}  ({model.path})")
