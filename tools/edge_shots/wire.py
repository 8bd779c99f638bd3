"""Spokes, a net and a plant that hardly move, a few pixels wide, before a busy courtyard."""

from __future__ import annotations

import math
import random
from typing import Any

import bpy

from ..blender.materials import leaf, plain, worn_paint
from ..blender.shapes import Point, animate, joint, lathe, leaves, ring, tube
from .stage import SUBJECT, focus

DISTANCE_M, WHEEL_M, SPOKES = 1.9, 0.27, 32


def build_wire() -> None:
    focus(2.4, 8.0)
    root = bpy.data.objects[SUBJECT]
    steel = plain("steel", (0.26, 0.26, 0.27), 0.55, 0.3)
    build_wheel(root, steel)
    build_net(root)
    build_plant(root)


def build_wheel(root: Any, steel: Any) -> None:
    wheel = joint("wheel", (-0.2, DISTANCE_M, 0.02), root)
    animate(wheel, "location", lambda t: (-0.24 + 0.09 * t, DISTANCE_M, 0.02))
    animate(wheel, "rotation_euler", lambda t: (0.0, 0.5 * t, 0.35 - 0.1 * t))
    rubber = plain("rubber", (0.05, 0.045, 0.04), 0.8)
    tube("tyre", ring((0, 0, 0), WHEEL_M, "y", 72), 0.013, rubber, wheel, closed=True)
    tube("rim", ring((0, 0, 0), WHEEL_M - 0.017, "y", 72), 0.006, steel, wheel, closed=True)
    shell = [(0.001, -0.04), (0.006, -0.04), (0.006, -0.03), (0.022, -0.03), (0.022, -0.026)]
    shell += [(0.01, -0.02), (0.01, 0.02), (0.022, 0.026), (0.022, 0.03), (0.006, 0.03)]
    hub = lathe("hub", [*shell, (0.006, 0.04), (0.001, 0.04)], steel, wheel)
    hub.rotation_euler = (math.pi / 2, 0, 0)
    for spoke in range(SPOKES):
        side = 1 if spoke % 2 else -1
        rim = math.tau * spoke / SPOKES
        start = rim + side * (1.3 if spoke % 4 < 2 else -1.3)
        near = (0.02 * math.cos(start), side * 0.028, 0.02 * math.sin(start))
        far = ((WHEEL_M - 0.02) * math.cos(rim), 0.0, (WHEEL_M - 0.02) * math.sin(rim))
        tube(f"spoke {spoke}", [near, far], 0.0009, steel, wheel)
    reflector = plain("reflector", (0.6, 0.2, 0.04), 0.2)
    tube("reflector", [(0.13, 0.0, 0.06), (0.19, 0.0, 0.09)], 0.012, reflector, wheel)


def build_net(root: Any) -> None:
    """A cord net that hangs on the right, with meshes of 3 cm, and sways in the wind."""
    net = joint("net", (0.31, DISTANCE_M + 0.25, 0.33), root)
    animate(net, "rotation_euler", lambda t: (0.05 * math.sin(4 * t), 0.02 * math.sin(3 * t), 0.0))
    cord = worn_paint("cord", (0.33, 0.2, 0.11), 0.8)

    def knot(column: float, row: float) -> Point:
        x = 0.03 * column + 0.012 * math.sin(0.7 * row + 0.3 * column)
        z = -0.03 * row - 0.015 * math.sin(0.35 * column + 0.2 * row)
        return (x, 0.03 * math.sin(0.5 * column + 0.4 * row), z)

    columns, rows = 15, 20
    for start in range(-rows, columns + 1):
        for slope in (1, -1):
            line = [
                knot(column, row)
                for row in range(rows + 1)
                for column in [start + row if slope > 0 else start + rows - row]
                if 0 <= column <= columns
            ]
            if len(line) > 1:
                tube(f"cord {start} {slope}", line, 0.0011, cord, net)
    rope = worn_paint("rope", (0.42, 0.3, 0.17), 0.8)
    tube("rope", [knot(column, 0) for column in range(columns + 1)], 0.004, rope, net)


def build_plant(root: Any) -> None:
    """Twigs that come in from below, with narrow leaves of the green of the courtyard's pots."""
    rng = random.Random(71)
    greens = [(0, (0.03, 0.08, 0.02)), (0.7, (0.08, 0.19, 0.04)), (1, (0.22, 0.27, 0.07))]
    green = leaf("frond", greens)
    bark = plain("bark", (0.12, 0.07, 0.035), 0.8)
    for twig in range(9):
        foot = joint(f"twig {twig}", (-0.12 + 0.05 * twig, DISTANCE_M - 0.12, -0.42), root)
        phase = 1.7 * twig
        animate(foot, "rotation_euler", bend(phase))
        lean, high = rng.uniform(-0.5, 0.5), rng.uniform(0.22, 0.42)
        line = [(lean * high * (i / 9) ** 2, 0.02 * math.sin(i), high * i / 9) for i in range(10)]
        tube(f"stem {twig}", line, 0.0015, bark, foot)
        places = []
        for spot in line[2:]:
            for side in (-1, 1):
                way = (side * rng.uniform(0.5, 1.0), rng.gauss(0, 0.5), rng.uniform(0.1, 0.8))
                places.append((spot, way, rng.uniform(0.03, 0.065)))
        leaves(f"leaves {twig}", places, green).parent = foot


def bend(phase: float) -> Any:
    return lambda t: (0.03 * math.sin(5 * t + phase), 0.06 * math.sin(4 * t + phase), 0.0)
