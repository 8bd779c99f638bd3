"""A drone that flies by close to the lens: long motion blur and defocus, the courtyard sharp."""

from __future__ import annotations

import math
from typing import Any

import bpy

from ..blender.materials import checks, plain, stripes, worn_paint
from ..blender.shapes import Block, animate, ball, blocks, box, joint, lathe, ring, tube
from .stage import CARD_M, SUBJECT, focus

DISTANCE_M, ARM_M, GUARD_M = 1.9, 0.15, 0.085


def build_blur() -> None:
    focus(CARD_M, 4.0)
    drone = joint("drone", (0, DISTANCE_M, 0), bpy.data.objects[SUBJECT])
    animate(
        drone,
        "location",
        lambda t: (-0.34 + 1.5 * t, DISTANCE_M + 0.2 * t, -0.08 + 0.6 * t - 0.9 * t * t),
    )
    drone.scale = (1.5, 1.5, 1.5)
    animate(
        drone,
        "rotation_euler",
        lambda t: (0.6 + 0.5 * t, 0.25 * math.sin(6 * t), 0.3 + 0.8 * t),
    )
    orange = worn_paint("orange", (0.42, 0.14, 0.05), 0.3)
    hazard = worn_paint("hazard", stripes((0.55, 0.33, 0.08), (0.03, 0.03, 0.03), 16, "X"))
    checker = worn_paint("checker", checks((0.5, 0.45, 0.36), (0.1, 0.2, 0.2), 45))
    dark = plain("carbon", (0.03, 0.03, 0.035), 0.4)
    steel = plain("steel", (0.32, 0.32, 0.34), 0.35, 0.95)
    box("body", (0, 0, 0), (0.15, 0.11, 0.045), orange, drone, 0.015)
    box("lid", (0, 0, 0.028), (0.1, 0.08, 0.025), checker, drone, 0.008)
    box("battery", (-0.03, 0, -0.03), (0.08, 0.06, 0.03), hazard, drone, 0.006)
    ball("eye", (0.075, 0, -0.02), 0.026, steel, drone)
    ball("lens", (0.092, 0, -0.02), 0.014, dark, drone)
    for number, (ahead, aside) in enumerate([(1, 1), (1, -1), (-1, 1), (-1, -1)]):
        build_rotor(
            number, (ahead * ARM_M * 0.75, aside * ARM_M * 0.75), (dark, hazard, orange), drone
        )
    for y in (-0.05, 0.05):
        foot = [(-0.07, y, -0.085), (0.07, y, -0.085)]
        tube(f"skid {y}", foot, 0.004, dark, drone)
        for x in (-0.04, 0.04):
            tube(f"leg {x} {y}", [(x, y, -0.085), (x, y * 0.7, -0.02)], 0.0035, dark, drone)


def build_rotor(number: int, at: tuple[float, float], finish: tuple[Any, ...], drone: Any) -> None:
    """An arm with a motor, a guard ring and a propeller of two blades."""
    dark, striped, coloured = finish
    x, y = at
    tube(f"arm {number}", [(x * 0.3, y * 0.3, 0), (x, y, 0.01)], 0.009, dark, drone)
    motor = [(0.001, -0.012), (0.018, -0.012), (0.018, 0.018), (0.006, 0.024), (0.001, 0.024)]
    lathe(f"motor {number}", motor, coloured, drone).location = (x, y, 0.01)
    guard = ring((x, y, 0.02), GUARD_M, "z", 40)
    tube(f"guard {number}", guard, 0.0065, striped, drone, closed=True)
    for spoke in range(3):
        a = math.tau * spoke / 3 + number
        rim = (x + GUARD_M * math.cos(a), y + GUARD_M * math.sin(a), 0.02)
        tube(f"stay {number} {spoke}", [(x, y, 0.0), rim], 0.003, dark, drone)
    hub = joint(f"hub {number}", (x, y, 0.036), drone)
    animate(hub, "rotation_euler", lambda t: (0, 0, (29 + number) * t))
    blade = [Block((s * 0.04, 0, 0), (0.07, 0.013, 0.002), (s * 0.3, 0, 0)) for s in (-1, 1)]
    blocks(f"blade {number}", blade, coloured, 0.0005, hub)
