"""The background: wall, paving, door, window, props, plants, and the lamp post in front."""

from __future__ import annotations

import math
import random
from typing import Any

import bpy
from mathutils import Matrix, Vector

from ..blender.materials import (
    Shader,
    checks,
    glow,
    leaf,
    masonry,
    plain,
    stripes,
    water,
    wood,
    worn_paint,
)
from ..blender.shapes import (
    Block,
    Leaf,
    Point,
    animate,
    ball,
    blocks,
    box,
    joint,
    lathe,
    leaves,
    new_object,
    point,
    ring,
    tube,
)

DOOR = (-2.35, -1.35, 0.0, 2.15)
WINDOW = (1.15, 2.15, 1.0, 2.05)
WALL_Y = 2.6


def brick_wall() -> list[Block]:
    """A running bond with holes for the door and the window."""
    rng = random.Random(11)
    pieces, length, course, row = [], 0.24, 0.078, 0
    z = 0.30
    while z < 3.4:
        x = -5.0 + (row % 2) * length / 2
        holes = [(o[0], o[1]) for o in (DOOR, WINDOW) if o[2] - 0.02 < z < o[3] + 0.02]
        while x < 5.0:
            left, right = x, x + length - 0.012
            x += length
            for a, b in holes:
                if a < right and left < b:
                    left, right = (left, min(right, a)) if left < a else (max(left, b), right)
            if right - left > 0.02:
                y = WALL_Y + rng.gauss(0, 0.004)
                size = (right - left, 0.1, course - 0.012)
                pieces.append(Block(((left + right) / 2, y, z), size, (0, 0, rng.gauss(0, 0.008))))
        z += course
        row += 1
    return pieces


def paving() -> list[Block]:
    rng = random.Random(12)
    pieces = []
    for row in range(44):
        for column in range(46):
            x = -5.2 + 0.23 * (column + 0.5 * (row % 2))
            y = WALL_Y - 0.05 - 0.16 * (row + 0.5)
            turn = (rng.gauss(0, 0.012), rng.gauss(0, 0.012), rng.gauss(0, 0.015))
            pieces.append(Block((x, y, -0.054 + rng.gauss(0, 0.004)), (0.221, 0.151, 0.1), turn))
    return pieces


def build_shell() -> None:
    """Wall, plinth, door, window and floor."""
    brick = [(0.0, (0.16, 0.05, 0.03)), (0.45, (0.34, 0.12, 0.07)), (0.8, (0.42, 0.2, 0.12))]
    brick += [(1.0, (0.5, 0.36, 0.27))]
    stone = masonry("stone", [(0, (0.25, 0.23, 0.2)), (1, (0.42, 0.39, 0.34))], 22, 0.85)
    cobble = masonry("cobble", [(0, (0.1, 0.1, 0.11)), (1, (0.27, 0.25, 0.22))], 26, 0.55)
    planks = wood("door wood", (0.03, 0.09, 0.07), (0.07, 0.2, 0.15))
    blocks("bricks", brick_wall(), masonry("brick", brick, 40, 0.9), 0.006)
    blocks("paving", paving(), cobble, 0.012)

    mortar = plain("mortar", (0.3, 0.27, 0.23), 0.95)
    d, w = DOOR, WINDOW
    backs = [(-5.0, d[0], 0.0, 3.4), (d[1], w[0], 0.0, 3.4), (w[1], 5.0, 0.0, 3.4)]
    backs += [(d[0], d[1], d[3], 3.4), (w[0], w[1], 0.0, w[2]), (w[0], w[1], w[3], 3.4)]
    slabs = [
        Block(((a + b) / 2, WALL_Y + 0.04, (lo + hi) / 2), (b - a, 0.16, hi - lo))
        for a, b, lo, hi in backs
    ]
    blocks("mortar", slabs, mortar, 0.001)
    blocks("earth", [Block((0, -1, -0.12), (12, 8, 0.14))], mortar, 0.001)

    trim = [Block((x, WALL_Y - 0.06, 0.14), (0.58, 0.16, 0.27)) for x in (-4.7, -4.1, -3.5, -2.9)]
    trim += [Block((-1.05 + 0.6 * i, WALL_Y - 0.06, 0.14), (0.585, 0.16, 0.27)) for i in range(10)]
    trim += [Block(((d[0] + d[1]) / 2, WALL_Y - 0.04, d[3] + 0.09), (1.35, 0.2, 0.18))]
    trim += [Block(((w[0] + w[1]) / 2, WALL_Y - 0.06, w[2] - 0.05), (1.2, 0.26, 0.09))]
    trim += [Block(((w[0] + w[1]) / 2, WALL_Y - 0.04, w[3] + 0.08), (1.2, 0.2, 0.16))]
    trim += [Block(((d[0] + d[1]) / 2, WALL_Y - 0.12, 0.05), (1.1, 0.4, 0.1))]
    blocks("trim", trim, stone, 0.015)

    boards = [
        Block((d[0] + 0.1 + 0.2 * i, WALL_Y + 0.06, 1.07), (0.19, 0.05, 2.1)) for i in range(5)
    ]
    boards += [Block(((d[0] + d[1]) / 2, WALL_Y + 0.02, z), (0.96, 0.04, 0.14)) for z in (0.4, 1.7)]
    blocks("door", boards, planks, 0.006)
    build_window(planks)


