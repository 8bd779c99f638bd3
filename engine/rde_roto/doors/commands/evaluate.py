"""``rde-roto eval``: score the tracker by J and F on sequences in the layout of DAVIS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rde_roto.atomic import write_text
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.options import DeviceOption, ModelOption, PresetOption, SetOption
from rde_roto.evaluation.ablation import ablations
from rde_roto.values.errors import UsageError

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
    from rde_roto.doors.commands.evaluate_runs import Run, compared, scored
    from rde_roto.evaluation.davis import DavisSet

    run = Run.open(DavisSet(root, play, keyframes), sequences, model, device)
    if learn:
        from rde_roto.doors.commands.evaluate_learning import learned

        found = learned(run, settings, minutes, out)
    elif varied is None:
        found = scored(run, settings, out)
    else:
        found = compared(run, varied, out)
    if json_file is not None:
        figures = {**run.figures(settings), **found}
        write_text(json_file, json.dumps(figures, indent=2) + "\n")
