"""A small data root for the trainer: bright squares that drift over a dim, grainy background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 64, 80


def write_training_data(root: Path, sequences: int = 2, stills: int = 3, frames: int = 6) -> Path:
    """Writes `davis` (JPEGImages, Annotations) and `stills` (images, masks) below `root`."""
    for sequence in range(sequences):
        for frame in range(frames):
            _write(root / "davis", f"clip{sequence}/{frame:05d}", sequence, 4 + 4 * frame)
    for still in range(stills):
        picture, mask = _square(10 + still, 8 + 6 * still)
        for folder, image, suffix in (("images", picture, "jpg"), ("masks", mask, "png")):
            path = root / "stills" / folder / f"{still}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
    return root


def _write(root: Path, name: str, seed: int, left: int) -> None:
    picture, mask = _square(seed, left)
    for folder, image, suffix in (("JPEGImages", picture, "jpg"), ("Annotations", mask, "png")):
        path = root / folder / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


def _square(seed: int, left: int) -> tuple[Image.Image, Image.Image]:
    pixels = np.random.default_rng(seed).integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[16:48, left : left + 30] = 255
    pixels[mask > 0] = (230, 200, 120)
    return Image.fromarray(pixels), Image.fromarray(mask)


RECIPE = """\
network: rde-lite
start: {start}
iterations: {iterations}
save_every: 4
seed: 3
data:
  root: {root}
  videos: [{{path: davis}}]
  stills: [{{path: stills}}]
mixture: {mixture}
video: {{on_element: 1.0, crop_area: [0.6, 1.0]}}
curriculum:
  - {{until: 0.5, frames: 3, clips: 1, size_px: 48, max_jump: 1}}
  - {{until: 1.0, frames: 4, clips: 1, size_px: 48, max_jump: 2}}
reads: {{banks: {banks}}}
losses: {{frame_weights: equal, dice: 1.0, hardest: 0.5}}
optimiser: {{lr: 1.0e-3, trunk_lr: 1.0e-4, schedule: cosine, clip_norm: 1.0, ema: 0.9}}
"""


def write_recipe(
    path: Path,
    root: Path,
    *,
    start: str = "random",
    iterations: int = 8,
    mixture: str = "{video: 1.0}",
    banks: str = "[STM, RDE]",
) -> Path:
    """A stage of a few seconds on what `write_training_data` wrote."""
    text = RECIPE.format(
        start=start, iterations=iterations, root=root, mixture=mixture, banks=banks
    )
    path.write_text(text, encoding="utf-8")
    return path
