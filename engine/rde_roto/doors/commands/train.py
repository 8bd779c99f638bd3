"""``rde-roto train``: train a recipe, in pieces of any length; pack data sets."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption
from rde_roto.training.recipe import VideoSource
from rde_roto.training.recipe_files import load_recipe, recipe_library
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.plain_text import counted

if TYPE_CHECKING:
    from rde_roto.training.trainer import Report

RecipeSetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the recipe; repeatable."),
]

_EVERY = 20
"""Iterations between two lines of progress."""


class _RecipeFirst(TyperGroup):
    """Accept `train RECIPE …` for `train run RECIPE …`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RecipeFirst,
    no_args_is_help=True,
    subcommand_metavar="RECIPE --out DIR | COMMAND",
    help="Training: rde-roto train RECIPE --out DIR; list, watch, average, pack.",
)


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or its file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run.")],
    resume: Annotated[bool, typer.Option(help="Resume the run in DIR, if there is one.")] = False,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop after this time; --resume continues.")
    ] = None,
    set_: RecipeSetOption = None,
    watch: Annotated[bool, typer.Option(help="Show the loss in a window of its own.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a recipe. Under torchrun several processes share the task."""
    settings = load_recipe(recipe, set_ or ())
    if watch:
        _check_window()

    from rde_roto.model.devices import choose_device
    from rde_roto.training.clips.sampler import ClipSampler
    from rde_roto.training.footage.readers import read_footage
    from rde_roto.training.processes import joined, rank
    from rde_roto.training.scoring import Scorer
    from rde_roto.training.start import begin
    from rde_roto.training.trainer import Trainer

    with joined(choose_device(device)) as target:
        net, state = begin(settings, out, resume)
        sampler = ClipSampler(read_footage(settings.data), settings, target)
        score = Scorer(settings, out, target) if settings.scoring.path else None
        trainer = Trainer(net.to(target), state, settings, sampler, score)
        if watch and rank() == 0:
            # a process of its own: it outlives this one, and takes no time of the training's thread
            Popen([sys.executable, "-m", "rde_roto", "train", "watch", str(out)])
        finished = trainer.run(out, minutes, _print_progress)
        if rank() == 0:
            ending = "finished" if finished else f"stopped; continue with --resume --out {out}"
            print_line(f"{settings.name}: iteration {state.iteration}, {ending}")


@app.command("watch")
def watch_run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run.")],
) -> None:
    """Show the loss of a run in a window, while it is trained, here or elsewhere."""
    _check_window()
    if not folder.is_dir():
        raise InputError(f"{folder}: expected the folder of a run, found none; see train --out")

    from rde_roto.doors.viewer.training_window import show_run

    raise typer.Exit(show_run(folder))


def _check_window() -> None:
    """Raise UsageError where no window can be shown."""
    from rde_roto.doors.commands.view import why_no_window

    reason = why_no_window()
    if reason is not None:
        raise UsageError(reason)


def _print_progress(report: Report) -> None:
    row = report.row
    if report.score is not None:
        print_line(f"iteration {row.iteration}: J&F {report.score:.3f} on the scoring sequences")
    if row.iteration % _EVERY == 0 or row.iteration == report.iterations:
        loss = row.segmentation + row.guidance + row.consistency
        print_line(
            f"iteration {row.iteration}/{report.iterations}  loss {loss:.4f}  "
            f"{report.pace:.2f} s each, {100 * report.waiting:.0f} % waiting  "
            f"{report.seconds_left / 60:.0f} min left"
        )


@app.command("list")
def list_() -> None:
    """List the recipes and what each is for."""
    for entry in recipe_library().names():
        print_line(f"{entry.name:16} {entry.description}")


@app.command()
def average(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of the runs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the averaged run.")],
) -> None:
    """Average the weights of several runs; others may start from the result."""
    from rde_roto.training.average import average_runs

    average_runs(runs, out)
    print_line(
        f"{out}: the mean of {counted(len(runs), 'run')}; start from it with --set start={out}"
    )


@app.command()
def pack(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or its file.")],
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="Packed set to write (.zip).")],
    lines: Annotated[
        int, typer.Option(min=64, help="Height that larger pictures are reduced to.")
    ] = 208,
    quality: Annotated[int, typer.Option(min=1, max=95, help="JPEG quality.")] = 45,
    set_: RecipeSetOption = None,
) -> None:
    """Pack all that a recipe trains on and is scored on into one file."""
    from rde_roto.training.footage.pack import pack as write

    settings = load_recipe(recipe, set_ or ())
    scoring = settings.scoring
    scored = (VideoSource(path=scoring.path, only=scoring.sequences),) if scoring.path else ()
    report = write(settings.data, out, lines, quality, scored)
    print_line(
        f"{out}: {counted(report.sequences, 'sequence')} of {counted(report.frames, 'frame')}, "
        f"{counted(report.stills, 'still')}, {report.size_bytes / 1e6:.1f} MB; "
        f"train with --set data.root={out}"
    )
