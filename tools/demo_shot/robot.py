"""The subject: an articulated robot that walks without sliding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
from mathutils import Vector

from ..blender.materials import checks, fabric, glow, plain, stripes, worn_paint
from ..blender.shapes import (
    Point,
    animate,
    ball,
    box,
    joint,
    lathe,
    limb,
    new_object,
    ring,
    smooth,
    tube,
)

STEP_PERIOD_S, STRIDE_M, LEG_M = 0.92, 0.36, 0.26
HEADING = math.radians(-30)
START = Vector((-0.98, 0.62, 0.0))


@dataclass(frozen=True)
class Finishes:
    """The robot's materials."""

    teal: Any
    hazard: Any
    checker: Any
    orange: Any
    steel: Any
    brass: Any
    rubber: Any
    scarf: Any
    eye: Any


def finishes() -> Finishes:
    yellow, black = (0.62, 0.33, 0.03), (0.02, 0.02, 0.02)
    return Finishes(
        teal=worn_paint("teal", (0.03, 0.24, 0.27), 0.28),
        hazard=worn_paint("hazard", stripes(yellow, black, 5.5, "X", (0, 0.78, 0.7))),
        checker=worn_paint("checker", checks((0.6, 0.53, 0.4), (0.4, 0.05, 0.03), 17)),
        orange=worn_paint("orange", (0.6, 0.17, 0.03), 0.3),
        steel=plain("steel", (0.3, 0.31, 0.33), 0.34, 0.95),
        brass=plain("brass", (0.55, 0.36, 0.12), 0.28, 1.0),
        rubber=plain("rubber", (0.022, 0.022, 0.025), 0.6),
        scarf=fabric("scarf", stripes((0.5, 0.03, 0.03), (0.66, 0.58, 0.42), 4.2, "X")),
        eye=glow("eye", (0.25, 0.75, 1.0), 1.5),
    )


def build_robot() -> None:
    """The subject; all its objects hang below the joint named `robot`."""
    look = finishes()
    root = joint("robot", (0, 0, 0))
    root.rotation_euler = (0, 0, HEADING)
    way = Vector((math.cos(HEADING), math.sin(HEADING), 0))
    speed = 2 * STRIDE_M / STEP_PERIOD_S
    animate(root, "location", lambda t: START + way * speed * t)
    hips = joint("hips", (0, 0, 0.55), root)
    swing = math.tau / STEP_PERIOD_S
    animate(hips, "location", lambda t: (0, 0.012 * math.sin(swing * t), hip_height(t)))
    animate(
        hips,
        "rotation_euler",
        lambda t: (0.05 * math.sin(swing * t), 0.04, 0.1 * math.cos(swing * t)),
    )
    build_torso(look, hips)
    for side, phase in ((1, 0.0), (-1, 0.5)):
        build_leg(look, hips, side, phase)
        build_arm(look, bpy.data.objects["chest"], side, phase)


def hip_height(t: float) -> float:
    """Height of the hips above the ground, lowest with both feet down."""
    return 0.535 - 0.014 * math.cos(2 * math.tau * t / STEP_PERIOD_S)


def build_torso(look: Finishes, hips: Any) -> None:
    box("pelvis", (0, 0, 0.02), (0.24, 0.32, 0.14), look.steel, hips, 0.04)
    limb("waist", 0.1, 0.16, 0.02, look.rubber, hips)
    chest = joint("chest", (0, 0, 0.12), hips)
    swing = math.tau / STEP_PERIOD_S
    animate(
        chest,
        "rotation_euler",
        lambda t: (0, 0.03 * math.sin(2 * swing * t), -0.2 * math.cos(swing * t)),
    )
    box("body", (0, 0, 0.25), (0.36, 0.44, 0.42), look.teal, chest, 0.07)
    box("belt", (0, 0, 0.085), (0.372, 0.452, 0.075), look.hazard, chest, 0.03)
    box("panel", (0.175, 0, 0.29), (0.03, 0.28, 0.2), look.steel, chest, 0.012)
    box("side hatch", (0, -0.218, 0.29), (0.22, 0.02, 0.2), look.checker, chest, 0.009)
    tube("gauge rim", ring((0.195, -0.06, 0.31), 0.055, "x"), 0.012, look.brass, chest)
    ball("gauge", (0.18, -0.06, 0.31), 0.045, plain("dial", (0.7, 0.66, 0.52), 0.2), chest)
    for number, (y, z) in enumerate([(0.06, 0.35), (0.06, 0.3), (0.06, 0.25), (0.1, 0.35)]):
        button = glow("button", (1.0, 0.25, 0.08), 2.5) if number == 1 else look.orange
        ball(f"button {number}", (0.193, y, z), 0.017, button, chest)
    bolts = [(x, -0.222, z) for x in (-0.14, 0.14) for z in (0.16, 0.41)]
    for number, spot in enumerate(bolts):
        ball(f"bolt {number}", spot, 0.014, look.brass, chest)
    build_pack(look, chest)
    build_head(look, chest)
    build_scarf(look, chest)