def build_window(planks: Any) -> None:
    """A lit room behind bars, and shutters beside it."""
    left, right, low, high = WINDOW
    middle = (left + right) / 2
    room = Shader("room")
    cells = room.noise(2.2, 3, room.coordinates((1, 1, 0.5)))
    warm = room.ramp(cells, [(0.38, (0.02, 0.012, 0.008)), (0.68, (1.0, 0.46, 0.15))])
    light = room.add("Emission", {"Color": warm, "Strength": 0.9})
    room.tree.links.new(light, room.surface)
    room.material.cycles.emission_sampling = "NONE"
    centre = (middle, WALL_Y + 0.12, (low + high) / 2)
    blocks("pane", [Block(centre, (right - left, 0.01, high - low))], room.material, 0.001)
    bars = [
        Block((x, WALL_Y + 0.03, centre[2]), (0.045, 0.06, high - low))
        for x in (left + 0.02, middle, right - 0.02)
    ]
    bars += [
        Block((middle, WALL_Y + 0.03, z), (right - left, 0.05, 0.04))
        for z in (low + 0.02, low + 0.36, low + 0.7, high - 0.02)
    ]
    blocks("bars", bars, plain("white paint", (0.6, 0.57, 0.5), 0.5), 0.006)
    slats = []
    for x in (left - 0.26, right + 0.26):
        slats += [
            Block((x + s * 0.22, WALL_Y - 0.09, centre[2]), (0.05, 0.04, 1.05)) for s in (-1, 1)
        ]
        slats += [
            Block((x, WALL_Y - 0.09, low + 0.03 + 0.07 * i), (0.42, 0.012, 0.07), (0.6, 0, 0))
            for i in range(15)
        ]
    blocks("shutters", slats, planks, 0.004)


