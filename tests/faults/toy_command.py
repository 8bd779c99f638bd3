"""The command line with the toy for a network: `rde-roto propagate`, whole, in a tenth of a second.

Its own plate and mask; everything else is what a user runs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from image_files import write_image

from rde_roto.doors import cli, rendering
from rde_roto.model.weights import Model
from toy_tracker import ToyTracker

HEIGHT, WIDTH = 120, 180
FIRST, COUNT = 1001, 12


@dataclass(frozen=True)
class ToyShot:
    """A plate of twelve frames and a mask of its fourth, and what is made of it."""

    folder: Path
    suffix: str = ".exr"
    format: str = "alpha"

    def write(self) -> ToyShot:
        """Makes plate and mask."""
        generator = torch.Generator().manual_seed(5)
        (self.folder / "plate").mkdir(parents=True)
        for frame in range(FIRST, FIRST + COUNT):
            pixels = torch.rand(HEIGHT, WIDTH, 3, generator=generator).numpy()
            write_image(self.folder / f"plate/hero.{frame}.png", pixels, "uint16")
        alpha = torch.zeros(HEIGHT, WIDTH, 1)
        alpha[20:90, 40:140] = 1
        write_image(self.folder / "mask.png", alpha.numpy(), "uint16")
        return self

    def propagate(self, out: Path) -> None:
        """The command; ends as a process does, with SystemExit."""
        torch.set_num_threads(1)
        toy: Any = Model("toy", None, "0" * 64, "none", "allowed")  # type: ignore[arg-type]
        vars(rendering).update(load_model=lambda _: toy, tracker_of=lambda *_: ToyTracker)
        sys.argv = [
            *("rde-roto", "propagate", str(self.folder / "plate/hero.####.png")),
            *("--keyframe", f"{FIRST + 3}={self.folder / 'mask.png'}", "--device", "cpu"),
            *("--out", str(out / f"m.####{self.suffix}"), "--format", self.format),
            *("--set", "tracking.lines=96", "--set", "running.snapshot_every=1"),
        ]
        cli.main()
