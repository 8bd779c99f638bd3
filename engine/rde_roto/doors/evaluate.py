"""``rde-roto eval``: score the tracker by J and F on sequences in the layout of DAVIS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rde_roto.atomic import write_text
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption, ModelOption, PresetOption, SetOption
from rde_roto.evaluation.ablation import ablations
from rde_roto.values.errors import UsageError
from rde_roto.values.preset import Preset

if TYPE_CHECKING:
    import torch

    from rde_roto.evaluation.davis import DavisSet, SequenceResult, SetResult
    from rde_roto.model.weights import Model


RootArgument = Annotated[
    Path, typer.Argument(help="Folder in the layout of DAVIS, with JPEGImages and Annotations.")
]
SequencesOption = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Sequences, such as a,b,c (default: all).")
]
AblateOption = Annotated[
    str | None,
    typer.Option(metavar="WHAT", help="Compare settings in a table: bank, theta, or bank,theta."),
]
PlayOption = Annotated[
    int | None,
    typer.Option(metavar="UPDATES", min=1, help="Play back and forth for N memory updates."),
]
LearnOption = Annotated[
    bool,
    typer.Option(
        "--learn", help="Compare the model as it is with the model after learning each shot."
    ),
]
MinutesOption = Annotated[
    float | None, typer.Option(metavar="M", min=0.05, help="Time to learn each shot.")
]
KeyframesOption = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, help="Number of keyframes given, evenly spread over each sequence."
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Keep the label images in this folder.")
]
JsonOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write the figures to this file, as JSON."),
]


def evaluate(
    root: RootArgument,
    sequences: SequencesOption = None,
    model: ModelOption = DEFAULT_MODEL,
    preset: PresetOption = "standard",
    set_: SetOption = None,
    device: DeviceOption = "auto",
    ablate: AblateOption = None,
    play: PlayOption = None,
    learn: LearnOption = False,
    minutes: MinutesOption = None,
    keyframes: KeyframesOption = 1,
    out: OutOption = None,
    json_file: JsonOption = None,
) -> None:
    """Track each sequence from its first mask and score it, without its first and last frame."""
    settings = load_preset(preset, set_ or ())
    varied = ablations(settings, tuple(ablate.split(","))) if ablate else None

    if learn and (ablate or play):
        raise UsageError("--learn cannot be combined with --ablate or --play: leave them out")
    if minutes is not None and not learn:
        raise UsageError("--minutes limits how long --learn takes: add --learn, or leave it out")
    if play and keyframes > 1:
        raise UsageError("--play starts from the first mask alone: leave --keyframes out")
    from rde_roto.evaluation.davis import DavisSet

    run = _open(DavisSet(root, play, keyframes), sequences, model, device)
    if learn:
        from rde_roto.doors.evaluate_learning import learned

        found = learned(run, settings, minutes, out)
    elif varied is None:
        found = _scored(run, settings, out)
    else:
        found = _compared(run, varied, out)
    if json_file is not None:
        figures = {**_figures_of_run(run, settings), **found}
        write_text(json_file, json.dumps(figures, indent=2) + "\n")


def _figures_of_run(run: Run, preset: Preset) -> dict[str, Any]:
    return {
        "model": run.model.name,
        "weights": run.model.sha256,
        "device": str(run.device),
        "tracking": preset.tracking.model_dump(mode="json"),
        "keyframes": run.data.keyframes,
    }


@dataclass(frozen=True)
class Run:
    """What all presets of one evaluation share."""

    data: DavisSet
    names: tuple[str, ...]
    device: torch.device
    model: Model

    def results(self, preset: Preset, out: Path | None) -> Iterator[SequenceResult]:
        """Evaluate each sequence; without ``out`` its label images are gone before the next."""
        for name in self.names:
            with nullcontext(str(out)) if out else TemporaryDirectory() as folder:
                yield self.data.evaluate(name, preset, self.model, self.device, Path(folder))


def _open(data: DavisSet, sequences: str | None, model: str, device: str) -> Run:
    """Open what the arguments name: the weights last, since they take longest."""
    from rde_roto.doors.rendering import print_licence
    from rde_roto.model.devices import choose_device
    from rde_roto.model.weights import load_model

    names = data.names(tuple(sequences.split(",")) if sequences else ())
    run = Run(data, names, choose_device(device), load_model(model))
    print_licence(run.model)
    return run


def _scored(run: Run, preset: Preset, out: Path | None) -> dict[str, Any]:
    """Score one preset, and print a row for each sequence and one for their mean."""
    from rde_roto.evaluation.davis import SetResult

    played = f" {'lap 1':>6} {'last':>6}" if run.data.play else ""
    heads = f"{'J&F':>6} {'J':>6} {'F':>6}  {'J by tenth in %':39}{played}"
    print_line(f"{'sequence':16} {heads}   fps")
    results = []
    for result in run.results(preset, out):
        results.append(result)
        print_line(_row(result))
    total = SetResult(tuple(results))
    print_line(f"{'mean':16} {_scores(total)}")
    return figures_of_set(total)


def _compared(run: Run, varied: Mapping[str, Preset], out: Path | None) -> dict[str, Any]:
    """Compare presets: a row for each, the sequences' J&F in the last columns."""
    from rde_roto.evaluation.davis import SetResult

    heads = f"{'J&F':>6} {'J':>6} {'F':>6} {'fps':>6} {'state bytes':>12}"
    names = " ".join(f"{name:>6}" for name in run.names)
    print_line(f"{'setting':15} {heads}  {names}")
    figures = {}
    for name, preset in varied.items():
        total = SetResult(tuple(run.results(preset, out / name if out else None)))
        of_each = " ".join(f"{r.j_and_f:{max(6, len(r.name))}.3f}" for r in total.sequences)
        speed = f"{total.frames_per_second:6.2f} {total.state_bytes:12,}"
        print_line(f"{name:15} {_scores(total)} {speed}  {of_each}")
        tracking = preset.tracking.model_dump(mode="json")
        figures[name] = {"tracking": tracking, **figures_of_set(total)}
    return {"ablation": figures}


def _scores(result: SequenceResult | SetResult) -> str:
    return f"{result.j_and_f:6.3f} {result.j:6.3f} {result.f:6.3f}"


def _row(result: SequenceResult) -> str:
    tenths = " ".join(f"{100 * tenth:3.0f}" for tenth in result.j_by_part(10))
    laps = "".join(f" {j:6.3f}" for j in result.j_of_laps or ())
    speed = result.delivery.frames_per_second
    return f"{result.name:16} {_scores(result)}  {tenths}{laps} {speed:5.2f}"


def figures_of_set(total: SetResult) -> dict[str, Any]:
    """Return the figures of a set and its sequences, as JSON has them."""
    return {
        "mean": {"J&F": total.j_and_f, "J": total.j, "F": total.f},
        "frames per second": total.frames_per_second,
        "peak state bytes": total.state_bytes,
        "sequences": {result.name: _figures(result) for result in total.sequences},
    }


def _figures(result: SequenceResult) -> dict[str, Any]:
    laps = result.j_of_laps
    return {
        "J&F": result.j_and_f,
        "J": result.j,
        "F": result.f,
        "J by quarter": result.j_by_part(4),
        "J by tenth": result.j_by_part(10),
        **({} if laps is None else {"J of the first lap": laps[0], "J of the last lap": laps[1]}),
        "memory updates": result.updates,
        "state bytes": result.state_bytes,
        "frames per second": result.delivery.frames_per_second,
    }
