"""What the tests of the plug-in for Nuke share; their fixtures are in `nuke_fixtures`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from command_line import HEIGHT, WIDTH
from fake_nuke import Node, Nuke
from image_files import write_image
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugin" / "nuke"
Module = Callable[[str], Any]


def box(left: int) -> NDArray[np.float32]:
    """A soft alpha [height, width]."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[10:30, left : left + 30] = 1
    alpha[9, left : left + 30] = 0.3
    return alpha


def write_alpha(write: Node, frame: int) -> None:
    """What Nuke does with a Write: the alpha of what is drawn above it, as the knobs say."""
    source = write.input(0)
    while source is not None and source.kind in ("Input", "Dot"):
        group = source.parent
        assert group is not None
        is_input = source.kind == "Input"
        source = group.input(source["number"].value()) if is_input else source.input(0)
    if source is None or frame not in source.painted:
        raise RuntimeError("there is nothing to render")
    assert (write["channels"].value(), write["raw"].value()) == ("alpha", True)
    assert write["datatype"].value() == "32 bit float"
    assert not write.nuke.root()["proxy"].value(), "a mask of half the size"
    alpha = source.painted[frame][..., None]
    write_image(Path(write["file"].value()), alpha, "float", ("A",))


def inside(node: Node, name: str) -> Node:
    return next(child for child in node.children if child.name() == name)


def keyframes(node: Node) -> dict[int, str]:
    return dict(json.loads(node["keyframes"].value() or "[]"))


def set_keyframe(nuke: Nuke, node: Node, frame: int) -> None:
    nuke.current_frame = frame
    nuke.press(node, "do_set_keyframe")


def propagate(nuke: Nuke, node: Node) -> None:
    """Until it has ended in one way or the other."""
    nuke.press(node, "do_propagate")
    if not nuke.messages:
        assert node["status"].value() == "at work"
        nuke.run_events(lambda: node["status"].value() != "at work")
