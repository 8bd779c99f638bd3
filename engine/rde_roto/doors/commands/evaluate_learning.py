"""``rde-roto eval --learn``: compare the model as it is with the model after learning each
sequence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rde_roto.doors.commands.evaluate_runs import Run, figures_of_set
from rde_roto.doors.console import print_line
from rde_roto.evaluation.davis import SetResult
from rde_roto.training.learning.budget import Budget
from rde_roto.training.learning.prepared_lesson import study
from rde_roto.values.preset import Preset


def learned(run: Run, preset: Preset, minutes: float | None, out: Path | None) -> dict[str, Any]:
    """Print a row for each sequence, J&F before and after and the cost of learning, then the
    means.
    """
    heads = f"{'base':>6} {'learned':>8} {'gain':>7}"
    print_line(f"{'sequence':16} {heads}  {'held out':20} steps      s")
    before, after, lessons = [], [], {}
    for name in run.names:
        base = run.evaluate(name, preset, run.model, out and out / "base")
        result = study(run.data.shot(name), preset, run.model, run.device, Budget(minutes=minutes))
        own = run.evaluate(name, preset, result.model, out and out / "learned")
        before.append(base)
        after.append(own)
        card = result.card
        lessons[name] = card.model_dump(mode="json")
        held = " ".join(f"{card.before[k]:.2f}>{card.after[k]:.2f}" for k in card.before)
        kept = "" if card.kept else f"  the base model stays: {card.why}"
        print_line(
            f"{_row(name, base.j_and_f, own.j_and_f)}  {held:20} {card.steps:5} "
            f"{card.seconds:6.1f}{kept}"
        )
    base_set, own_set = SetResult(tuple(before)), SetResult(tuple(after))
    print_line(_row("mean", base_set.j_and_f, own_set.j_and_f))
    return {
        "base": figures_of_set(base_set),
        "learned": figures_of_set(own_set),
        "lessons": lessons,
    }


def _row(name: str, base: float, own: float) -> str:
    return f"{name:16} {base:6.3f} {own:8.3f} {own - base:+7.3f}"
