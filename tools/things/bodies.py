"""Bodies of many kinds: each builder hangs animated parts on a root."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy

from ..blender.shapes import (
    Point,
    animate,
    ball,
    box,
    joint,
    lathe,
    leaves,
    limb,
    new_object,
    ring,
    tube,
)


@dataclass(frozen=True)
class Kit:
    """What a builder works with: chance, the thing's materials, the part that carries others."""

    draw: random.Random
    skins: Sequence[Any]
    root: Any

    def skin(self) -> Any:
        return self.draw.choice(self.skins)

    def near(self, value: float, by: float = 0.35) -> float:
        return value * self.draw.uniform(1 - by, 1 + by)

    def below(self, root: Any) -> Kit:
        return Kit(self.draw, self.skins, root)

    def swing(self, rest: Point, reach: Point) -> Callable[[float], Point]:
        """Angles in radians that swing about `rest` by up to `reach`, as a function of seconds."""
        waves = [
            (a, self.draw.uniform(-1, 1) * b, self.draw.uniform(5, 13), self.draw.uniform(0, 6.3))
            for a, b in zip(rest, reach, strict=True)
        ]
        return lambda t: tuple(a + b * math.sin(w * t + p) for a, b, w, p in waves)  # type: ignore[return-value]


def chain(
    kit: Kit, at: Point, rest: Point, size: tuple[float, float], links: Sequence[Any], reach: float
) -> Any:
    """A limb of capsules that bends at every joint: `size` is radius and length of the first link,
    `links` has the material of each. Returns the last joint, at the limb's end."""
    parent, (radius, length) = kit.root, size
    for skin in links:
        turn = joint("link", at, parent)
        animate(turn, "rotation_euler", kit.swing(rest, (reach, 0.6 * reach, 0.4 * reach)))
        limb("limb", radius, 0.7 * radius, -length - 0.5 * radius, skin, turn)
        parent, at, rest = turn, (0.0, 0.0, -length), (0.0, 0.0, 0.0)
        radius, length = radius * kit.draw.uniform(0.65, 0.95), kit.near(length, 0.2)
    return joint("end", at, parent)


def deform(kit: Kit, part: Any, method: str, reach: float) -> None:
    """Bend or twist a part to and fro."""
    modifier = part.modifiers.new(method, "SIMPLE_DEFORM")
    modifier.deform_method, modifier.deform_axis = method, kit.draw.choice("XYZ")
    swing = kit.swing((0, 0, 0), (reach, 0, 0))
    animate(modifier, "angle", lambda t: swing(t)[0])


def lump(kit: Kit, radius: float, height: float, parent: Any) -> Any:
    """A smooth, uneven body of revolution about z, from 0 to `height`, dented all over."""
    rows, waves = 14, [kit.draw.uniform(-0.3, 0.3) for _ in range(4)]
    profile = []
    for row in range(rows + 1):
        part = row / rows
        uneven = 1 + sum(w * math.sin(math.pi * (n + 1) * part) for n, w in enumerate(waves))
        wide = radius * uneven * math.sin(math.pi * part) ** 0.6
        profile.append((max(0.001, wide), height * part))
    body = lathe("lump", profile, kit.skin(), parent)
    dents = body.modifiers.new("dents", "DISPLACE")
    dents.texture = bpy.data.textures.new("dents", "CLOUDS")
    dents.texture.noise_scale, dents.strength = kit.near(radius), kit.draw.uniform(0, 0.6) * radius
    return body


def blob(kit: Kit) -> None:
    """One to three lumps that bend and twist."""
    for number in range(kit.draw.randint(1, 3)):
        hub = joint("hub", (0.6 * number * kit.draw.uniform(-1, 1), 0.0, 0.0), kit.root)
        animate(hub, "rotation_euler", kit.swing((0, 0, 0), (0.6, 0.6, 0.6)))
        body = lump(kit, kit.near(0.5), kit.near(1.3), hub)
        deform(kit, body, kit.draw.choice(("BEND", "TWIST", "TAPER")), 1.4)