def build_props() -> None:
    """Pipes, crates, a barrel, a ladder, posters and a string of bulbs."""
    iron = plain("iron", (0.12, 0.12, 0.13), 0.5, 0.8)
    copper = worn_paint("copper", (0.35, 0.19, 0.1), 0.4)
    y = WALL_Y - 0.14
    tube(
        "downpipe",
        [(0.72, y, 3.4), (0.72, y, 0.3), (0.72, y - 0.04, 0.18), (0.72, y - 0.2, 0.1)],
        0.055,
        copper,
    )
    tube(
        "gas pipe",
        [(-1.1, y, 3.4), (-1.1, y, 1.95), (-1.08, y, 1.9), (-1.0, y, 1.88), (0.9, y, 1.88)],
        0.028,
        iron,
    )
    tube(
        "valve",
        ring((-0.2, y - 0.1, 1.88), 0.085, "y"),
        0.014,
        worn_paint("red", (0.5, 0.03, 0.02)),
    )
    tube("spindle", [(-0.2, y, 1.88), (-0.2, y - 0.1, 1.88)], 0.012, iron)
    clamps = [Block((0.72, y + 0.02, z), (0.17, 0.09, 0.05)) for z in (0.6, 1.5, 2.4)]
    clamps += [Block((x, y + 0.03, 1.88), (0.04, 0.09, 0.09)) for x in (-0.8, 0.4)]
    blocks("clamps", clamps, iron, 0.008)
    build_crates()
    build_barrel(iron)
    build_posters()
    ladder_wood = wood("ladder wood", (0.2, 0.11, 0.05), (0.42, 0.27, 0.13))
    lean = Matrix.Rotation(-0.2, 4, "X")
    rails = [Block((2.75 + s * 0.19, 2.2, 1.15), (0.05, 0.035, 2.5), (-0.2, 0, 0)) for s in (-1, 1)]
    for i in range(8):
        spot = lean @ Vector((0, 0, -1.0 + 0.28 * i)) + Vector((2.75, 2.2, 1.15))
        rails.append(Block(point(spot), (0.36, 0.03, 0.03), (-0.2, 0, 0)))
    blocks("ladder", rails, ladder_wood, 0.006)


def build_crates() -> None:
    pale = wood("crate wood", (0.24, 0.13, 0.055), (0.52, 0.33, 0.16))
    stacks = [((-2.75, 1.75, 0.0), 0.62, 0.15), ((-2.7, 1.8, 0.63), 0.5, -0.25)]
    stacks += [((-0.62, 2.05, 0.0), 0.48, 0.3), ((3.5, 1.6, 0.0), 0.7, -0.2)]
    for number, (spot, size, turn) in enumerate(stacks):
        slats, half = [], size / 2
        count = 5
        for i in range(count):
            z = size * (i + 0.5) / count
            for s in (-1, 1):
                slats.append(Block((0, s * half, z), (size, 0.022, size / count - 0.014)))
                slats.append(Block((s * half, 0, z), (0.022, size, size / count - 0.014)))
            across = size * (i + 0.5) / count - half
            slats.append(Block((across, 0, size), (size / count - 0.01, size, 0.02)))
        for sx in (-1, 1):
            for sy in (-1, 1):
                slats.append(Block((sx * half, sy * (half + 0.02), half), (0.06, 0.02, size)))
        slats.append(Block((0, -half - 0.022, half), (size * 1.25, 0.02, 0.07), (0, 0.78, 0)))
        crate = blocks(f"crate {number}", slats, pale, 0.004)
        crate.location, crate.rotation_euler = spot, (0, 0, turn)


def build_barrel(iron: Any) -> None:
    staves = stripes((0.03, 0.07, 0.16), (0.045, 0.11, 0.24), 1.2, "Z")
    shape = [(0.001, 0.86), (0.25, 0.86), (0.26, 0.88), (0.28, 0.86), (0.29, 0.6), (0.3, 0.58)]
    shape += [(0.29, 0.56), (0.29, 0.32), (0.3, 0.3), (0.29, 0.28), (0.28, 0.02), (0.001, 0.0)]
    barrel = lathe("barrel", shape, worn_paint("barrel paint", staves, 0.3), None)
    barrel.location = (2.15, 1.9, 0)
    blocks(
        "barrel label",
        [Block((2.1, 1.6, 0.45), (0.2, 0.02, 0.16), (0, 0, -0.15))],
        worn_paint("label", checks((0.7, 0.6, 0.1), (0.05, 0.04, 0.03), 14)),
        0.002,
    )
    tube(
        "hose",
        [(x, 1.75 + 0.05 * math.sin(7 * x), 0.02) for x in [0.8 + 0.05 * i for i in range(22)]],
        0.018,
        iron,
    )


