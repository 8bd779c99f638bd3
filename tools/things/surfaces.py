"""Procedural surfaces of many sorts, so that neighbouring parts of a thing differ."""

from __future__ import annotations

import colorsys
import random
from typing import Any

from ..blender.materials import Shader, rgba
from ..blender.shapes import Point

PATTERNS = ("plain", "noise", "voronoi", "wave", "checker", "brick", "spots", "mottled")


def palette(draw: random.Random, colours: int) -> list[Point]:
    """Linear colours: all of nature's browns and greens, or all of any hue, some of them grey."""
    natural = draw.random() < 0.45
    found = []
    for _ in range(colours):
        hue = draw.uniform(0.02, 0.32) if natural else draw.random()
        vivid = draw.uniform(0.1, 0.65) if natural else draw.uniform(0.3, 0.95)
        strong = vivid if natural else draw.choice((0.05, vivid))
        found.append(colorsys.hsv_to_rgb(hue, strong, draw.uniform(0.03, 0.9) ** 1.3))
    return found


def surface(name: str, draw: random.Random, colours: list[Point]) -> Any:
    """A material with one of the patterns in two or three of the colours."""
    s = Shader(name)
    pattern, scale = draw.choice(PATTERNS), draw.uniform(1.5, 9.0)
    tilt = (draw.uniform(0, 3), draw.uniform(0, 3), draw.uniform(0, 3))
    inks = draw.sample(colours, 2)
    grain = s.noise(draw.uniform(8, 40), 3)
    at = s.coordinates(tilt=tilt)
    if pattern == "plain":
        colour = s.mix(0.0, inks[0], inks[1])
    elif pattern in ("checker", "brick"):
        two: dict[str | int, Any] = {"Color1": rgba(inks[0]), "Color2": rgba(inks[1])}
        kind = "TexChecker" if pattern == "checker" else "TexBrick"
        colour = s.add(kind, {"Vector": at, "Scale": scale, **two}, "Color")
    else:
        colour = s.ramp(field(s, pattern, at, scale), stops(draw, inks), hard=draw.random() < 0.5)
    worn = s.ramp(grain, [(0.3, draw.uniform(0.5, 0.95)), (0.7, 1.1)])
    colour = s.mix(1.0, colour, worn, "MULTIPLY")
    metal = 0.9 if draw.random() < 0.08 else 0.0
    s.principled(colour, draw.uniform(0.15, 0.95), metal, grain if draw.random() < 0.5 else None)
    return s.material


def field(s: Shader, pattern: str, at: Any, scale: float) -> Any:
    """A number 0..1 that varies over the surface."""
    if pattern == "wave":
        return s.add("TexWave", {"Vector": at, "Scale": 0.4 * scale, "Distortion": 2.0}, "Fac")
    if pattern == "voronoi":
        cell = s.add("TexVoronoi", {"Vector": at, "Scale": scale}, "Color")
        return s.add("SeparateColor", {"Color": cell})
    if pattern == "spots":
        return s.add("TexVoronoi", {"Vector": at, "Scale": scale}, "Distance")
    return s.noise(scale if pattern == "noise" else 0.5 * scale, 2.0, at)


def stops(draw: random.Random, inks: list[Point]) -> list[tuple[float, Any]]:
    middle = draw.uniform(0.4, 0.6)
    return [(0.0, inks[0]), (middle, inks[1]), (min(1.0, middle + 0.15), inks[draw.randrange(2)])]
