"""A piece of training: ``python -m tools.gpu_day.training FOLDER DEVICE PRECISION [--tiny]``.

Writes footage and a recipe into FOLDER, and measures them with tests/bench/training_step.py:
rde-lite from random weights, on squares that drift over noise. The time does not depend on what is
seen.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image

from rde_roto.atomic import write_text

_BENCH = Path(__file__).parents[2] / "tests/bench/training_step.py"
_SEQUENCES, _FRAMES, _HEIGHT, _WIDTH = 4, 24, 360, 640
_RECIPE = """\
network: rde-lite
start: random
data: {{videos: [{{path: .}}]}}
curriculum: [{{until: 1.0, frames: {frames}, clips: {clips}, size_px: {size_px}, max_jump: 2}}]
reads: {{banks: [F+L, 2F+L+RDE]}}
precision: {precision}
"""


def write_footage(root: Path) -> None:
    """Write some sequences as DAVIS lays them out: JPEGs, and PNGs with one label."""
    for sequence in range(_SEQUENCES):
        noise = np.random.default_rng(sequence).integers(0, 120, (_HEIGHT, _WIDTH, 3), np.uint8)
        for frame in range(_FRAMES):
            label = np.zeros((_HEIGHT, _WIDTH), np.uint8)
            label[90:270, 8 * frame : 8 * frame + 200] = 1
            picture = np.where(label[..., None] == 1, np.uint8(220), noise)
            for kind, pixels, suffix in (
                ("JPEGImages", picture, "jpg"),
                ("Annotations", label, "png"),
            ):
                path = root / kind / f"clip{sequence}" / f"{frame:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)


def main(folder: str, device: str, precision: str, *more: str) -> NoReturn:
    """Measure, in another program."""
    footage, recipe = Path(folder) / "footage", Path(folder) / f"{precision}.yaml"
    write_footage(footage)
    tiny = "--tiny" in more
    frames, clips, size_px, iterations = (3, 1, 64, 3) if tiny else (6, 8, 256, 60)
    text = _RECIPE.format(frames=frames, clips=clips, size_px=size_px, precision=precision)
    write_text(recipe, text)
    words = (str(footage), "--recipe", str(recipe), "--device", device)
    command = (sys.executable, str(_BENCH), *words, "--iterations", str(iterations))
    os.execv(sys.executable, command)  # in place of this process, so that its time limit holds


if __name__ == "__main__":
    main(*sys.argv[1:])
