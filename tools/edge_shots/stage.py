"""What the three shots have in common: the courtyard behind, the light and the camera.

The courtyard is rendered once and stands behind every subject as a card that glows, like a backing
on a set. That costs one ray a sample instead of a scene, and gives the pixels of a real picture.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from ..blender.materials import Shader
from ..blender.render import new_scene, render, set_plate_pass
from ..blender.shapes import Block, Point, animate, blocks, joint
from ..demo_shot.courtyard import build_background
from ..demo_shot.stage import build_light, sky

SUBJECT, EXPOSURE = "subject", 0.85
CARD_M, CARD_WIDE_M = 6.0, 5.4
BACKDROP = (2560, 1440)


def render_backdrop(target: Path) -> None:
    """The courtyard of the demo shot seen from inside its lamp post, sharp, if it is missing."""
    if target.exists():
        return
    scene = new_scene(BACKDROP, 1001, 1001)
    build_background()
    build_light(scene)
    scene.camera = new_camera(scene, (0.25, -2.05, 1.3), (0.25, 2.6, 1.22), lens=36.0)
    set_plate_pass(scene, 40, EXPOSURE)
    scene.frame_set(1001)
    render(scene, target, ("R", "G", "B"), "zip")


def new_camera(scene: Any, place: Point, aim: Point, lens: float) -> Any:
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = lens, 36.0
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    camera.location = place
    camera.rotation_euler = (Vector(aim) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    return camera


def build_stage(scene: Any, backdrop: Path) -> None:
    """Camera at the origin looking along +y, the backdrop at 6 m, sun and sky, the subject's root.

    The camera drifts as on a shoulder; `focus` sets its lens for a shot.
    """
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = scene.cycles.glossy_bounces = 1
    joint(SUBJECT, (0, 0, 0))
    build_card(backdrop)
    sky(scene)
    lamp("sun", scene, (0.62, 0.6, -0.62), 12.0, (1.0, 0.8, 0.58))
    camera = new_camera(scene, (0, 0, 0), (0, CARD_M, 0), lens=50.0)
    scene.camera = camera
    animate(camera, "location", lambda t: (0.05 * t + 0.004 * math.sin(9 * t), 0, -0.02 * t))
    animate(
        camera,
        "rotation_euler",
        lambda t: (math.pi / 2 + 0.003 * math.sin(7 * t), 0, 0.02 * t + 0.003 * math.sin(8 * t)),
    )


def focus(distance_m: float, fstop: float) -> None:
    lens = bpy.context.scene.camera.data.dof
    lens.use_dof, lens.focus_distance, lens.aperture_fstop = True, distance_m, fstop


def lamp(name: str, scene: Any, way: Point, energy: float, colour: Point) -> None:
    sun: Any = bpy.data.lights.new(name, "SUN")
    sun.energy, sun.color, sun.angle = energy, colour, math.radians(2.0)
    holder = bpy.data.objects.new(name, sun)
    scene.collection.objects.link(holder)
    holder.rotation_euler = Vector(way).to_track_quat("-Z", "Y").to_euler()


def build_card(backdrop: Path) -> None:
    s = Shader("backdrop")
    image = bpy.data.images.load(str(backdrop.resolve()))
    image.colorspace_settings.name = "Linear Rec.709"
    where = s.add("TexCoord", {}, "Generated")
    split = s.add("SeparateXYZ", {"Vector": where}).node
    flat = s.add("CombineXYZ", {"X": split.outputs["X"], "Y": split.outputs["Z"]})
    picture = s.add("TexImage", {"Vector": flat}, image=image, extension="EXTEND")
    light = s.add("Emission", {"Color": picture, "Strength": 1 / EXPOSURE})
    s.tree.links.new(light, s.surface)
    s.material.cycles.emission_sampling = "NONE"
    high = CARD_WIDE_M * BACKDROP[1] / BACKDROP[0]
    card = [Block((0, CARD_M, 0), (CARD_WIDE_M, 0.01, high))]
    blocks("backdrop", card, s.material, 0.0001)