def poster_material(name: str, kind: str, inks: tuple[Point, Point, Point]) -> Any:
    s = Shader(name)
    at = s.coordinates((1, 1, 1))
    if kind == "sun":
        rings = s.add(
            "TexWave",
            {"Vector": at, "Scale": 4.5},
            "Fac",
            wave_type="RINGS",
            rings_direction="SPHERICAL",
        )
        art = s.ramp(rings, [(0, inks[0]), (0.35, inks[1]), (0.7, inks[2])], hard=True)
    elif kind == "cells":
        cells = s.add("TexVoronoi", {"Vector": at, "Scale": 9.0}, "Color")
        art = s.ramp(cells, [(0, inks[0]), (0.4, inks[1]), (0.6, inks[2])], hard=True)
    else:
        lines = s.noise(40, 2, s.coordinates((0.6, 0.6, 2.2)))
        art = s.ramp(lines, [(0, inks[0]), (0.5, inks[1]), (0.57, inks[2])], hard=True)
    stain = s.ramp(s.noise(5, 4), [(0.3, 0.5), (0.65, 1.0)])
    s.principled(s.mix(1.0, art, stain, "MULTIPLY"), 0.7)
    return s.material


def build_posters() -> None:
    cream, ink, red = (0.62, 0.55, 0.4), (0.03, 0.05, 0.1), (0.55, 0.07, 0.03)
    prints = [("sun", (-0.35, 1.28), (0.46, 0.64), 0.02, (red, cream, ink))]
    prints += [("text", (0.2, 1.36), (0.36, 0.5), -0.04, (cream, cream, ink))]
    prints += [
        ("cells", (0.28, 0.78), (0.42, 0.52), 0.03, ((0.04, 0.2, 0.22), (0.6, 0.4, 0.08), cream))
    ]
    prints += [("text", (-3.0, 1.6), (0.5, 0.7), 0.03, (ink, ink, cream))]
    for number, (kind, (x, z), (wide, high), roll, inks) in enumerate(prints):
        sheet = blocks(
            f"poster {number}",
            [Block((0, 0, 0), (wide, 0.006, high))],
            poster_material(f"poster {number}", kind, inks),
            0.001,
        )
        sheet.location, sheet.rotation_euler = (x, WALL_Y - 0.062, z), (0, roll, 0)


def build_plants(green: Any) -> None:
    clay = masonry("clay", [(0, (0.36, 0.13, 0.06)), (1, (0.42, 0.17, 0.08))], 30, 0.85)
    shape = [(0.001, 0.0), (0.13, 0.0), (0.18, 0.26), (0.21, 0.26), (0.21, 0.33), (0.18, 0.33)]
    shape += [(0.17, 0.27), (0.001, 0.27)]
    rng = random.Random(21)
    for number, (x, y, scale) in enumerate([(1.2, 2.1, 1.2), (-1.15, 2.2, 0.9), (1.62, 2.2, 0.8)]):
        pot = lathe(f"pot {number}", [(r * scale, z * scale) for r, z in shape], clay, None)
        pot.location = (x, y, 0)
        places: list[Leaf] = []
        for _ in range(170):
            out = Vector((rng.gauss(0, 0.5), rng.gauss(0, 0.5), rng.uniform(0.2, 1.0)))
            root = Vector((x, y, 0.3 * scale)) + out * scale * rng.uniform(0.05, 0.5)
            way = (out.x * 1.5, out.y * 1.5, out.z - 0.5)
            places.append((point(root), way, scale * rng.uniform(0.1, 0.2)))
        leaves(f"plant {number}", places, green)


