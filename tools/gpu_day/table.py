"""The results of the day as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .pieces import Result

_NETWORK = ("model", "plate", "elements", "dtype", "tf32", "cold_ms", "frame_ms", "peak_bytes")
_PIPELINE = ("read_ms", "colour_ms", "network_ms", "finish_ms", "write_ms", "frame_ms")
_TRAINING = ("recipe", "seconds_a_batch", "seconds_a_step", "share_waiting")
_PROFILE = ("operation", "calls", "ms", "share")


def table_of(results: Sequence[Result]) -> str:
    """Return all results: how each piece ended, then a table of the figures of each kind."""
    ended = [(r.name, "ok" if r.succeeded else f"failed: {r.status}", r.seconds) for r in results]
    parts = ["# A day on a GPU\n", _table(("piece", "status", "seconds"), ended)]
    for kind, columns in (
        ("network", _NETWORK),
        ("pipeline", ("plate", *_PIPELINE)),
        ("training", _TRAINING),
        ("profile", _PROFILE),
    ):
        found = [(r.name, line) for r in results if r.name.startswith(kind) for line in r.figures]
        if found:
            rows = [(name, *(line.get(column) for column in columns)) for name, line in found]
            parts += [f"## {kind}\n", _table(("piece", *columns), rows)]
    return "\n".join(parts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
