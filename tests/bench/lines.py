"""How every benchmark reports: a JSON object a line, with what one must know to compare it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import numpy as np
import torch


def report(**figures: object) -> None:
    """Prints the figures with commit, torch and threads; floats to four digits."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    rounded = {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in figures.items()
    }
    threads = torch.get_num_threads()
    common = {"torch": torch.__version__, "threads": threads, "commit": commit}
    print(json.dumps({"device": "cpu", **rounded, **common}), flush=True)


def p50_p95(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds, as two figures."""
    half, most = np.percentile(1000 * np.asarray(seconds), [50, 95])
    return {f"{name}_p50_ms": float(half), f"{name}_p95_ms": float(most)}
