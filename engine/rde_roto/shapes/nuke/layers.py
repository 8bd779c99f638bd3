"""Layers and closed shapes in the tree of a Roto node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from rde_roto.shapes.exchange import MOST_FRAMES, point_with_keys
from rde_roto.shapes.feather_curves import curves_apart, feather_curves, line_between
from rde_roto.shapes.nuke.animation import Curve, Values, parse_shared, parse_single
from rde_roto.shapes.nuke.script import Item, lists_in, number_of, parts_of
from rde_roto.shapes.nuke.vocabulary import Blending, Flag, Lifetime
from rde_roto.shapes.shape import Points, Shape
from rde_roto.values.frames import FrameRange

_ATTRIBUTES: Final = ("vis", "opc", "a", "inv", "bm", "ltn", "ltm", "ltt")  # that matter here
_FEW: Final = 8  # frames that are compared
_PIVOT: Final = 3  # the first values of a transform
_UNMOVED: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
"""A transform after its pivot: translation, rotation, scale, skew."""

_Place: TypeAlias = tuple[Curve, Curve]
"""x and y."""


@dataclass(frozen=True, eq=False)
class FoundShape:
    """A shape, whether it is drawn in all frames, whichever these are, and how far from Nuke's the
    curves are that it fades between.
    """

    shape: Shape
    is_always: bool
    off_px: float

    def through(self, frames: FrameRange) -> Shape:
        """The shape with its life, for a shot of some frames."""
        if not self.is_always:
            return self.shape
        return replace(self.shape, first=frames.first, last=frames.last)


def layer_shapes(layer: list[Item], element: str, height: int) -> Iterator[FoundShape]:
    """Yield the shapes of a layer and of those within it, as they are listed, for a plate of some
    height. What is hidden is left out. Raises ValueError for what shapes cannot say.
    """
    if not layer:
        return
    name = layer[0] if isinstance(layer[0], str) else "a layer"
    try:
        is_shown = _checked(layer)
    except ValueError as error:
        raise ValueError(f"layer {name}: {error}") from error
    for item in lists_in(layer) if is_shown else []:
        kind = item[0] if item else ""
        if kind == "layer":
            yield from layer_shapes(item[1:], element, height)
        elif kind in ("curvegroup", "cubiccurve"):
            title = item[1] if len(item) > 1 and isinstance(item[1], str) else "?"
            try:
                if kind == "cubiccurve":
                    raise ValueError("it is a stroke or an open spline; only closed shapes fill")
                yield from _shape(item[1:], element, height)
            except ValueError as error:
                raise ValueError(f"shape {title}: {error}") from error


def _checked(part: list[Item]) -> bool:
    """Whether a layer or a shape is shown. Raises ValueError for one whose look is not that of its
    points alone.
    """
    attributes = _attributes(part)
    if not attributes.get("vis", 1.0):
        return False
    if attributes.get("opc", 1.0) != 1 or attributes.get("a", 1.0) != 1:
        raise ValueError("its opacity or alpha is not 1")
    if attributes.get("inv", 0.0):
        raise ValueError("it is inverted")
    if any(_moves(transform) for transform in _transforms(part)):
        raise ValueError("it has a transform: bake that into the points first")
    return True


def _transforms(part: list[Item]) -> Iterator[list[Curve]]:
    """The values of transforms: with keys of their own, or with one that all share."""
    for transform in parts_of(part, "t"):
        yield [parse_single(value) for value in transform]
    for transform in parts_of(part, "tx"):
        yield [parse_single(value) for value in transform[1:]]


def _moves(transform: list[Curve]) -> bool:
    values = transform[_PIVOT:]
    unmoved = [*_UNMOVED, *[0.0] * len(values)]
    return any(
        not curve.is_constant or curve.keys[0, 0] != expected
        for curve, expected in zip(values, unmoved, strict=False)
    )


def _attributes(part: list[Item]) -> dict[str, float]:
    """The attributes that have one value; raises ValueError if one that matters has several."""
    found: dict[str, float] = {}
    for listed in parts_of(part, "a"):
        items = iter(listed)
        for name in items:
            value = next(items, "0")
            if name not in _ATTRIBUTES:
                continue
            curve = parse_single(value)
            if not curve.is_constant:
                raise ValueError(f"its attribute {name} is animated")
            found[str(name)] = float(curve.keys[0, 0])
    return found


def _shape(item: list[Item], element: str, height: int) -> Iterator[FoundShape]:
    if len(item) < 4 or item[2] != "bezier" or not isinstance(item[3], list):
        raise ValueError("it is no Bezier: only Bezier shapes can be read")
    if not _checked(item) or not int(number_of(item[1])) & Flag.RENDERED:
        return
    attributes = _attributes(item)
    mode = attributes.get("bm", Blending.OVER)
    if mode not in tuple(Blending):
        raise ValueError("its blending mode is none of over, max and minus")
    main, *others = item[3]
    cubic = _cubic(main)
    feather = _cubic(others[0]) if others and others[0] != "idem" else []
    if feather and len(feather) != len(cubic):
        raise ValueError(f"it has {len(cubic) // 3} points, its feather {len(feather) // 3}")
    life = _life(attributes)
    frames = _sampled([*cubic, *feather], life)
    inner = _at(cubic, frames)
    outer = inner.copy()
    if feather:
        outer = _at(feather, frames)
        outer[:, :, 1] += inner[:, :, 1]
    both = [_absolute(one) * (1, -1) + (0, height) for one in (inner, outer)]
    curves = list(zip(*both, strict=True))
    lines = [line_between(*one) for one in curves]
    handles, fades = (np.stack(one, axis=1) for one in zip(*lines, strict=True))
    numbers = [int(frame) for frame in frames]
    points = tuple(point_with_keys(numbers, *one) for one in zip(handles, fades, strict=True))
    first, last = life or (numbers[0], numbers[-1])
    shape = Shape(str(item[0]), element, mode == Blending.MINUS, first, last, points)
    few = range(0, len(lines), 1 + len(lines) // _FEW)
    off_px = max(curves_apart(curves[at], feather_curves(*lines[at])) for at in few)
    yield FoundShape(shape, life is None, off_px)


def _cubic(item: Item) -> list[_Place]:
    """The left handle, the point and the right handle of each point of a cubic."""
    if not isinstance(item, list) or item[:1] != ["cc"]:
        raise ValueError("its points are not understood")
    flags = next((int(number_of(part[0])) for part in parts_of(item, "f") if part), 0)
    if flags & Flag.OPEN:
        raise ValueError("it is open; only closed shapes fill")
    if not flags & Flag.RELATIVE_TANGENTS:
        raise ValueError("its handles are not relative to its points")
    places = [place for part in parts_of(item, "px") for place in parse_shared(part)]
    for part in parts_of(item, "p"):
        places += [[parse_single(value) for value in place] for place in lists_in(part)]
    if not places or len(places) % 3 or any(len(place) != 2 for place in places):
        raise ValueError("its points are not understood")
    return [(place[0], place[1]) for place in places]


def _life(attributes: dict[str, float]) -> tuple[int, int] | None:
    """The frames in which a shape is drawn, the first and the last; None for all frames."""
    kind = attributes.get("ltt", Lifetime.ALL)
    first, last = round(attributes.get("ltn", 0)), round(attributes.get("ltm", 0))
    if kind == Lifetime.ALL:
        return None
    if kind == Lifetime.SINGLE:
        return first, first
    if kind == Lifetime.RANGE and first <= last:
        return first, last
    raise ValueError("its lifetime is none of all, single and frame range")


def _sampled(places: list[_Place], life: tuple[int, int] | None) -> Values:
    """The frames at which curves are looked at: the whole ones from their first key to their last,
    as far as the shape is drawn.
    """
    curves = [curve for place in places for curve in place]
    moving = [curve for curve in curves if not curve.is_constant] or curves
    first = int(np.floor(min(curve.frames[0] for curve in moving)))
    last = int(np.ceil(max(curve.frames[-1] for curve in moving)))
    if life:
        first, last = (int(np.clip(frame, *life)) for frame in (first, last))
    if last - first > MOST_FRAMES:
        raise ValueError(f"its keys are more than {MOST_FRAMES} frames apart")
    return np.arange(first, last + 1, dtype=np.float64)


def _at(places: list[_Place], frames: Values) -> Points:
    """Values of the places of a cubic at some frames, [F, P, 3, 2]."""
    found = np.stack([curve.at(frames) for place in places for curve in place], axis=-1)
    places_at: Points = found.reshape(len(frames), -1, 3, 2)
    return places_at


def _absolute(curves: Points) -> Points:
    """Curves [F, P, 3, 2] whose handles were relative to their points."""
    found: Points = curves.copy()
    found[:, :, 0::2] += curves[:, :, 1:2]
    return found
