"""Meshes from a few numbers, and the two ways to move them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from mathutils import Euler, Matrix, Vector

Point = tuple[float, float, float]
Leaf = tuple[Point, Point, float]
"""Root, direction and length."""


def point(vector: Vector) -> Point:
    return vector.x, vector.y, vector.z


@dataclass(frozen=True)
class Block:
    """One box of a merged mesh: centre, full size, rotation."""

    at: Point
    size: Point
    turn: Point = (0.0, 0.0, 0.0)


def new_object(name: str, mesh: Any, material: Any, parent: Any = None) -> Any:
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.parent = parent
    mesh.materials.append(material)
    return thing


def bevel(thing: Any, width: float, segments: int = 2) -> None:
    modifier = thing.modifiers.new("bevel", "BEVEL")
    modifier.width, modifier.segments, modifier.limit_method = width, segments, "ANGLE"


def tint(mesh: Any, values: Iterable[float]) -> None:
    """One number per face, which the materials turn into a colour."""
    mesh.attributes.new("tint", "FLOAT", "FACE").data.foreach_set("value", list(values))


CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def blocks(
    name: str, pieces: Sequence[Block], material: Any, edge: float, parent: Any = None
) -> Any:
    """Many boxes in one mesh, each with a random tint."""
    rng = random.Random(name)
    vertices: list[Vector] = []
    faces, tints = [], []
    for piece in pieces:
        start = len(vertices)
        at, size = Vector(piece.at), Vector(piece.size)
        place = Matrix.LocRotScale(at, Euler(piece.turn), size)  # type: ignore[arg-type]
        vertices += [place @ Vector(corner) for corner in CORNERS]
        faces += [tuple(start + i for i in side) for side in SIDES]
        tints += [rng.random()] * 6
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    tint(mesh, tints)
    thing = new_object(name, mesh, material, parent)
    bevel(thing, edge)
    return thing


def box(name: str, at: Point, size: Point, material: Any, parent: Any, edge: float = 0.02) -> Any:
    thing = blocks(name, [Block((0, 0, 0), size)], material, edge, parent)
    thing.location = at
    thing.modifiers["bevel"].segments = 3
    smooth(thing.data)
    return thing


def smooth(mesh: Any) -> None:
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=math.radians(50))


def lathe(name: str, profile: Sequence[tuple[float, float]], material: Any, parent: Any) -> Any:
    """Revolve (radius, height) pairs around z: pots, lamps, limbs, domes."""
    steps = 24
    vertices = [
        (r * math.cos(math.tau * i / steps), r * math.sin(math.tau * i / steps), z)
        for r, z in profile
        for i in range(steps)
    ]
    faces = [
        (row * steps + i, row * steps + j, (row + 1) * steps + j, (row + 1) * steps + i)
        for row in range(len(profile) - 1)
        for i in range(steps)
        for j in [(i + 1) % steps]
    ]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    smooth(mesh)
    return new_object(name, mesh, material, parent)


def limb(name: str, radius: float, top: float, bottom: float, material: Any, parent: Any) -> Any:
    """A capsule from z = top down to z = bottom, a little thicker in the middle."""
    r, middle = radius, (top + bottom) / 2
    profile = [(0.001, bottom), (r * 0.7, bottom + r * 0.2), (r * 0.9, bottom + r * 0.7)]
    profile += [(r, middle), (r * 0.9, top - r * 0.7), (r * 0.7, top - r * 0.2), (0.001, top)]
    return lathe(name, profile, material, parent)


def ball(name: str, at: Point, radius: float, material: Any, parent: Any = None) -> Any:
    arc = [math.pi * i / 12 - math.pi / 2 for i in range(13)]
    profile = [(max(0.0005, radius * math.cos(a)), radius * math.sin(a)) for a in arc]
    thing = lathe(name, profile, material, parent)
    thing.location = at
    return thing


def tube(
    name: str,
    points: Sequence[Point],
    radius: float,
    material: Any,
    parent: Any = None,
    closed: bool = False,
) -> Any:
    """A round tube through the points: pipes, wires, rings."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", radius, 4
    curve.use_fill_caps = True
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for target, point in zip(spline.points, points, strict=True):
        target.co = (*point, 1)
    spline.use_cyclic_u, spline.use_smooth = closed, True
    return new_object(name, curve, material, parent)


def ring(at: Point, radius: float, axis: str, count: int = 24) -> list[Point]:
    turns = [math.tau * i / count for i in range(count)]
    a = [radius * math.cos(t) for t in turns]
    b = [radius * math.sin(t) for t in turns]
    x, y, z = at
    if axis == "x":
        return [(x, y + p, z + q) for p, q in zip(a, b, strict=True)]
    if axis == "y":
        return [(x + p, y, z + q) for p, q in zip(a, b, strict=True)]
    return [(x + p, y + q, z) for p, q in zip(a, b, strict=True)]


def leaves(name: str, places: Sequence[Leaf], material: Any) -> Any:
    """Folded, pointed leaves in one mesh."""
    rng = random.Random(name)
    vertices: list[Vector] = []
    faces, tints = [], []
    for root, direction, length in places:
        along: Any = Vector(direction).normalized()
        side = along.cross(Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1)))).normalized()
        up = side.cross(along)
        start, foot = len(vertices), Vector(root)
        vertices += [foot, foot + along * length + up * -0.15 * length]
        vertices += [foot + along * length * 0.4 + up * 0.06 * length]
        vertices += [foot + along * length * 0.42 + s * side * length * 0.32 for s in (-1, 1)]
        faces += [(start, start + 2, start + 3), (start + 3, start + 2, start + 1)]
        faces += [(start, start + 4, start + 2), (start + 2, start + 4, start + 1)]
        tints += [rng.random()] * 4
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    tint(mesh, tints)
    return new_object(name, mesh, material)


def joint(name: str, at: Point, parent: Any = None) -> Any:
    empty = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(empty)
    empty.parent, empty.location = parent, at
    return empty


def animate(target: Any, path: str, value: Callable[[float], Any]) -> None:
    """Key `value(seconds)` on every frame, and two beyond each end to cover the shutter."""
    scene = bpy.context.scene
    for frame in range(scene.frame_start - 2, scene.frame_end + 3):
        setattr(target, path, value((frame - scene.frame_start) / scene.render.fps))
        target.keyframe_insert(path, frame=frame)