def build_pack(look: Finishes, chest: Any) -> None:
    leather = plain("leather", (0.13, 0.06, 0.025), 0.6)
    box("pack", (-0.255, 0, 0.24), (0.15, 0.34, 0.34), leather, chest, 0.04)
    roll = limb(
        "bedroll",
        0.075,
        0.22,
        -0.22,
        fabric("blanket", stripes((0.09, 0.14, 0.3), (0.55, 0.45, 0.25), 5, "Z")),
        chest,
    )
    roll.location, roll.rotation_euler = (-0.25, 0, 0.48), (math.pi / 2, 0, 0)
    for y in (-0.1, 0.1):
        box(f"strap {y}", (-0.26, y, 0.26), (0.17, 0.03, 0.37), look.rubber, chest, 0.01)
    cup = lathe(
        "cup",
        [(0.001, 0), (0.04, 0), (0.05, 0.09), (0.046, 0.09), (0.036, 0.006)],
        look.brass,
        chest,
    )
    cup.location = (-0.3, -0.2, 0.12)
    swing = math.tau / STEP_PERIOD_S
    animate(cup, "rotation_euler", lambda t: (0.3, 0.5 * math.sin(2 * swing * t - 1), 0))


def build_head(look: Finishes, chest: Any) -> None:
    limb("neck", 0.07, 0.58, 0.42, look.rubber, chest)
    head = joint("head", (0, 0, 0.56), chest)
    animate(
        head,
        "rotation_euler",
        lambda t: (
            0.04 * math.sin(3.1 * t),
            0.07 * math.sin(6.8 * t + 1),
            -0.3 + 0.28 * math.sin(1.5 * t - 0.6),
        ),
    )
    box("skull", (0.01, 0, 0.13), (0.27, 0.33, 0.24), look.orange, head, 0.06)
    box("brow", (0.03, 0, 0.205), (0.29, 0.34, 0.035), look.teal, head, 0.015)
    box("jaw", (0.05, 0, 0.045), (0.22, 0.24, 0.06), look.steel, head, 0.018)
    for i in range(5):
        box(
            f"grill {i}",
            (0.148, -0.06 + 0.03 * i, 0.055),
            (0.02, 0.01, 0.05),
            look.rubber,
            head,
            0.003,
        )
    for y in (-0.078, 0.078):
        tube(f"eye rim {y}", ring((0.15, y, 0.14), 0.052, "x"), 0.015, look.brass, head)
        ball(f"eye socket {y}", (0.135, y, 0.14), 0.05, look.rubber, head)
        ball(f"eye {y}", (0.165, y, 0.14), 0.028, look.eye, head)
        ear = lathe(
            f"ear {y}",
            [(0.001, 0), (0.07, 0), (0.075, 0.02), (0.05, 0.05), (0.001, 0.055)],
            look.checker,
            head,
        )
        ear.location = (0, 0.162 if y > 0 else -0.162, 0.13)
        ear.rotation_euler = (math.copysign(math.pi / 2, -y), 0, 0)
    whip = joint("antenna", (-0.06, 0.07, 0.24), head)
    tube(
        "antenna wire",
        [(-0.02 * (i / 8) ** 2, 0, 0.03 * i) for i in range(9)],
        0.008,
        look.steel,
        whip,
    )
    ball("antenna ball", (-0.02, 0, 0.25), 0.03, glow("beacon", (1, 0.2, 0.06), 1.6), whip)
    swing = math.tau / STEP_PERIOD_S
    animate(
        whip,
        "rotation_euler",
        lambda t: (0.16 * math.sin(swing * t), 0.25 * math.sin(2 * swing * t) - 0.1, 0),
    )


def build_scarf(look: Finishes, chest: Any) -> None:
    """Two turns round the neck and two tails that flutter, each by a sine and a cosine shape."""
    for number, (z, radius) in enumerate([(0.475, 0.135), (0.515, 0.125)]):
        tube(f"scarf {number}", ring((0, 0, z), radius, "z"), 0.037, look.scarf, chest)
    for number, (y, length, phase) in enumerate([(-0.1, 0.5, 0.0), (-0.03, 0.36, 1.3)]):
        tail = scarf_tail(f"tail {number}", length, look.scarf, chest)
        tail.location, tail.rotation_euler = (-0.11, y, 0.5), (0.3, -0.35, 0.35 * (1 - number))
        keys = tail.data.shape_keys.key_blocks
        animate(keys["sine"], "value", flutter(math.sin, phase))
        animate(keys["cosine"], "value", flutter(math.cos, phase))


def flutter(wave: Callable[[float], float], phase: float) -> Callable[[float], float]:
    """How much of one of a tail's two shapes is on: together they make a travelling wave."""
    return lambda t: wave(2 * math.tau / STEP_PERIOD_S * t + phase)


