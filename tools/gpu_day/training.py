"""A piece of training: ``python -m tools.gpu_day.training FOOTAGE DEVICE PRECISION [--tiny]``.

Trains rde-lite from random weights on squares that drift over noise, which are written to the
folder FOOTAGE; the time does not depend on what is seen. Prints a JSON line: seconds to make a
batch, seconds of a step, and the share of the time that the device waits for batches.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from rde_roto.model.devices import choose_device
from rde_roto.training.clips.sampler import ClipSampler
from rde_roto.training.footage.readers import read_footage
from rde_roto.training.recipe import Recipe
from rde_roto.training.start import begin
from rde_roto.training.trainer import Report, Trainer

_SEQUENCES, _FRAMES, _HEIGHT, _WIDTH = 4, 24, 360, 640
_BATCHES = 5


def write_footage(root: Path) -> None:
    """Write some sequences as DAVIS lays them out: JPEGs, and PNGs with one label."""
    for sequence in range(_SEQUENCES):
        noise = np.random.default_rng(sequence).integers(0, 120, (_HEIGHT, _WIDTH, 3), np.uint8)
        for frame in range(_FRAMES):
            label = np.zeros((_HEIGHT, _WIDTH), np.uint8)
            label[90:270, 8 * frame : 8 * frame + 200] = 1
            picture = np.where(label[..., None] == 1, np.uint8(220), noise)
            for folder, pixels, suffix in (
                ("JPEGImages", picture, "jpg"),
                ("Annotations", label, "png"),
            ):
                path = root / folder / f"clip{sequence}" / f"{frame:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)


def recipe_for(root: Path, precision: str, tiny: bool) -> Recipe:
    """Return a recipe of a stage like those of rde-lite, or of the smallest."""
    frames, clips, size_px, iterations = (3, 1, 64, 3) if tiny else (6, 8, 256, 60)
    phase = {"until": 1.0, "frames": frames, "clips": clips, "size_px": size_px, "max_jump": 2}
    return Recipe.model_validate(
        {
            "name": "gpu-day",
            "network": "rde-lite",
            "start": "random",
            "iterations": iterations,
            "save_every": iterations,
            "data": {"root": str(root), "videos": [{"path": "."}]},
            "curriculum": [phase],
            "reads": {"banks": ["F+L", "2F+L+RDE"]},
            "precision": precision,
        }
    )


def main(footage: str, device: str, precision: str, tiny: bool) -> None:
    """Print the line."""
    root, where = Path(footage), choose_device(device)
    if not root.exists():
        write_footage(root)
    recipe = recipe_for(root, precision, tiny)
    sampler = ClipSampler(read_footage(recipe.data), recipe, where)
    making = []
    for seed in range(_BATCHES):
        started = time.perf_counter()
        sampler.draw(recipe.phase(seed), torch.Generator().manual_seed(seed))
        making.append(time.perf_counter() - started)
    reports: list[Report] = []
    with TemporaryDirectory() as out:
        net, state = begin(recipe, Path(out), resume=False)
        Trainer(net.to(where), state, recipe, sampler).run(Path(out), None, reports.append)
    figures = {
        "precision": precision,
        "seconds_a_batch": statistics.median(making),
        "seconds_a_step": reports[-1].pace,
        "share_waiting": reports[-1].waiting,
        "loss": reports[-1].row.segmentation,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    footage_, device_, precision_, *more = sys.argv[1:]
    main(footage_, device_, precision_, tiny=more == ["--tiny"])
