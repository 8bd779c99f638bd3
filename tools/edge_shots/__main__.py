"""Render three shots with hard edges and their exact mattes: hair, blur and thin structures.

    python -m tools.edge_shots --out DIR [--shots hair-1080,blur-1080] [--frames 1001-1012]
                               [--preview] [--samples 10] [--seed 8]

writes 12 frames of 1920x1080 per shot, one shot at 3840x2160 too, at 24 frames per second:

    DIR/hair-1080/plate/hair.####.exr   scene-linear RGB (Rec.709 primaries), half, DWAB
    DIR/hair-1080/truth/hair.####.exr   coverage of the subject, one channel A, 0..1, half, ZIP
    DIR/blur-1080/..., DIR/wire-1080/..., DIR/hair-2160/...

The truth includes motion blur and defocus. The plate is not denoised: its grain is that of the
samples, so no hair of the truth is smoothed away. `--samples 10` renders ten times as many, for a
third of the grain, and another `--seed` gives other grain.

It needs Python 3.11 with `pip install bpy==5.0.1` in an environment of its own. The courtyard
behind the subjects is rendered once, into DIR/backdrop.exr. Existing frames are skipped, so an
interrupted render continues where it stopped.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..blender import render
from .blur import build_blur
from .hair import build_hair
from .stage import EXPOSURE, SUBJECT, build_stage, render_backdrop
from .wire import build_wire

FIRST, LAST = 1001, 1012
PLATE_LEAST, TRUTH_NOISE = 10, 0.01


@dataclass(frozen=True)
class EdgeShot:
    """What stands before the courtyard, and the most samples a pixel of plate and truth gets.

    That is at 1080 lines; a pixel of 2160, a quarter as large, gets half as many.
    """

    build: Callable[[], None]
    plate_samples: int
    truth_samples: int


SHOTS = {
    "hair": EdgeShot(build_hair, 20, 128),
    "blur": EdgeShot(build_blur, 64, 160),
    "wire": EdgeShot(build_wire, 12, 80),
}
SIZES = {"1080": (1920, 1080), "2160": (3840, 2160)}
DEFAULT = "hair-1080,blur-1080,wire-1080,hair-2160"


def render_shot(title: str, options: argparse.Namespace) -> None:
    """Render one shot at one size, such as `hair-1080`."""
    name, _, height = title.partition("-")
    width_px, height_px = SIZES[height]
    size = (width_px // 4, height_px // 4) if options.preview else (width_px, height_px)
    scene = render.new_scene(size, FIRST, LAST)
    build_stage(scene, options.out / "backdrop.exr")
    shot, folder = SHOTS[name], options.out / title
    shot.build()
    scene.cycles.seed = options.seed
    times = options.samples
    share = times * 1080 / int(height)
    least = PLATE_LEAST * times
    render.set_plate_pass(scene, int(shot.plate_samples * share), EXPOSURE, least)
    render.render_plate(scene, options.frames, folder / "plate" / f"{name}.####.exr")
    noise = TRUTH_NOISE / math.sqrt(times)
    render.set_truth_pass(scene, SUBJECT, int(shot.truth_samples * share), noise)
    render.render_truth(scene, SUBJECT, options.frames, folder / "truth" / f"{name}.####.exr")


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the edge shots and their ground truth.")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the shots")
    parser.add_argument("--shots", default=DEFAULT, help=f"default: {DEFAULT}")
    parser.add_argument("--frames", type=render.frame_list, default=f"{FIRST}-{LAST}")
    parser.add_argument("--preview", action="store_true", help="a quarter of the size")
    parser.add_argument("--samples", type=int, default=1, help="so many times as many a pixel")
    parser.add_argument("--seed", type=int, default=7, help="of the random numbers; default: 7")
    options = parser.parse_args()
    render_backdrop(options.out / "backdrop.exr")
    for title in options.shots.split(","):
        render_shot(title, options)


if __name__ == "__main__":
    main()
    render.leave()
