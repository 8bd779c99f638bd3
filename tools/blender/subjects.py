"""A scene that renders a subject alone to RGBA, under random light."""

from __future__ import annotations

import math
import random
from typing import Any

import bpy

from . import render


def new_scene(side_px: int, frames: int, samples: int) -> Any:
    """A scene for square PNGs, sRGB, straight alpha; light and camera are placed later."""
    scene = render.new_scene((side_px, side_px), 1, frames)
    render.set_plate_pass(scene, samples, exposure=1.0)
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.color_depth = "PNG", "RGBA", "8"
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    for thing in (sun, camera):
        scene.collection.objects.link(thing)
    scene.camera = camera
    return scene


def light(scene: Any, draw: random.Random) -> None:
    """A sun from above and a sky, of random strength and colour."""
    sun = scene.objects["sun"]
    sun.rotation_euler = (draw.uniform(-1.1, 1.1), draw.uniform(-1.1, 1.1), 0.0)
    sun.data.energy, sun.data.angle = draw.uniform(0.5, 4.0), math.radians(draw.uniform(1, 20))
    sun.data.color = [draw.uniform(0.75, 1.0) for _ in range(3)]
    sky = scene.world.node_tree.nodes["Background"].inputs
    sky["Color"].default_value = (*(draw.uniform(0.8, 1.0) for _ in range(3)), 1.0)
    sky["Strength"].default_value = draw.uniform(0.3, 1.2)