def scarf_tail(name: str, length: float, material: Any, parent: Any) -> Any:
    rows, across = 18, 5
    rest = [
        Vector((-length * i / (rows - 1), 0.12 * (j / (across - 1) - 0.5), -0.06 * (i / rows) ** 2))
        for i in range(rows)
        for j in range(across)
    ]
    faces = [
        (i * across + j, i * across + j + 1, (i + 1) * across + j + 1, (i + 1) * across + j)
        for i in range(rows - 1)
        for j in range(across - 1)
    ]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(rest, [], faces)
    smooth(mesh)
    tail = new_object(name, mesh, material, parent)
    tail.shape_key_add(name="rest")
    for label, wave in (("sine", math.sin), ("cosine", math.cos)):
        key = tail.shape_key_add(name=label)
        key.slider_min, key.slider_max = -1.0, 1.0
        for point, place in zip(key.data, rest, strict=True):
            along = -place.x / length
            lift = 0.075 * along * wave(7.5 * along + 4 * place.y)
            point.co = place + Vector((0, 0.4 * lift, lift))
    cloth = tail.modifiers.new("cloth", "SOLIDIFY")
    cloth.thickness = 0.012
    return tail


def ankle(t: float, phase: float) -> tuple[float, float]:
    """(forward, height above the ground) of an ankle; a foot on the ground does not slide."""
    turn = (t / STEP_PERIOD_S + phase) % 1.0
    if turn < 0.5:
        return STRIDE_M * (0.5 - 2 * turn), 0.07
    swing = 2 * turn - 1
    return STRIDE_M * (-0.5 * math.cos(math.pi * swing)), 0.07 + 0.1 * math.sin(math.pi * swing)


def leg_angles(t: float, phase: float) -> tuple[float, float, float]:
    """Hip, knee and foot angles about y that put the ankle where `ankle` says."""
    forward, height = ankle(t, phase)
    down = hip_height(t) - height
    reach = min(math.hypot(forward, down), 2 * LEG_M * 0.999)
    bend = math.acos(reach / (2 * LEG_M))
    hip = -(math.atan2(forward, down) + bend)
    lift = (height - 0.07) / 0.1
    toe = 0.35 * lift * (-1 if forward > 0 else 1)
    return hip, 2 * bend, toe - hip - 2 * bend


def leg_turn(part: int, phase: float) -> Callable[[float], Point]:
    return lambda t: (0.0, leg_angles(t, phase)[part], 0.0)


def build_leg(look: Finishes, hips: Any, side: int, phase: float) -> None:
    name = "left" if side > 0 else "right"
    hip = joint(f"{name} hip", (0, side * 0.115, 0), hips)
    ball(f"{name} hip ball", (0, 0, 0), 0.07, look.rubber, hip)
    limb(f"{name} thigh", 0.075, 0.0, -LEG_M, look.orange, hip)
    knee = joint(f"{name} knee", (0, 0, -LEG_M), hip)
    ball(f"{name} knee ball", (0, 0, 0), 0.06, look.brass, knee)
    box(
        f"{name} shin",
        (0, 0, -LEG_M / 2 - 0.01),
        (0.125, 0.125, LEG_M * 0.72),
        look.checker,
        knee,
        0.03,
    )
    foot = joint(f"{name} foot", (0, 0, -LEG_M), knee)
    ball(f"{name} ankle", (0, 0, 0), 0.045, look.steel, foot)
    box(f"{name} shoe", (0.04, 0, -0.02), (0.25, 0.145, 0.075), look.teal, foot, 0.03)
    box(f"{name} sole", (0.04, 0, -0.054), (0.265, 0.155, 0.028), look.rubber, foot, 0.01)
    for place, part in enumerate((hip, knee, foot)):
        animate(part, "rotation_euler", leg_turn(place, phase))


def build_arm(look: Finishes, chest: Any, side: int, phase: float) -> None:
    name = "left" if side > 0 else "right"
    swing = math.tau / STEP_PERIOD_S
    start = math.tau * phase
    shoulder = joint(f"{name} shoulder", (0, side * 0.275, 0.38), chest)
    ball(f"{name} shoulder ball", (0, 0, 0), 0.085, look.hazard, shoulder)
    limb(f"{name} upper arm", 0.055, 0.0, -0.25, look.steel, shoulder)
    elbow = joint(f"{name} elbow", (0, 0, -0.25), shoulder)
    ball(f"{name} elbow ball", (0, 0, 0), 0.05, look.rubber, elbow)
    limb(f"{name} forearm", 0.072, -0.01, -0.22, look.orange, elbow)
    tube(f"{name} cuff", ring((0, 0, -0.2), 0.05, "z"), 0.018, look.brass, elbow)
    for i in range(3):
        a = math.tau * i / 3
        knuckle = (0.035 * math.cos(a), 0.035 * math.sin(a), -0.22)
        middle = (0.055 * math.cos(a), 0.055 * math.sin(a), -0.27)
        tip = (0.025 * math.cos(a), 0.025 * math.sin(a), -0.325)
        tube(f"{name} finger {i}", [knuckle, middle, tip], 0.017, look.steel, elbow)
    animate(
        shoulder,
        "rotation_euler",
        lambda t: (side * -0.13, 0.62 * math.cos(swing * t + start) + 0.05, 0),
    )
    animate(
        elbow,
        "rotation_euler",
        lambda t: (side * 0.1, -0.55 + 0.3 * math.cos(swing * t + start - 0.5), 0),
    )
