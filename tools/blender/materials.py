"""Procedural materials: brick, wood, worn paint, fabric, water."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy

from .shapes import Point


def rgba(colour: float | Point) -> tuple[float, float, float, float]:
    """A colour or a grey level, as Blender takes it."""
    red, green, blue = colour if isinstance(colour, tuple) else (colour, colour, colour)
    return red, green, blue, 1.0


class Shader:
    """Builds the nodes of a material, one line each; `surface` is the input of its output node."""

    def __init__(self, name: str) -> None:
        self.material: Any = bpy.data.materials.new(name)
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        output = self.tree.nodes.new("ShaderNodeOutputMaterial")
        self.surface = output.inputs["Surface"]

    def add(self, kind: str, inputs: dict[str | int, Any], out: str | int = 0, **props: Any) -> Any:
        """Add a node, link or set its inputs, and return its output socket `out`."""
        node = self.tree.nodes.new("ShaderNode" + kind)
        for name, value in props.items():
            setattr(node, name, value)
        for key, value in inputs.items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node.outputs[out]

    def coordinates(self, scale: Point = (1, 1, 1), tilt: Point = (0, 0, 0)) -> Any:
        """Object coordinates, so that a pattern sticks to a limb that moves."""
        where = self.add("TexCoord", {}, "Object")
        return self.add("Mapping", {"Vector": where, "Scale": scale, "Rotation": tilt})

    def noise(self, scale: float, detail: float = 2.0, at: Any = None) -> Any:
        vector = self.coordinates() if at is None else at
        return self.add("TexNoise", {"Vector": vector, "Scale": scale, "Detail": detail})

    def ramp(self, value: Any, stops: Sequence[tuple[float, Any]], hard: bool = False) -> Any:
        socket = self.add("ValToRGB", {"Fac": value})
        ramp = socket.node.color_ramp
        ramp.interpolation = "CONSTANT" if hard else "LINEAR"
        while len(ramp.elements) < len(stops):
            ramp.elements.new(1.0)
        for element, (position, colour) in zip(ramp.elements, stops, strict=True):
            element.position = position
            element.color = rgba(colour)
        return socket

    def mix(self, factor: Any, first: Any, second: Any, blend: str = "MIX") -> Any:
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type, node.blend_type = "RGBA", blend
        sockets = [s for s in node.inputs if s.enabled]
        for socket, value in zip(sockets, (factor, first, second), strict=True):
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            elif socket.type == "VALUE":
                socket.default_value = value
            else:
                socket.default_value = rgba(value)
        return next(s for s in node.outputs if s.enabled)

    def principled(self, colour: Any, rough: Any, metal: Any = 0.0, bump: Any = None) -> Any:
        inputs: dict[str | int, Any] = {"Roughness": rough, "Metallic": metal}
        inputs["Base Color"] = rgba(colour) if isinstance(colour, tuple) else colour
        if bump is not None:
            inputs["Normal"] = self.add(
                "Bump", {"Height": bump, "Strength": 0.35, "Distance": 0.01}
            )
        socket = self.add("BsdfPrincipled", inputs)
        self.tree.links.new(socket, self.surface)
        return socket.node


def masonry(name: str, stops: Sequence[tuple[float, Any]], grain: float, rough: float) -> Any:
    """Stone, brick or plank: one colour of the ramp per piece, dirt on top, a fine bump."""
    s = Shader(name)
    piece = s.ramp(s.add("Attribute", {}, "Fac", attribute_name="tint"), stops)
    dirt = s.ramp(s.noise(0.9, 4), [(0.32, 0.42), (0.62, 1.0)])
    fine = s.noise(grain, 3)
    speckle = s.ramp(fine, [(0.3, 0.72), (0.7, 1.12)])
    colour = s.mix(1.0, s.mix(1.0, piece, dirt, "MULTIPLY"), speckle, "MULTIPLY")
    s.principled(colour, rough, bump=fine)
    return s.material


def wood(name: str, dark: Point, light: Point) -> Any:
    s = Shader(name)
    grain = s.noise(9, 4, s.coordinates((1, 1, 8)))
    tint = s.ramp(s.add("Attribute", {}, "Fac", attribute_name="tint"), [(0, 0.55), (1, 1.15)])
    colour = s.mix(1.0, s.ramp(grain, [(0.35, dark), (0.65, light)]), tint, "MULTIPLY")
    s.principled(colour, 0.65, bump=grain)
    return s.material


def worn_paint(name: str, colour: Any, rough: float = 0.35) -> Any:
    """Paint with chips down to the metal; `colour` is a tuple or a function of the shader."""
    s = Shader(name)
    paint = colour(s) if callable(colour) else colour
    blotch = s.ramp(s.noise(5, 3), [(0.3, 0.7), (0.7, 1.05)])
    paint = s.mix(1.0, paint, blotch, "MULTIPLY")
    chips = s.ramp(s.noise(13, 4), [(0.0, 0), (0.63, 1)], hard=True)
    mixed = s.mix(chips, paint, (0.16, 0.12, 0.10))
    s.principled(mixed, s.mix(chips, rough, 0.55), s.mix(chips, 0.0, 0.7))
    return s.material


def plain(name: str, colour: Point, rough: float, metal: float = 0.0) -> Any:
    s = Shader(name)
    smear = s.ramp(s.noise(6, 3), [(0.3, rough * 0.7), (0.7, min(1.0, rough * 1.4))])
    s.principled(colour, smear, metal)
    return s.material


def fabric(name: str, pattern: Callable[[Shader], Any]) -> Any:
    s = Shader(name)
    weave = s.noise(120, 1)
    s.principled(pattern(s), 0.9, bump=weave)
    return s.material


def glow(name: str, colour: Point, strength: float) -> Any:
    s = Shader(name)
    light = s.add("Emission", {"Color": rgba(colour), "Strength": strength})
    s.tree.links.new(light, s.surface)
    s.material.cycles.emission_sampling = "NONE"  # seen, not sampled: the lamps give the light
    return s.material


def leaf(name: str, stops: Sequence[tuple[float, Any]]) -> Any:
    s = Shader(name)
    colour = s.ramp(s.add("Attribute", {}, "Fac", attribute_name="tint"), stops)
    front = s.principled(colour, 0.45).outputs[0]
    through = s.add("BsdfTranslucent", {"Color": colour})
    both = s.add("MixShader", {"Fac": 0.3, 1: front, 2: through})
    s.tree.links.new(both, s.surface)
    return s.material


def water(name: str) -> Any:
    """A film of water: mirror by Fresnel over what lies below, without refraction to trace."""
    s = Shader(name)
    normal = s.add("Bump", {"Height": s.noise(7, 1), "Strength": 0.05, "Distance": 0.02})
    mirror = s.add("BsdfGlossy", {"Roughness": 0.02, "Normal": normal})
    clear = s.add("BsdfTransparent", {"Color": (0.55, 0.55, 0.52, 1)})
    fresnel = s.add("Fresnel", {"IOR": 1.5, "Normal": normal})
    s.tree.links.new(s.add("MixShader", {"Fac": fresnel, 1: clear, 2: mirror}), s.surface)
    return s.material


def stripes(
    first: Point, second: Point, scale: float, axis: str, tilt: Point = (0, 0, 0)
) -> Callable[[Shader], Any]:
    def pattern(s: Shader) -> Any:
        at = s.coordinates(tilt=tilt)
        wave = s.add("TexWave", {"Vector": at, "Scale": scale}, "Fac", bands_direction=axis)
        return s.ramp(wave, [(0.0, first), (0.5, second)], hard=True)

    return pattern


def checks(first: Point, second: Point, scale: float) -> Callable[[Shader], Any]:
    def pattern(s: Shader) -> Any:
        at = s.coordinates(tilt=(0.02, 0.03, 0.78))
        inks: dict[str | int, Any] = {"Color1": rgba(first), "Color2": rgba(second)}
        return s.add("TexChecker", {"Vector": at, "Scale": scale, **inks})

    return pattern
