"""Writes shapes as a script of Nuke with a Roto node for each element."""

from __future__ import annotations

import re
from itertools import chain, count

import numpy as np

from rde_roto.shapes.exchange import shared_key_frames
from rde_roto.shapes.feather_curves import feather_curves
from rde_roto.shapes.nuke.animation import Values, keys_text
from rde_roto.shapes.nuke.script import LARGEST_EXACT, number_text, quoted
from rde_roto.shapes.nuke.vocabulary import (
    ELEMENT_KNOB,
    FRAMES_KNOB,
    WINDOWS_KNOB,
    Blending,
    Flag,
    Lifetime,
)
from rde_roto.shapes.shape import Points, Shape, ShotShapes
from rde_roto.values.arguments import require
from rde_roto.values.errors import UsageError
from rde_roto.values.plate import PlateFormat, Window

_APART_PX = 110  # of the node graph


def nuke_text(shapes: ShotShapes) -> str:
    """Return shapes as a script of Nuke: a Roto node for each element, which draws its alpha.

    All points of a shape get their keys on the same frames, as those that Nuke sets, and move at
    constant speed between them. A feather is as wide outwards as inwards, half of both, and no
    wider than its part allows. Raises UsageError for frames that Nuke's numbers do not tell apart.
    """
    require(shapes, ShotShapes, "shapes, such as ShapeMaker.finish() returns")
    frames = shapes.frames
    _refuse_large_frames(shapes)
    nodes = "".join(
        _node_text(shapes, element, index) for index, element in enumerate(shapes.elements)
    )
    root = [
        " inputs 0",
        f" first_frame {frames.first}",
        f" last_frame {frames.last}",
        f" frame {frames.first}",
        f" format {_format_text(shapes.format)}",
    ]
    return "version 13.0 v1\nRoot {\n" + "\n".join(root) + "\n}\n" + nodes


def _refuse_large_frames(shapes: ShotShapes) -> None:
    """Raise UsageError for frames that 32-bit floats, as which scripts have them, would round."""
    keyed = (at for shape in shapes.shapes for at in (shape.first, shape.last, *shape.key_frames))
    largest = max((shapes.frames.first, shapes.frames.last, *keyed), key=abs)
    if abs(largest) > LARGEST_EXACT:
        raise UsageError(
            f"frame {largest}: Nuke's shapes count frames to {LARGEST_EXACT:,}, beyond which "
            "some would get the keys of others; give the plate smaller numbers, or write .json"
        )


def _format_text(plate: PlateFormat) -> str:
    width, height = plate.display.width, plate.display.height
    return quoted(f"{width} {height} 0 0 {width} {height} {_shortest(plate.pixel_aspect)} ")


def _shortest(value: float) -> str:
    """A number in the fewest digits that bring it back exactly."""
    return repr(value).removesuffix(".0")


def _node_text(shapes: ShotShapes, element: str, index: int) -> str:
    plate = shapes.format
    centre = np.array([plate.display.width / 2, plate.display.height / 2])
    own = [shape for shape in shapes.shapes if shape.element == element]
    taken: set[str] = set()
    # the first is on top
    layers = "".join(
        f"\n    {_shape_text(shape, plate.display.height, _name(shape, taken))}"
        for shape in reversed(own)
    )
    knobs = [
        " inputs 0",
        " output alpha",
        f" format {_format_text(plate)}",
        " cliptype none",
        " curves {{{v x3f99999a}\n  {f 0}\n  {n\n   {layer Root\n    {f 0}\n"
        f"    {{t {_numbers(centre)}}}\n    {{a}}{layers}}}}}}}}}",
        f" name {element}",
        f" xpos {_APART_PX * index}",
        " ypos 0",
        " addUserKnob {20 rde_roto l rde-roto}",
        f" addUserKnob {{1 {ELEMENT_KNOB} l Element}}",
        f" {ELEMENT_KNOB} {element}",
        f" addUserKnob {{1 {FRAMES_KNOB} l Frames}}",
        f" {FRAMES_KNOB} {quoted(str(shapes.frames))}",
        f' addUserKnob {{1 {WINDOWS_KNOB} l Windows t "display, data: x y width height"}}',
        f" {WINDOWS_KNOB} {quoted(_window_text(plate.display) + ' ' + _window_text(plate.data))}",
    ]
    return "Roto {\n" + "\n".join(knobs) + "\n}\n"


def _window_text(window: Window) -> str:
    return f"{window.x} {window.y} {window.width} {window.height}"


def _name(shape: Shape, taken: set[str]) -> str:
    """A name that Nuke takes, and no two shapes have."""
    plain = re.sub("[^A-Za-z0-9_]", "_", shape.name) or "shape"
    names = chain([plain], (f"{plain}_{number}" for number in count(2)))
    name = next(one for one in names if one not in taken)
    taken.add(name)
    return name


def _shape_text(shape: Shape, height: int, name: str) -> str:
    frames = shared_key_frames(shape)
    curves = [feather_curves(*shape.at(frame)) for frame in frames]
    inner, outer = (np.stack(one) for one in zip(*curves, strict=True))
    inner, outer = (one * (1, -1) + (0, height) for one in (inner, outer))
    main, feather = _relative(inner), _relative(outer)
    feather[:, :, 1] -= main[:, :, 1]
    texts = [_cubic_text(frames, main)]
    texts.append(_cubic_text(frames, feather) if (inner != outer).any() else "    idem")
    pivot = main[0, :, 1].mean(axis=0)
    attributes = [
        *([f"bm {number_text(Blending.MINUS)}"] if shape.is_hole else []),
        f"ltn {number_text(shape.first)}",
        f"ltm {number_text(shape.last)}",
        f"ltt {number_text(Lifetime.RANGE)}",
        "tt x40800000",  # drawn with the Bezier tool
    ]
    return (
        f"{{curvegroup {name} {int(Flag.RENDERED)} bezier\n     {{{texts[0]}\n      {texts[1]}}}\n"
        f"     {{tx {number_text(frames[0])} {_numbers(pivot)}}}\n"
        f"     {{a {' '.join(attributes)}}}}}"
    )


def _relative(curves: Points) -> Points:
    """Curves [T, P, 3, 2] whose handles are relative to their points."""
    found: Points = curves.copy()
    found[:, :, 0::2] -= curves[:, :, 1:2]
    return found


def _cubic_text(frames: list[int], curves: Values) -> str:
    """A curve [T, P, 3, 2]; what does not move has a key at the first frame."""
    if (curves == curves[0]).all():
        head = number_text(frames[0])
        places = [f"{{{_numbers(place)}}}" for place in curves[0].reshape(-1, 2)]
    else:
        head = f"\n        {{{_numbers(np.array(frames))}}}"
        places = [
            f"{{{keys_text(frames, x)} {keys_text(frames, y)}}}"
            for x, y in np.moveaxis(curves.reshape(len(frames), -1, 2), 0, -1)
        ]
    lines = "".join(f"\n        {place}" for place in places)
    return f"{{cc\n       {{f {int(Flag.RELATIVE_TANGENTS)}}}\n       {{px {head}{lines}}}}}"


def _numbers(values: Values) -> str:
    return " ".join(number_text(float(value)) for value in values)