def build_bulbs() -> None:
    """A string of bulbs across the yard, swaying a little."""
    black = plain("rubber wire", (0.02, 0.02, 0.02), 0.6)
    bulb = glow("bulb", (1.0, 0.62, 0.28), 9.0)
    sway = joint("bulbs", (0, 0, 2.3))
    points = []
    for i in range(33):
        t = i / 16 - 1
        points.append((3.6 * t, 1.5 - 0.5 * t, -0.32 + 0.5 * t * t - 0.1 * math.cos(9 * t)))
    tube("bulb wire", points, 0.008, black, sway)
    for i in range(1, 33, 3):
        x, y, z = points[i]
        tube(f"socket {i}", [(x, y, z), (x, y, z - 0.06)], 0.016, black, sway)
        ball(f"bulb {i}", (x, y, z - 0.085), 0.03, bulb, sway)
    animate(sway, "rotation_euler", lambda t: (0.06 * math.sin(2.6 * t), 0, 0))


def build_puddle() -> None:
    rng = random.Random(31)
    film = water("water")
    for number, (cx, cy, rx, ry) in enumerate([(-0.1, -0.36, 0.95, 0.24), (-1.5, 0.9, 0.6, 0.28)]):
        waves = [(k, rng.gauss(0, 0.12), rng.uniform(0, 6)) for k in (2, 3, 5, 7)]
        rim = []
        for i in range(72):
            a = math.tau * i / 72
            r = 1 + sum(size * math.sin(k * a + phase) for k, size, phase in waves)
            rim.append((cx + rx * r * math.cos(a), cy + ry * r * math.sin(a), -0.001))
        mesh = bpy.data.meshes.new(f"puddle {number}")
        mesh.from_pydata(rim, [], [tuple(range(72))])
        new_object(f"puddle {number}", mesh, film)


def build_background() -> None:
    green = leaf(
        "leaf", [(0, (0.02, 0.07, 0.015)), (0.7, (0.07, 0.19, 0.03)), (1, (0.2, 0.26, 0.05))]
    )
    build_shell()
    build_props()
    build_plants(green)
    build_bulbs()
    build_puddle()
    build_occluder(green)


def build_occluder(green: Any) -> None:
    """A lamp post with ivy between the camera and the robot; it covers a part, never all."""
    x, y = 0.02, -2.3
    iron = worn_paint("post paint", (0.025, 0.06, 0.05), 0.4)
    shape = [(0.001, 0.0), (0.11, 0.0), (0.11, 0.3), (0.075, 0.36), (0.05, 0.42), (0.05, 1.2)]
    shape += [(0.066, 1.21), (0.07, 1.24), (0.066, 1.27), (0.045, 1.28), (0.04, 3.0), (0.001, 3.0)]
    post = lathe("post", shape, iron, None)
    post.location = (x, y, 0)
    sign = worn_paint(
        "sign", stripes((0.62, 0.55, 0.4), (0.07, 0.12, 0.3), 5, "Z", (0, 0.6, 0)), 0.3
    )
    plate = box("post sign", (x, y - 0.06, 1.06), (0.15, 0.012, 0.2), sign, None, 0.005)
    plate.rotation_euler = (0, 0.05, 0.1)
    rng = random.Random(41)
    places: list[Leaf] = []
    vine: list[Point] = []
    for i in range(90):
        z = 0.35 + i * 0.0068
        turn = i * 0.23
        rim = Vector((x + 0.058 * math.cos(turn), y + 0.058 * math.sin(turn), z))
        vine.append(point(rim))
        for _ in range(3 if z < 0.75 else 1):
            way = (
                math.cos(turn) + rng.gauss(0, 0.7),
                math.sin(turn) + rng.gauss(0, 0.7),
                rng.uniform(-0.7, 0.5),
            )
            places.append((point(rim), way, rng.uniform(0.035, 0.075)))
    tube("vine", vine, 0.007, plain("bark", (0.1, 0.06, 0.03), 0.9))
    leaves("ivy", places, green)
