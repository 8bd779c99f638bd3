"""Reads the Roto nodes of a script of Nuke as shapes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.shapes.exchange import FARTHEST_PX, MOST_FRAMES, MOST_OFF_PX
from rde_roto.shapes.nuke.layers import FoundShape, layer_shapes
from rde_roto.shapes.nuke.script import Item, lists_in, number_of, parse_script, parts_of
from rde_roto.shapes.nuke.vocabulary import ELEMENT_KNOB, FRAMES_KNOB, WINDOWS_KNOB
from rde_roto.shapes.shape import Shape, ShotShapes
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import LARGEST_PX, PlateFormat, Window, sound_aspect
from rde_roto.values.regular_files import read_regular_text

_MOST_BYTES: Final = 1 << 30


def read_nuke(path: Path) -> ShotShapes:
    """Read the Roto and RotoPaint nodes of a script; each is an element.

    Written by `nuke_text`, they have the plate's windows and frames. Of others, the plate is the
    node's format, and the frames are those from the first key to the last. Raises DocumentError,
    naming the node and the shape, for what shapes cannot say, such as a stroke or a transform.
    """
    try:
        script = parse_script(read_regular_text(path, _MOST_BYTES))
        return _shapes(script)
    except (OSError, ValueError, UsageError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DocumentError(f"{path} cannot be read as Nuke's roto: {reason}") from error


def _shapes(script: list[Item]) -> ShotShapes:
    root = next(iter(_nodes(script, {"Root"})), None)
    nodes = list(_nodes(script, {"Roto", "RotoPaint"}))
    if not nodes:
        raise ValueError("there is no Roto node in it")
    plate = _format(nodes[0], root)
    found: dict[str, list[FoundShape]] = {}
    for node in nodes:
        element = _element(node)
        if element in found:
            raise ValueError(f"two Roto nodes are called {element}")
        try:
            if _format(node, root) != plate:
                raise ValueError("its format is not that of the others")
            found[element] = _node_shapes(node, element, plate.display.height)
        except ValueError as error:
            raise ValueError(f"node {element}: {error}") from error
    every = [one for own in found.values() for one in own]
    frames = _frames(nodes[0], root, [one.shape for one in every])
    shapes = tuple(one.through(frames) for one in every)
    remarks = tuple(
        f"{one.shape.element}: the feather of {one.shape.name} is drawn up to {one.off_px:.1f} px "
        "from where Nuke has it: its points should lie straight out from those of the shape"
        for one in every
        if one.off_px > MOST_OFF_PX
    )
    return ShotShapes(plate, frames, tuple(found), shapes, remarks=remarks)


@dataclass(frozen=True, eq=False)
class _Node:
    """A node: its knobs by name; of those given twice the last."""

    knobs: dict[str, Item]

    def words(self, name: str) -> list[str]:
        value = self.knobs.get(name, "")
        return value.split() if isinstance(value, str) else []


def _nodes(script: list[Item], kinds: set[str]) -> Iterator[_Node]:
    for kind, body in itertools.pairwise(script):
        if isinstance(kind, str) and kind in kinds and isinstance(body, list):
            knobs: dict[str, Item] = {}
            items = iter(body)
            for name in items:
                value = next(items, "")
                if isinstance(name, str):
                    knobs[name] = value
            if knobs.get("disable") != "true":
                yield _Node(knobs)


def _element(node: _Node) -> str:
    words = node.words(ELEMENT_KNOB) or node.words("name")
    name = re.sub("[^A-Za-z0-9_]", "_", words[0]) if words else "roto"
    return f"_{name}" if name[0].isdecimal() else name


def _format(node: _Node, root: _Node | None) -> PlateFormat:
    words = node.words("format") or (root.words("format") if root else [])
    size, aspect = _whole(words[:2]), 1.0
    if len(words) >= 7:
        aspect = sound_aspect(number_of(words[6]))
    if not size:
        # a new layer has its pivot in the middle of the format
        size = [round(2 * value) for value in _root_pivot(node)]
    if len(size) != 2 or not all(0 < side <= LARGEST_PX for side in size):
        raise ValueError("its format is not known: set the format of the Roto node")
    corners = _whole(node.words(WINDOWS_KNOB))
    if len(corners) == 8 and corners[2:4] == size:
        if not all(0 < side <= LARGEST_PX for side in corners[6:]):
            raise ValueError(f"its data window is not within 1 to {LARGEST_PX} px")
        if max(map(abs, corners)) > FARTHEST_PX:
            raise ValueError(f"its windows are more than {FARTHEST_PX:,.0f} px apart")
        return PlateFormat(Window(*corners[4:]), Window(*corners[:4]), aspect)
    whole = Window(0, 0, *size)
    return PlateFormat(whole, whole, aspect)


def _whole(words: list[str]) -> list[int]:
    """Whole numbers; nothing if one of the words is none."""
    return list(map(int, words)) if all(re.fullmatch(r"-?\d{1,9}", one) for one in words) else []


def _root_pivot(node: _Node) -> tuple[float, float]:
    for part in parts_of(_root_layer(node), "t"):
        if len(part) >= 2:
            return number_of(part[0]), number_of(part[1])
    return 0.0, 0.0


def _root_layer(node: _Node) -> list[Item]:
    """What the layer that holds all others has; nothing of a node that has never drawn."""
    curves = node.knobs.get("curves", [])
    tree = next((item for item in lists_in(curves) if lists_in(item)), [])
    for part in parts_of(tree, "n"):
        for layer in parts_of(part, "layer"):
            return layer
    return []


def _node_shapes(node: _Node, element: str, height: int) -> list[FoundShape]:
    # those that are listed first are on top
    return list(layer_shapes(_root_layer(node), element, height))[::-1]


def _frames(node: _Node, root: _Node | None, shapes: list[Shape]) -> FrameRange:
    written = node.words(FRAMES_KNOB)
    if written:
        return FrameRange.parse(",".join(written))
    ends = _whole([*root.words("first_frame"), *root.words("last_frame")]) if root else []
    if len(ends) == 2 and 0 <= ends[1] - ends[0] <= MOST_FRAMES:
        return FrameRange.between(*ends)
    if not shapes:
        raise ValueError("there is no shape in it")
    first = min(min(shape.first, *shape.key_frames) for shape in shapes)
    last = max(max(shape.last, *shape.key_frames) for shape in shapes)
    if last - first > MOST_FRAMES:
        raise ValueError(f"its shapes live for more than {MOST_FRAMES} frames")
    return FrameRange.between(first, last)