def beast(kit: Kit) -> None:
    """A body on two or more legs with arms, neck, head, ears and tail; its limbs swing."""
    draw, upright = kit.draw, kit.draw.random() < 0.55
    long, wide = kit.near(1.0), kit.near(0.27)
    trunk = joint("trunk", (0, 0, 0), kit.root)
    animate(trunk, "rotation_euler", kit.swing((0 if upright else 1.5, 0, 0), (0.4, 0.3, 0.3)))
    body = lump(kit, wide, long, trunk)
    deform(kit, body, "BEND", 0.5)
    on, down = kit.below(trunk), 0.0 if upright else -1.5
    for place in [0.06, *([0.8] if upright else [0.85, 0.5][: draw.randint(1, 2)])]:
        links = [kit.skin() for _ in range(draw.randint(2, 3))]
        size, reach = (kit.near(0.11), kit.near(0.42)), draw.uniform(0.4, 1.5)
        for side in (-1, 1):
            rest = (down, -side * draw.uniform(0.1, 0.5), 0.0)
            end = chain(on, (side * 0.7 * wide, 0, place * long), rest, size, links, reach)
            box("foot", (0, -0.05, 0), (0.15, 0.28, 0.1), links[-1], end, 0.03)
    turned = (math.pi - (0 if upright else draw.uniform(0, 0.9)), 0.0, 0.0)
    neck = chain(on, (0, 0, 0.92 * long), turned, (0.1, kit.near(0.2)), [kit.skin()], 0.5)
    head, skin = kit.near(0.24), kit.skin()
    ball("head", (0, 0, -0.6 * head), head, skin, neck)
    for side in (-1, 1) if draw.random() < 0.7 else ():
        ear = [(0.001, 0.0), (0.35 * head, -0.1 * head), (0.001, -kit.near(head))]
        horn = lathe("ear", ear, skin, neck)
        horn.location = (side * 0.6 * head, 0.0, -1.3 * head)
        horn.rotation_euler = (0.0, -side * 0.6, 0.0)
    if draw.random() < 0.6:
        chain(on, (0, 0.5 * wide, 0.05), (0.9, 0, 0), (0.07, 0.25), [kit.skin()] * 4, 0.8)


def wheel(kit: Kit, at: Point, radius: float, thick: float, spin: float, skins: list[Any]) -> None:
    """A turning wheel in the plane of y and z; `skins` are those of tyre and disc or spokes."""
    hub = joint("hub", at, kit.root)
    animate(hub, "rotation_euler", lambda t: (spin * t, 0.0, 0.0))
    tube("tyre", ring((0, 0, 0), radius, "x", 32), thick, skins[0], hub, closed=True)
    if thick > 0.2 * radius:
        disc = lathe("disc", [(0.001, -0.04), (radius, -0.06), (0.001, 0.06)], skins[1], hub)
        disc.rotation_euler = (0, math.pi / 2, 0)
    for spoke in range(0, 32, 4):
        tube("spoke", [(0, 0, 0), ring((0, 0, 0), radius, "x", 32)[spoke]], 0.014, skins[1], hub)


def vehicle(kit: Kit) -> None:
    """Boxes on two or three pairs of wheels, with lamps and rails."""
    draw, long, wide = kit.draw, kit.near(1.9), kit.near(0.8)
    spin, radius, axles = draw.uniform(-14, 14), kit.near(0.25), draw.randint(2, 3)
    skins = [kit.skin(), kit.skin()]
    high = kit.near(0.4)
    box("hull", (0, 0, radius + high / 2), (wide, long, high), kit.skin(), kit.root, 0.08)
    for _ in range(draw.randint(1, 3)):
        size = (wide * draw.uniform(0.6, 1), long * draw.uniform(0.2, 0.6), kit.near(0.45))
        at = (0.0, draw.uniform(-0.3, 0.3) * long, radius + high + 0.45 * size[2])
        box("cabin", at, size, kit.skin(), kit.root, 0.06)
    for axle in range(axles):
        for side in (-0.5, 0.5):
            y = long * (axle / (axles - 1) - 0.5) * 0.75
            wheel(kit, (side * wide, y, radius), radius, 0.35 * radius, spin, skins)
    for side in (-0.3, 0.3):
        ball("lamp", (side * wide, 0.5 * long, radius + 0.6 * high), 0.08, kit.skin(), kit.root)
    if draw.random() < 0.5:
        boom = chain(kit, (0, 0, 1.0), (2.4, 0, 0), (0.07, 0.6), [kit.skin(), kit.skin()], 0.7)
        box("bucket", (0, 0, 0), (0.4, 0.3, 0.25), kit.skin(), boom)


