"""``rde-roto bench``: measure what a frame costs on this machine, one JSON line for each figure."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rde_roto import __version__
from rde_roto.atomic import write_text
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption, ModelOption, PresetOption, SetOption
from rde_roto.shot_files.opening import open_document
from rde_roto.values.errors import UsageError
from rde_roto.values.preset import Precision, Tracking

if TYPE_CHECKING:
    import torch

    from rde_roto.evaluation.speed import Case

app = typer.Typer(invoke_without_command=True, help="Measure what a frame costs on this machine.")

_PLATES: Final = {"480": (480, 854), "720": (720, 1280), "1080": (1080, 1920), "4k": (2160, 4096)}
_LINES_OF_4K: Final = 480
RoundsOption = Annotated[int, typer.Option(min=1, help="Number of timed runs of each case.")]


@app.callback()
def network(
    context: typer.Context,
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZES", help="Sizes, from 480, 720, 1080 and 4k; 4k is tracked at 480 lines."
        ),
    ] = "480",
    elements: Annotated[
        str, typer.Option(metavar="COUNTS", help="Numbers of elements, such as 1,3,5.")
    ] = "1",
    model: Annotated[
        str,
        typer.Option(
            metavar="NETWORKS", help="Networks: rde-lite, rde-r50; their weights are random."
        ),
    ] = "rde-lite",
    precision: Annotated[
        Precision, typer.Option(help="Precision of the convolutions.")
    ] = "float32",
    device: DeviceOption = "auto",
    tf32: Annotated[
        bool,
        typer.Option("--tf32", help="Let NVIDIA GPUs multiply float32 as TF32; renders never do."),
    ] = False,
    rounds: RoundsOption = 5,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Also time the training form of the network, in float32, in the same run.",
        ),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a Markdown table (.md) to this file."),
    ] = None,
) -> None:
    """Time the network, as a whole and stage by stage, on pictures of noise."""
    if context.invoked_subcommand is not None:
        return
    from rde_roto.evaluation.speed import measured, table_of
    from rde_roto.model.devices import choose_device, fix_arithmetic

    where = choose_device(device)
    fix_arithmetic(tf32)
    asked = product(model.split(","), size.split(","), elements.split(","))
    lines = []
    for case in [_case(*one, precision) for one in asked]:
        lines.append({**measured(case, where, rounds, plain), "tf32": tf32})
        _print_figures("network", where, lines[-1])
    if table is not None:
        write_text(table, table_of(lines))


@app.command()
def pipeline(
    shot: Annotated[
        Path | None, typer.Argument(help="Shot document (default: the demo shot).")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    preset: PresetOption = "standard",
    set_: SetOption = None,
    device: DeviceOption = "auto",
    rounds: RoundsOption = 5,
) -> None:
    """Time the stages from a plate to its mattes, then all at once, and name the slowest."""
    from rde_roto.doors.commands.demo import demo_document
    from rde_roto.evaluation.pipeline import PipelineBench
    from rde_roto.model.devices import choose_device
    from rde_roto.model.weights import load_model
    from rde_roto.shot_files import ShotFile

    settings = load_preset(preset, set_ or ())
    if shot is None:
        opened = open_document(demo_document(model), settings)
    else:
        file = ShotFile.read(shot)
        opened = open_document(file.content, settings, file.folder)
    bench = PipelineBench(opened.shot, settings, load_model(model), choose_device(device))
    with TemporaryDirectory() as folder:
        stages = bench.stages(Path(folder), rounds)
        whole = bench.whole(Path(folder))
    slowest = max(stages, key=lambda name: stages[name])
    height, width = opened.shot.plate.format.data.shape
    figures = {f"{name}_ms": taken for name, taken in stages.items()}
    about = {"plate": f"{width}x{height}", "elements": len(opened.shot.ids), "model": model}
    whole_figures = {"frame_ms": whole, "frames_per_second": 1000 / whole, "slowest": slowest}
    _print_figures("pipeline", bench.device, {**about, **figures, **whole_figures})


@app.command()
def compare(
    one: Annotated[
        str, typer.Argument(help="A command in quotes, or a Python callable as module:function.")
    ],
    other: Annotated[str, typer.Argument(help="The other command or callable.")],
    rounds: RoundsOption = 3,
) -> None:
    """Time two commands in turn and show how much longer the first one takes, pair by pair.

    A callable is called in this process, once before it is timed, and gets no arguments.
    """
    import torch

    from rde_roto.evaluation.timing import in_turn, middle, ratios, step_of

    steps = {"one": step_of(one), "other": step_of(other)}
    device = torch.device("cpu")
    taken = in_turn(steps, rounds, device)
    pairs = ratios(taken["one"], taken["other"])
    figures = {f"{name}_ms": middle(seconds) for name, seconds in taken.items()}
    _print_figures(
        "compare", device, {"one": one, "other": other, **figures, "ratios": list(pairs)}
    )


@app.command()
def length(
    frames: Annotated[int, typer.Option(min=10, help="Length of the shot in frames.")] = 300,
    growing: Annotated[
        int,
        typer.Option(
            min=0, help="Length of the shot for STM, the bank that keeps all memory frames."
        ),
    ] = 300,
    lines: Annotated[int, typer.Option(min=96, help="Height of the frames.")] = 96,
    model: Annotated[
        str, typer.Option(metavar="NETWORK", help="Network: rde-lite or rde-r50.")
    ] = "rde-lite",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plot to this file (.png).")
    ] = None,
    device: DeviceOption = "auto",
    rounds: Annotated[
        int,
        typer.Option(min=1, help="Number of pairs of an early and a late frame, timed."),
    ] = 101,
) -> None:
    """Measure time and memory per frame over a long shot, beside the growing bank."""
    from rde_roto.evaluation.length import EARLY, LengthBench
    from rde_roto.images.pictures.length_plot import length_plot
    from rde_roto.model.devices import choose_device
    from rde_roto.values.bank import Bank

    if plot is not None and plot.suffix.lower() != ".png":
        raise UsageError(f"--plot {plot}: expected a name that ends in .png")
    where = choose_device(device)
    times, memory = {}, {}
    for name, count in (("2F+L+RDE", frames), ("STM", growing)):
        if not count:
            continue
        tracking = Tracking(lines=lines, bank=Bank.parse(name), crop=False)
        case = _case_of(model, (lines, round(lines * 16 / 9)), 1, tracking)
        bench = LengthBench(case, where)
        passed = list(bench.walk(count))
        times[name] = _smoothed([(p.frame, p.milliseconds) for p in passed])
        memory[name] = [(p.frame, p.state_bytes / 1e6) for p in passed]
        early, late = (_around(times[name], at) for at in (EARLY, count))
        pairs = sorted(bench.ratios(rounds))
        figures = {"bank": name, "model": model, "lines": lines, "frames": count}
        costs = {"ms_at_50": early, "ms_at_end": late, "ratio": pairs[len(pairs) // 2]}
        sizes = {"state_mb_at_begin": memory[name][0][1], "state_mb_at_end": memory[name][-1][1]}
        near_50 = min(passed, key=lambda p: abs(p.frame - EARLY))
        held = {"held_bytes_at_50": near_50.held_bytes, "held_bytes_at_end": passed[-1].held_bytes}
        _print_figures("length", where, {**figures, **costs, **sizes, **held})
    if plot is not None:
        length_plot({"ms a frame": times, "MB of memory state": memory}, plot)


_Series = list[tuple[float, float]]


def _smoothed(points: list[tuple[int, float]], reach: int = 24) -> _Series:
    """Replace each value by the lower tenth of its neighbourhood, to leave out what else the
    machine does.
    """
    values = [value for _, value in points]
    return [
        (frame, sorted(near := values[max(0, place - reach) : place + reach + 1])[len(near) // 10])
        for place, (frame, _) in enumerate(points)
    ]


def _around(points: _Series, frame: int) -> float:
    return min(points, key=lambda point: abs(point[0] - frame))[1]


def _case(model: str, size: str, elements: str, precision: Precision) -> Case:
    if size not in _PLATES:
        raise UsageError(f"--size {size}: expected some of {', '.join(_PLATES)}")
    if not re.fullmatch("[1-9][0-9]?", elements):
        raise UsageError(f"--elements {elements}: expected numbers of elements, such as 1,3,5")
    plate = _PLATES[size]
    lines = _LINES_OF_4K if size == "4k" else plate[0]
    tracking = Tracking(lines=lines, crop=False, precision=precision)
    return _case_of(model, plate, int(elements), tracking)


def _case_of(model: str, plate: tuple[int, int], elements: int, tracking: Tracking) -> Case:
    from rde_roto.evaluation.speed import Case
    from rde_roto.model.weight_files import CONFIGS

    for config in CONFIGS:
        if config.name == model:
            return Case(config, plate, elements, tracking)
    known = ", ".join(config.name for config in CONFIGS)
    raise UsageError(f"--model {model}: expected one of the networks {known}")


def _print_figures(bench: str, device: torch.device, figures: dict[str, object]) -> None:
    from rde_roto.evaluation.timing import machine

    line = {"bench": bench, "version": __version__, **figures, **machine(device)}
    print_line(json.dumps({name: _short(value) for name, value in line.items()}))


def _short(value: object) -> object:
    """Round floats to four digits."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
