"""Where a training step's time goes: ``python tests/bench/training_step.py DATA [--recipe NAME]``.

Prints one JSON line: seconds to make a batch, seconds of a step, and the share of the time that the
device waits when batches are made ahead as the trainer does. Compare figures of one run only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from rde_roto.model.devices import choose_device
from rde_roto.training.clips.sampler import ClipSampler
from rde_roto.training.footage.readers import read_footage
from rde_roto.training.recipe_files import recipe_library
from rde_roto.training.start import begin
from rde_roto.training.trainer import Report, Trainer


def main() -> None:
    """Prints the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the recipe's data.root")
    parser.add_argument("--recipe", default="rde-lite")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--iterations", type=int, default=20)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    overrides = [
        f"data.root={arguments.data}",
        f"iterations={arguments.iterations}",
        "start=random",
        f"save_every={arguments.iterations}",
    ]
    recipe = recipe_library().load(arguments.recipe, overrides)
    sampler = ClipSampler(read_footage(recipe.data), recipe, device)
    making = []
    for iteration in range(5):
        started = time.perf_counter()
        sampler.draw(recipe.phase(iteration), torch.Generator().manual_seed(iteration))
        making.append(time.perf_counter() - started)
    reports: list[Report] = []
    with TemporaryDirectory() as out:
        net, state = begin(recipe, Path(out), resume=False)
        Trainer(net.to(device), state, recipe, sampler).run(Path(out), None, reports.append)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    figures = {
        "recipe": recipe.name,
        "seconds_a_batch": round(statistics.median(making), 3),
        "seconds_a_step": round(reports[-1].pace, 3),
        "share_waiting": round(reports[-1].waiting, 3),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "commit": commit,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