def bicycle(kit: Kit) -> None:
    """Two thin wheels in a frame of tubes, most of the time with a rider."""
    draw, radius, spin, metal = kit.draw, kit.near(0.42, 0.2), kit.draw.uniform(-12, 12), kit.skin()
    skins, thin = [kit.skin(), kit.skin()], draw.uniform(0.02, 0.06)
    back, front = (0.0, -0.62, radius), (0.0, 0.62, radius)
    seat, bar, pedal = (0.0, -0.25, kit.near(1.0, 0.1)), (0.0, 0.42, 1.15), (0.0, -0.05, radius)
    for at in (back, front):
        wheel(kit, at, radius, thin, spin, skins)
    for path in ([back, seat, pedal, back], [seat, bar, pedal], [bar, front]):
        tube("frame", path, 0.035, metal, kit.root)
    tube("bar", [(-0.35, 0.4, 1.2), bar, (0.35, 0.4, 1.2)], 0.03, kit.skin(), kit.root)
    if draw.random() < 0.7:
        saddle = joint("saddle", (0.0, -0.2, 1.05), kit.root)
        saddle.scale, saddle.rotation_euler = (0.75, 0.75, 0.75), (-0.4, 0.0, math.pi)
        beast(kit.below(saddle))


def rods(kit: Kit) -> None:
    """Thin things: a bent frame of rods, rings, or twigs with leaves."""
    draw = kit.draw
    for number in range(draw.randint(2, 5)):
        arm = joint("arm", (0, 0, 0), kit.root)
        rest = (draw.uniform(-3, 3), draw.uniform(-3, 3), 0.0)
        animate(arm, "rotation_euler", kit.swing(rest, (0.5, 0.5, 0.5)))
        bow, thin, skin = draw.uniform(-0.6, 0.6), draw.uniform(0.02, 0.07), kit.skin()
        line = [(bow * math.sin(3 * i / 11), 0.05 * math.sin(i), 1.3 * i / 11) for i in range(12)]
        tube("rod", line, thin, skin, arm)
        if number % 2:
            tube("ring", ring(line[-1], kit.near(0.35), draw.choice("xyz")), thin, skin, arm, True)
        elif draw.random() < 0.7:
            way = [tuple(draw.gauss(0, 1) for _ in range(3)) for _ in range(40)]
            green = [(line[3 + i % 9], w, kit.near(0.3)) for i, w in enumerate(way)]
            leaves(f"leaves {number}", green, kit.skin()).parent = arm  # type: ignore[arg-type]


def sheet(kit: Kit) -> None:
    """Cloth that waves and twists, sometimes on a pole."""
    draw, cells, wide, high = kit.draw, 24, kit.near(1.6), kit.near(1.1)
    lines = [n / cells - 0.5 for n in range(cells + 1)]
    corners = [(wide * x, high * y, 0.0) for y in lines for x in lines]
    side = cells + 1
    starts = [row * side + column for row in range(cells) for column in range(cells)]
    mesh = bpy.data.meshes.new("cloth")
    mesh.from_pydata(corners, [], [(n, n + 1, n + side + 1, n + side) for n in starts])
    mesh.shade_smooth()
    cloth = new_object("cloth", mesh, kit.skin(), kit.root)
    for axis in draw.choice(("x", "y", "xy")):
        wave = cloth.modifiers.new("wave", "WAVE")
        wave.use_x, wave.use_y = axis == "x", axis == "y"
        wave.height, wave.width = draw.uniform(0.1, 0.35), kit.near(0.5)
        wave.narrowness, wave.speed = 3.0, draw.uniform(0.02, 0.08)
        wave.time_offset = -200.0
    deform(kit, cloth, draw.choice(("BEND", "TWIST")), 1.2)
    cloth.rotation_euler = (math.pi / 2, 0, 0)
    if draw.random() < 0.5:
        pole = [(-wide / 2, 0.0, -2 * high), (-wide / 2, 0.0, 0.6 * high)]
        tube("pole", pole, 0.04, kit.skin(), kit.root)


KINDS: dict[str, tuple[Callable[[Kit], None], int]] = {
    "beast": (beast, 7),
    "bicycle": (bicycle, 4),
    "blob": (blob, 3),
    "rods": (rods, 2),
    "sheet": (sheet, 2),
    "vehicle": (vehicle, 4),
}
"""Builders, and how many of each are in every 22 sequences."""
