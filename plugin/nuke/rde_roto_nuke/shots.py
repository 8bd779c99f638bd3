"""From what the knobs say to what the engine is asked (docs/protocol.md). Knows nothing of Nuke."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from rde_roto_nuke.keyframes import Keyframes
from rde_roto_nuke.sentences import UnfitError

_PART = re.compile(r"(-?[0-9]+)(?:-(-?[0-9]+)(?:[x:][0-9]+)?)?")
UNLIKELY_FRAME = 987654336
"""No path holds it, so what stands for the frame is found again; a float32 holds it exactly."""


class Values(NamedTuple):
    """What the knobs say, with paths that are whole."""

    plate: str
    color_space: str
    element: str
    preset: str
    model: str
    keyframes: Keyframes
    learned: str = ""


class Order(NamedTuple):
    """Mattes to be written. No `frames`: those of the plate."""

    shot: dict[str, Any]
    frames: str
    out: str


def shot_of(values: Values) -> dict[str, Any]:
    """The shot. Raises UnfitError where something is not said yet."""
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", values.element):
        raise UnfitError(
            f"the element is called {values.element!r}: expected letters a-z, digits and _, no "
            "digit first"
        )
    if not values.keyframes:
        raise UnfitError(
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
        # a matte: soft edges count, and an empty one says that the element is gone
        "keyframes": [{"frame": f, "mask": mask, "mask_as": "matte"} for f, mask in keyframes],
        "preset": values.preset,
        "model": values.model,
        **learned,
        # whatever the preset says, for the Read takes the alpha
        "overrides": {"output.format": "alpha"},
    }


def mattes_of(said: str, script: str, node: str, element: str) -> str:
    """The pattern of the mattes' files.

    Where the artist says none they lie beside the script, in a folder that bears the names of both
    the script and the node: neither a copied node nor the next version of a script writes over
    what is there. Raises UnfitError.
    """
    if not said and not script:
        raise UnfitError("save the script first, or say in 'mattes' where they shall be written")
    if not said:
        folder = Path(script).parent / "mattes" / Path(script).stem / node.replace(".", "_")
        said = (folder / f"{element}.####.exr").as_posix()
    if not said.lower().endswith(".exr"):
        raise UnfitError(f"the mattes would be {said}: expected a name that ends in .exr")
    return said


def whole(path: str, folder: str) -> str:
    """A path that begins at the root; relative ones begin in the project's folder, as in Nuke."""
    path = path.strip()
    if not path or Path(path).is_absolute() or not folder:
        return path
    return f"{folder.rstrip('/')}/{path}"


def pattern_of(evaluated: str, said: str) -> str:
    """A path that Nuke has evaluated at `UNLIKELY_FRAME`, with its frame as a pattern once more.

    Nuke evaluates the expressions in a path and its frame number together, and the engine wants
    the one without the other.
    """
    token = re.search(r"#+|%0?[0-9]*d", said)
    if token is None:
        return evaluated
    return evaluated.replace(str(UNLIKELY_FRAME), token.group())


def first_and_last(frames: str) -> tuple[int, int]:
    """Of a range such as `1001-1100x2,1120`."""
    found = []
    for part in frames.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise UnfitError(f"the frames are '{frames}': expected such as 1001-1100 or 1001,1005")
        found += [int(number) for number in match.groups() if number is not None]
    return min(found), max(found)
