"""Light that changes, and a camera on a shoulder."""

from __future__ import annotations

import math
import random
from typing import Any

import bpy
from mathutils import Vector

from ..blender.materials import glow, leaf, plain
from ..blender.shapes import Leaf, animate, ball, joint, lathe, leaves, point, tube
from .robot import HEADING, START, STEP_PERIOD_S, STRIDE_M


def build_light(scene: Any) -> None:
    """A low sun through leaves that a cloud dims and warms, a soft sky, a swinging lantern."""
    sun: Any = bpy.data.lights.new("sun", "SUN")
    sun.angle = math.radians(1.2)
    holder = bpy.data.objects.new("sun", sun)
    scene.collection.objects.link(holder)
    holder.rotation_euler = Vector((0.62, 0.6, -0.62)).to_track_quat("-Z", "Y").to_euler()

    def clear(t: float) -> float:
        """1 in clear sky, near 0 with the cloud in front of the sun."""
        return 1 / (1 + math.exp(-6 * (abs(t - 1.15) - 0.42)))

    animate(sun, "energy", lambda t: 4.0 + 9.0 * clear(t))
    animate(sun, "color", lambda t: (1.0, 0.80 - 0.08 * t, 0.58 - 0.12 * t))
    sky(scene)
    lantern(scene)
    gobo()


def sky(scene: Any) -> None:
    world: Any = bpy.data.worlds.new("sky")
    scene.world = world
    tree = world.node_tree
    background = tree.nodes["Background"]
    where = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    stops = [(0.0, (0.75, 0.62, 0.5, 1)), (0.6, (0.3, 0.45, 0.75, 1))]
    for element, (position, colour) in zip(ramp.color_ramp.elements, stops, strict=True):
        element.position, element.color = position, colour
    tree.links.new(where.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], background.inputs["Color"])
    background.inputs["Strength"].default_value = 0.75
    world.cycles.sampling_method = "NONE"  # a smooth sky is found by the bounces


def lantern(scene: Any) -> None:
    iron = plain("lantern iron", (0.03, 0.03, 0.03), 0.5, 0.6)
    arm = joint("lantern arm", (0.98, 1.3, 2.35))
    tube("chain", [(0, 0, 0.6), (0, 0, -0.42)], 0.006, iron, arm)
    shade = [(0.001, -0.40), (0.03, -0.41), (0.05, -0.46), (0.15, -0.54), (0.16, -0.55)]
    shade += [(0.14, -0.545), (0.04, -0.47)]
    lathe("shade", shade, iron, arm)
    ball("lantern bulb", (0, 0, -0.53), 0.045, glow("lantern glow", (1, 0.6, 0.25), 25), arm)
    lamp: Any = bpy.data.lights.new("lantern", "POINT")
    lamp.energy, lamp.color, lamp.shadow_soft_size = 55.0, (1.0, 0.6, 0.28), 0.05
    bulb = bpy.data.objects.new("lantern light", lamp)
    scene.collection.objects.link(bulb)
    bulb.parent, bulb.location = arm, (0, 0, -0.6)
    animate(
        arm,
        "rotation_euler",
        lambda t: (0.1 * math.sin(3.4 * t), 0.36 * math.sin(3.7 * t + 0.6), 0),
    )


def gobo() -> None:
    """Branches outside the frame, whose shadows move over the yard."""
    rng = random.Random(51)
    dark = leaf("far leaf", [(0, (0.03, 0.06, 0.02)), (1, (0.08, 0.14, 0.03))])
    centre = Vector((-3.6, -3.4, 4.6))
    places: list[Leaf] = []
    for _ in range(26):
        bunch = centre + Vector((rng.gauss(0, 1.5), rng.gauss(0, 1.5), rng.gauss(0, 0.8)))
        for _ in range(34):
            root = bunch + Vector((rng.gauss(0, 0.22), rng.gauss(0, 0.22), rng.gauss(0, 0.16)))
            way = (rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(-0.3, 0.6))
            places.append((point(root), way, rng.uniform(0.14, 0.26)))
    tree = leaves("tree", places, dark)
    animate(tree, "location", lambda t: (0.1 * math.sin(2.1 * t), 0.05 * math.sin(2.9 * t + 1), 0))


def build_camera(scene: Any) -> None:
    """Dollies right and back while panning after the robot, with hand-held shake."""
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = 50.0, 36.0
    data.dof.use_dof, data.dof.aperture_fstop = True, 2.2
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.rotation_mode = "QUATERNION"
    speed = 2 * STRIDE_M / STEP_PERIOD_S

    def place(t: float) -> Vector:
        unrest = (
            0.012 * math.sin(2.3 * t) + 0.004 * math.sin(9.1 * t + 1),
            0,
            0.010 * math.sin(3.1 * t + 2) + 0.004 * math.sin(10.7 * t),
        )
        ease = t / 2 - 0.1 * math.sin(math.tau * t / 2) / math.tau
        return Vector((-0.62 + 1.15 * ease, -4.55 - 0.3 * ease, 1.0)) + Vector(unrest)

    def aim(t: float) -> Vector:
        ease = t / 2
        unrest = (
            0.018 * math.sin(2.7 * t + 1) + 0.006 * math.sin(11.3 * t),
            0,
            0.014 * math.sin(3.7 * t) + 0.005 * math.sin(12.1 * t + 2),
        )
        return Vector((-0.62 + 1.1 * ease, 0.3, 0.8)) + Vector(unrest)

    def distance(t: float) -> float:
        robot = START + Vector((math.cos(HEADING), math.sin(HEADING), 0)) * speed * t
        return float((robot + Vector((0, 0, 0.9)) - place(t)).length)

    animate(camera, "location", place)
    animate(camera, "rotation_quaternion", lambda t: (aim(t) - place(t)).to_track_quat("-Z", "Y"))
    animate(data.dof, "focus_distance", distance)
