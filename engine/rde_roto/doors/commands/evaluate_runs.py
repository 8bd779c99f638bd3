"""What ``rde-roto eval`` measures: a preset's score, or those of several in a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from rde_roto.doors.console import print_line
from rde_roto.doors.rendering import print_licence
from rde_roto.evaluation.davis import DavisSet, SequenceResult, SetResult
from rde_roto.model.devices import choose_device
from rde_roto.model.weights import Model, load_model
from rde_roto.values.preset import Preset


@dataclass(frozen=True)
class Run:
    """What all presets of one evaluation share."""

    data: DavisSet
    names: tuple[str, ...]
    device: torch.device
    model: Model

    @classmethod
    def open(cls, data: DavisSet, sequences: str | None, model: str, device: str) -> Run:
        """Open what the arguments name: the weights last, since they take longest."""
        names = data.names(tuple(sequences.split(",")) if sequences else ())
        run = cls(data, names, choose_device(device), load_model(model))
        print_licence(run.model)
        return run

    def results(self, preset: Preset, out: Path | None) -> Iterator[SequenceResult]:
        """Evaluate each sequence."""
        for name in self.names:
            yield self.evaluate(name, preset, self.model, out)

    def evaluate(self, name: str, preset: Preset, model: Model, out: Path | None) -> SequenceResult:
        """Evaluate one sequence with a model; without ``out`` its label images are not kept."""
        with nullcontext(str(out)) if out else TemporaryDirectory() as folder:
            return self.data.evaluate(name, preset, model, self.device, Path(folder))

    def figures(self, preset: Preset) -> dict[str, Any]:
        """Return what was measured, as JSON has it."""
        return {
            "model": self.model.name,
            "weights": self.model.sha256,
            "device": str(self.device),
            "tracking": preset.tracking.model_dump(mode="json"),
            "keyframes": self.data.keyframes,
        }


def scored(run: Run, preset: Preset, out: Path | None) -> dict[str, Any]:
    """Score one preset, and print a row for each sequence and one for their mean."""
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


def compared(run: Run, varied: Mapping[str, Preset], out: Path | None) -> dict[str, Any]:
    """Compare presets: a row for each, the sequences' J&F in the last columns."""
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
