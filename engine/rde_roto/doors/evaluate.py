"""``rde-roto eval``: J and F on sequences laid out as DAVIS is."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rde_roto.doors.propagate import DeviceOption, ModelOption, PresetOption, SetOption
from rde_roto.values.preset_files import PresetLibrary, default_preset_folders

if TYPE_CHECKING:
    from rde_roto.evaluation.davis import SequenceResult


def evaluate(
    root: Annotated[Path, typer.Argument(help="Folder with JPEGImages and Annotations.")],
    sequences: Annotated[
        str | None, typer.Option(metavar="NAMES", help="a,b,c; all by default.")
    ] = None,
    model: ModelOption = "rde-lite",
    preset: PresetOption = "standard",
    set_: SetOption = None,
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keeps the label images here.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="The figures as JSON.")
    ] = None,
) -> None:
    """Tracks each sequence from its first mask and scores it; first and last frame left out."""
    settings = PresetLibrary(default_preset_folders()).load(preset, set_ or ())

    from rde_roto.devices import choose_device
    from rde_roto.evaluation.davis import DavisSet
    from rde_roto.models import load_model

    data = DavisSet(root)
    names = data.names(tuple(sequences.split(",")) if sequences else ())
    network, target = load_model(model), choose_device(device)
    results = []
    print(f"{'sequence':20} {'J&F':>6} {'J':>6} {'F':>6}   J by quarter             frames/s")
    with nullcontext(str(out)) if out else TemporaryDirectory() as folder:
        for name in names:
            result = data.evaluate(name, settings, network, target, Path(folder))
            results.append(result)
            print(_row(result), flush=True)
    objects = [score for result in results for score in result.scores]
    mean = {
        "J&F": fmean(score.j_and_f for score in objects),
        "J": fmean(score.mean_j for score in objects),
        "F": fmean(score.mean_f for score in objects),
    }
    print(f"{'mean':20} {mean['J&F']:6.3f} {mean['J']:6.3f} {mean['F']:6.3f}")
    if json_file is not None:
        figures = {
            "model": network.name,
            "weights": network.sha256,
            "device": str(target),
            "tracking": settings.tracking.model_dump(mode="json"),
            "mean": mean,
            "sequences": {result.name: _figures(result) for result in results},
        }
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _row(result: SequenceResult) -> str:
    quarters = " ".join(f"{quarter:.3f}" for quarter in result.j_quarters)
    speed = result.delivery.frames_per_second
    return (
        f"{result.name:20} {result.j_and_f:6.3f} {result.j:6.3f} {result.f:6.3f}   "
        f"{quarters}  {speed:8.2f}"
    )


def _figures(result: SequenceResult) -> dict[str, Any]:
    return {
        "J&F": result.j_and_f,
        "J": result.j,
        "F": result.f,
        "J by quarter": result.j_quarters,
        "frames per second": result.delivery.frames_per_second,
    }
