"""A troll with wild hair: strands a fraction of a pixel wide, before a courtyard out of focus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..blender.materials import Shader, fabric, plain, stripes
from ..blender.shapes import Point, animate, ball, joint
from .stage import SUBJECT, focus

HEAD_M, DISTANCE_M = 0.095, 1.4
LOCKS, POINTS = 6, 8


def build_hair() -> None:
    focus(DISTANCE_M, 3.2)
    root = bpy.data.objects[SUBJECT]
    neck = joint("neck", (-0.03, DISTANCE_M, -0.03), root)
    animate(neck, "location", lambda t: (-0.05 + 0.14 * t, DISTANCE_M, -0.03 + 0.05 * t * t))
    animate(
        neck,
        "rotation_euler",
        lambda t: (0.1 * math.sin(5 * t), 0.12 * math.sin(4 * t + 1), -0.35 + 0.8 * t),
    )
    build_face(neck)
    build_body(root)
    rng = np.random.default_rng(61)
    brown = hair_material("hair", (0.09, 0.035, 0.015), (0.5, 0.23, 0.09))
    mane = Coat(1700, 0.085, 0.00014, curl=0.13, droop=0.35)
    for lock in range(LOCKS):
        start = math.tau * lock / LOCKS
        part = joint(f"lock {lock}", (0, 0, 0), neck)
        animate(part, "rotation_euler", sway(lock))
        ways = directions(rng, mane.count, start, start + math.tau / LOCKS)
        coat(f"mane {lock}", mane, ways, rng, brown, part)
    fuzz = Coat(2500, 0.012, 0.00008, curl=0.1, droop=0.2)
    ways = directions(rng, fuzz.count, 0.0, math.tau, whole=True)
    coat("fuzz", fuzz, ways, rng, brown, neck)


def sway(lock: int) -> Any:
    return lambda t: (
        0.07 * math.sin(6.5 * t + lock),
        0.07 * math.sin(7.5 * t + 2 * lock),
        0.05 * math.sin(5.5 * t + 3 * lock),
    )


def build_face(neck: Any) -> None:
    skin = plain("skin", (0.36, 0.17, 0.1), 0.55)
    white, black = plain("white", (0.7, 0.66, 0.6), 0.2), plain("black", (0.01, 0.01, 0.012), 0.15)
    r = HEAD_M
    ball("head", (0, 0, 0), r, skin, neck)
    ball("nose", (0, -r * 1.02, -0.012), 0.022, skin, neck)
    for side in (-1, 1):
        ball(f"eye {side}", (side * 0.036, -r * 0.83, 0.022), 0.024, white, neck)
        ball(f"pupil {side}", (side * 0.037, -r * 1.02, 0.024), 0.011, black, neck)
        ear = ball(f"ear {side}", (side * r * 1.05, 0.01, 0.0), 0.034, skin, neck)
        ear.scale = (0.8, 0.35, 1.2)
    mouth = ball("mouth", (0, -r * 0.86, -0.048), 0.024, plain("lip", (0.2, 0.03, 0.03), 0.4), neck)
    mouth.scale = (1.3, 0.5, 0.35)


def build_body(root: Any) -> None:
    knit = fabric("knit", stripes((0.3, 0.1, 0.06), (0.42, 0.36, 0.27), 9.0, "Z"))
    body = ball("body", (0, DISTANCE_M + 0.02, -0.26), 0.17, knit, root)
    body.scale = (1.15, 0.8, 1.0)
    animate(body, "location", lambda t: (-0.05 + 0.13 * t, DISTANCE_M + 0.02, -0.26))


def hair_material(name: str, dark: Point, light: Point) -> Any:
    s = Shader(name)
    colour = s.ramp(s.add("Attribute", {}, "Fac", attribute_name="tint"), [(0, dark), (1, light)])
    # A highlight on a strand narrower than a pixel is seen by few samples: no light, just noise.
    s.principled(colour, 0.6).inputs["Specular IOR Level"].default_value = 0.0
    return s.material


def directions(
    rng: np.random.Generator, count: int, start: float, stop: float, whole: bool = False
) -> NDArray[np.float64]:
    """[count, 3] unit vectors between two angles round z; `whole` leaves the face no bald spot."""
    lowest = -0.9 if whole else 0.05
    up = rng.uniform(lowest, 1.0, count)
    turn = rng.uniform(start, stop, count)
    across = np.sqrt(1 - up**2)
    ways = np.stack([across * np.cos(turn), across * np.sin(turn), up], axis=1)
    if not whole:  # the hairline is higher over the face, and comes down to the neck behind
        ways[:, 2] += 0.75 * ways[:, 1]
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return ways


@dataclass(frozen=True)
class Coat:
    """Parameters of strands: mean length and root radius in metres, curl and droop as ratios."""

    count: int
    length_m: float
    radius_m: float
    curl: float
    droop: float


def coat(
    name: str,
    kind: Coat,
    ways: NDArray[np.float64],
    rng: np.random.Generator,
    material: Any,
    parent: Any,
) -> None:
    """Strands that start at the head in the directions [N, 3], in clumps, with some astray."""
    count = kind.count
    along = np.linspace(0.0, 1.0, POINTS)[None, :, None]
    stray = rng.random(count) < 0.07
    length = kind.length_m * rng.uniform(0.6, 1.15, count) * np.where(stray, 1.5, 1.0)
    tilt = rng.normal(0, np.where(stray, 0.4, 0.08)[:, None], (count, 3))
    heads = ways[rng.integers(0, count, max(1, count // 22))]
    clump = heads[np.argmax(ways @ heads.T, axis=1)]
    pull = np.where(stray, 0.0, 0.75)[:, None]
    aim = ways + pull * (clump - ways) + tilt
    wave = rng.normal(0, kind.curl, (count, 1, 3)) * np.sin(
        along * rng.uniform(3, 8, (count, 1, 1)) + rng.uniform(0, 0.6, (count, 1, 1))
    )
    drop = np.array([0.0, 0.0, -kind.droop]) * along**2
    path = aim[:, None] * along + (wave + drop) * along
    points = ways[:, None] * HEAD_M * 0.97 + path * length[:, None, None]
    radius = np.broadcast_to(kind.radius_m * (1 - 0.75 * along[..., 0]), (count, POINTS))
    strands(name, points, radius, rng.random(count), material, parent)


def strands(
    name: str,
    points: NDArray[np.float64],
    radius: NDArray[np.float64],
    tint: NDArray[np.float64],
    material: Any,
    parent: Any,
) -> None:
    """Hair from points [N, K, 3], radii [N, K] and a number per strand for its colour [N]."""
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([points.shape[1]] * len(points))
    curves.position_data.foreach_set("vector", points.astype(np.float32).ravel())
    thick: Any = curves.attributes.get("radius") or curves.attributes.new(
        "radius", "FLOAT", "POINT"
    )
    thick.data.foreach_set("value", radius.astype(np.float32).ravel())
    tints: Any = curves.attributes.new("tint", "FLOAT", "CURVE")
    tints.data.foreach_set("value", tint.astype(np.float32))
    curves.materials.append(material)
    thing = bpy.data.objects.new(name, curves)
    bpy.context.scene.collection.objects.link(thing)
    thing.parent = parent
