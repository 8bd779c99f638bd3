"""Turns the values of the knobs into requests to the engine (docs/protocol.md). No Nuke here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from rde_roto_nuke.errors import NodeError
from rde_roto_nuke.keyframes import Keyframes

_PART = re.compile(r"(-?[0-9]+)(?:-(-?[0-9]+)(?:[x:][0-9]+)?)?")
UNLIKELY_FRAME = 987654336
"""No path contains it, so the place of the frame number is found again; exact in float32."""


class Values(NamedTuple):
    """The values of the knobs, with absolute paths."""

    plate: str
    color_space: str
    element: str
    preset: str
    model: str
    keyframes: Keyframes
    learned: str = ""


class RenderRequest(NamedTuple):
    """Mattes to write: `out` is the pattern of the files; no `frames`: those of the plate."""

    shot: dict[str, Any]
    frames: str
    out: str


def shot_of(values: Values) -> dict[str, Any]:
    """The shot as it goes into requests. Raises NodeError if something is missing."""
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", values.element):
        raise NodeError(
            f"the element is called {values.element!r}: expected letters a-z, digits and _, no "
            "digit first"
        )
    if not values.keyframes:
        raise NodeError(
            "this node has no keyframe: draw a roto into Mask, go to its frame, and press Set "
            "keyframe"
        )
    plate = {"path": values.plate}
    if values.color_space:
        plate["color_space"] = values.color_space
    keyframes = sorted(values.keyframes.items())
    learned = {"learned": values.learned} if values.learned else {}
    return {
        "schema": "rde-roto.shot/1",
        "plate": plate,
        "elements": [{"id": values.element}],
        # as a matte: soft edges count, and an empty mask means the element is not in the frame
        "keyframes": [{"frame": f, "mask": mask, "mask_as": "matte"} for f, mask in keyframes],
        "preset": values.preset,
        "model": values.model,
        **learned,
        # whatever the preset says: the Read expects an alpha
        "overrides": {"output.format": "alpha"},
    }


def mattes_of(typed: str, script: str, node: str, element: str) -> str:
    """The pattern of the mattes' files.

    By default they are beside the script, in a folder named after the script and the node, so
    neither a copied node nor the next version of a script overwrites them. Raises NodeError.
    """
    if not typed and not script:
        raise NodeError("save the script first, or fill 'mattes' with the files to write")
    if not typed:
        folder = Path(script).parent / "mattes" / Path(script).stem / node.replace(".", "_")
        typed = (folder / f"{element}.####.exr").as_posix()
    if not typed.lower().endswith(".exr"):
        raise NodeError(f"the mattes would be {typed}: expected a name that ends in .exr")
    return typed


def absolute(path: str, folder: str) -> str:
    """A path made absolute; relative ones start at the project folder, as in Nuke."""
    path = path.strip()
    if not path or Path(path).is_absolute() or not folder:
        return path
    return f"{folder.rstrip('/')}/{path}"


def pattern_of(evaluated: str, typed: str) -> str:
    """A path that Nuke has evaluated at `UNLIKELY_FRAME`, with a pattern for its frame again.

    Nuke evaluates expressions and frame number together; the engine needs the expressions only.
    """
    token = re.search(r"#+|%0?[0-9]*d", typed)
    if token is None:
        return evaluated
    return evaluated.replace(str(UNLIKELY_FRAME), token.group())


def first_and_last(frames: str) -> tuple[int, int]:
    """The first and last frame of a range such as `1001-1100x2,1120`. Raises NodeError."""
    found = []
    for part in frames.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise NodeError(f"the frames are '{frames}': expected, for instance, 1001-1100")
        found += [int(number) for number in match.groups() if number is not None]
    return min(found), max(found)
