"""Render made-up things that move to RGBA sequences, subjects for the training of rde-lite-open.

    python -m tools.things --out DIR [--sequences 110] [--seed 6]

writes, from numbers alone,

    DIR/KIND_NUMBER/00.png ... 15.png   240x240, sRGB, straight alpha

A thing is a beast, a bicycle, often with a rider, a vehicle, a blob, rods with leaves, or cloth.
Form, surfaces, light and motion depend only on the seed and the sequence's number. The alpha has
the motion blur of the colours. A training recipe names DIR as a video source with `masks: alpha`.

It needs Python 3.11 with `pip install bpy==5.0.1` in an environment of its own. One CPU core takes
about 0.3 seconds a frame. Complete sequences are skipped, so an interrupted render continues where
it stopped.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from ..blender import render, subjects
from ..blender.shapes import animate, joint
from . import surfaces
from .bodies import KINDS, Kit

FRAMES, SIDE_PX, SAMPLES = 16, 240, 8
LENS_MM, SENSOR_MM = 60.0, 36.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Render moving things as subjects to train on.")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the sequences")
    parser.add_argument("--sequences", type=int, default=110)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    order = [kind for kind, (_, count) in KINDS.items() for _ in range(count)]
    random.Random(options.seed).shuffle(order)
    for number in range(options.sequences):
        kind = order[number % len(order)]
        folder = options.out / f"{kind}_{number:03d}"
        if not (folder / f"{FRAMES - 1:02d}.png").exists():
            render_sequence(kind, random.Random(f"{options.seed}/{number}"), folder)
    render.leave()


def render_sequence(kind: str, draw: random.Random, folder: Path) -> None:
    """Build one thing, move it and render it."""
    scene = subjects.new_scene(SIDE_PX, FRAMES, SAMPLES)
    scene.cycles.max_bounces = 1
    scene.cycles.use_denoising = False  # it takes longer than the samples; what is left is grain
    root = joint("root", (0, 0, 0))
    colours = surfaces.palette(draw, draw.randint(3, 6))
    skins = [surfaces.surface(f"skin {n}", draw, colours) for n in range(draw.randint(2, 5))]
    KINDS[kind][0](Kit(draw, skins, root))
    move(root, draw)
    subjects.light(scene, draw)
    aim(scene, root, draw)
    for frame in range(FRAMES):
        scene.frame_set(frame + 1)
        scene.render.filepath = str(folder / f"{frame:02d}.png")
        bpy.ops.render.render(write_still=True)
    print(f"wrote {folder}", flush=True)


def move(root: Any, draw: random.Random) -> None:
    """Turn the whole thing, by up to a full turn in the sequence, and let it hop and lean."""
    yaw, turn = draw.uniform(0, math.tau), draw.uniform(-1, 1) * draw.choice((2.0, 9.0))
    lean, roll = draw.uniform(0, 0.8), draw.uniform(-1, 1) * draw.choice((0.5, 6.0))
    beat, hop = draw.uniform(5, 12), draw.uniform(0, 0.35)
    near = draw.uniform(-2.0, 2.0)
    animate(
        root,
        "rotation_euler",
        lambda t: (lean * math.sin(0.5 * beat * t), roll * t, yaw + turn * t),
    )
    animate(root, "location", lambda t: (0.0, near * t, hop * abs(math.sin(beat * t))))


def aim(scene: Any, root: Any, draw: random.Random) -> None:
    """Place the camera so that the thing is in the picture in every frame."""
    points: list[Any] = []
    for frame in (*range(1, FRAMES, 3), FRAMES):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for part in root.children_recursive:
            if part.type != "EMPTY":
                whole = part.evaluated_get(graph)
                points += [whole.matrix_world @ corner.co for corner in whole.to_mesh().vertices]
                whole.to_mesh_clear()
    middle = sum(points, Vector()) / len(points)
    pitch = draw.uniform(-0.25, 0.6)
    toward = Vector((0.0, -math.cos(pitch), math.sin(pitch)))
    ahead = [(point - middle).dot(toward) for point in points]
    aside = [(p - middle - a * toward).length for p, a in zip(points, ahead, strict=True)]
    steep = 0.46 * SENSOR_MM / LENS_MM  # half the picture's angle, less a margin
    needed = max(a + r / steep for a, r in zip(ahead, aside, strict=True))
    camera = scene.camera
    camera.data.lens, camera.data.sensor_width = LENS_MM, SENSOR_MM
    camera.location = middle + toward * needed
    camera.rotation_euler = (-toward).to_track_quat("-Z", "Y").to_euler()


if __name__ == "__main__":
    main()
