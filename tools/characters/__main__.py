"""Render animated characters to RGBA sequences, subjects for the training of rde-lite.

    python -m tools.characters GLB_FOLDER --out DIR [--sequences 96] [--seed 4]

takes the .glb files of a folder, such as the characters of KayKit (CC0), and writes

    DIR/NAME_ANIMATION_NUMBER/00.png ... 07.png   200x200, sRGB, straight alpha

Each sequence is eight frames of one animation: the camera's position, the light, the speed and what
the character holds depend only on the seed and the sequence's number. The alpha has the motion blur
of the colours. A training recipe names DIR as a video source with `masks: alpha`.

It needs Python 3.11 with `pip install bpy==5.0.1` in an environment of its own; two CPU cores take
about half a second a frame. Complete sequences are skipped, so an interrupted render continues
where it stopped.
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

FRAMES, SIDE_PX, SAMPLES = 8, 200, 16
LEAST_FRAMES = 12
"""Of an animation; shorter ones are poses."""

HELD = ("Axe", "Sword", "Shield", "Wand", "Staff", "Spellbook", "Crossbow", "Knife", "Throwable")
WORN = ("Cape", "Hat", "Helmet")


def main() -> None:
    parser = argparse.ArgumentParser(description="Render characters as subjects to train on.")
    parser.add_argument("folder", type=Path, help="a folder of .glb files with animations")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the sequences")
    parser.add_argument("--sequences", type=int, default=96)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.glb"))
    if not files:
        parser.error(f"there is no .glb file in {options.folder}")
    for place, file in enumerate(files):
        scene = new_scene(file)
        for number in range(place, options.sequences, len(files)):
            render_sequence(scene, file, number, options)
    render.leave()


def new_scene(file: Path) -> Any:
    """A scene with the characters of one file; light and camera are placed later."""
    scene = subjects.new_scene(SIDE_PX, FRAMES, SAMPLES)
    bpy.ops.import_scene.gltf(filepath=str(file))
    for part in scene.objects:
        part.hide_render = part.name.startswith("Icosphere")  # how the importer draws bones
    return scene


def render_sequence(scene: Any, file: Path, number: int, options: argparse.Namespace) -> None:
    """Render one sequence, unless it exists."""
    draw = random.Random(f"{options.seed}/{number}")
    actions = [a for a in bpy.data.actions if a.frame_range[1] - a.frame_range[0] >= LEAST_FRAMES]
    action = draw.choice(sorted(actions, key=lambda one: one.name))
    folder = options.out / f"{file.stem}_{action.name}_{number}".lower().replace("-", "_")
    if (folder / f"{FRAMES - 1:02d}.png").exists():
        return
    play(scene, action)
    dress(scene, draw)
    subjects.light(scene, draw)
    first, last = action.frame_range[0], action.frame_range[1]
    step = min(draw.uniform(1.0, 2.6), (last - first) / FRAMES)
    start = draw.uniform(first, last - FRAMES * step)
    orbit = Orbit(draw)
    for frame in range(FRAMES):
        at = start + frame * step
        scene.frame_set(int(at), subframe=at % 1)
        orbit.place(scene.camera, frame)
        scene.render.filepath = str(folder / f"{frame:02d}.png")
        bpy.ops.render.render(write_still=True)
    print(f"wrote {folder}", flush=True)


def play(scene: Any, action: Any) -> None:
    """Make the armature play only one action."""
    for thing in scene.objects:
        if thing.type == "ARMATURE":
            thing.animation_data_create()
            for track in thing.animation_data.nla_tracks:
                track.mute = True
            thing.animation_data.action = action
            if action.slots:
                thing.animation_data.action_slot = action.slots[0]


def dress(scene: Any, draw: random.Random) -> None:
    """Keep at most one thing in the hands, and each worn item half of the time."""
    held = [p for p in scene.objects if p.type == "MESH" and any(k in p.name for k in HELD)]
    kept = draw.choice(held) if held and draw.random() < 0.7 else None
    for part in held:
        part.hide_render = part is not kept
    for part in scene.objects:
        if any(kind in part.name for kind in WORN):
            part.hide_render = draw.random() < 0.4


class Orbit:
    """A camera that orbits the character, at a random height and speed."""

    def __init__(self, draw: random.Random) -> None:
        self._yaw, self._turn = draw.uniform(0, math.tau), draw.uniform(-0.12, 0.12)
        self._pitch = draw.uniform(-0.1, 0.5)
        self._aim = Vector((0.0, 0.0, 1.1))

    def place(self, camera: Any, frame: int) -> None:
        yaw, distance = self._yaw + self._turn * frame, 7.0
        around = Vector((math.cos(yaw), math.sin(yaw), 0.0)) * math.cos(self._pitch)
        camera.location = self._aim + distance * (around + Vector((0, 0, math.sin(self._pitch))))
        camera.rotation_euler = (self._aim - camera.location).to_track_quat("-Z", "Y").to_euler()
        camera.data.lens, camera.data.sensor_width = 70.0, 36.0


if __name__ == "__main__":
    main()
