"""Render the demo shot: a walking robot in a courtyard, with its ground-truth matte.

    python -m tools.demo_shot --out DIR [--frames 1001-1048] [--preview]

writes 48 frames of 640x360 at 24 frames per second:

    DIR/plate/demo.####.exr   scene-linear RGB (Rec.709 primaries), half, DWAB
    DIR/truth/demo.####.exr   coverage of the robot, one channel A, 0..1, half, ZIP

The truth includes motion blur and defocus, and the lamp post in the foreground is cut out of it.

Everything is built from boxes, tubes and noise with fixed seeds; there are no assets to download.
It needs Python 3.11 with `pip install bpy==5.0.1` in an environment of its own. Two idle CPU cores
take about 25 minutes for the 48 frames. Existing frames are skipped, so an interrupted render
continues where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..blender import render
from .courtyard import build_background
from .robot import build_robot
from .stage import build_camera, build_light

FIRST, LAST = 1001, 1048


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the demo shot and its ground truth.")
    parser.add_argument("--out", type=Path, required=True, help="folder for plate/ and truth/")
    parser.add_argument("--frames", type=render.frame_list, default=f"{FIRST}-{LAST}")
    parser.add_argument("--preview", action="store_true", help="few samples")
    options = parser.parse_args()
    scene = render.new_scene((640, 360), FIRST, LAST)
    build_background()
    build_robot()
    build_light(scene)
    build_camera(scene)
    render.set_plate_pass(scene, 24 if options.preview else 36, exposure=0.85)
    render.render_plate(scene, options.frames, options.out / "plate" / "demo.####.exr")
    render.set_truth_pass(scene, "robot", 64 if options.preview else 256)
    render.render_truth(scene, "robot", options.frames, options.out / "truth" / "demo.####.exr")


if __name__ == "__main__":
    main()
    render.leave()
