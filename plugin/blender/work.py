"""The errands that there are, each a function for `Errand`; nothing of Blender is needed here."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from rde_roto_client import Order, follow, follow_lesson

from .errand import Errand, StoppedError
from .mask_raster import Knot, coverage, merged, outline


class Layer(NamedTuple):
    """A layer of a mask at one frame: its closed splines, and how it goes over those below.

    Splines are filled one by one, unless `has_holes`: then what two of them cover is outside.
    """

    splines: Sequence[Sequence[Knot]]
    has_holes: bool
    blend: str
    opacity: float
    is_inverted: bool


class Propagated(NamedTuple):
    """What a propagation has made: `frames` as a range, and how many there are."""

    frames: str
    count: int


def keep_mask(
    errand: Errand, layers: Sequence[Layer], width: int, height: int, over: str | None
) -> str:
    """Draws a mask at the plate's size and has the engine keep it; the path it is kept at.

    Blender shows an EXR's data window alone. `over`, the plate's file, says where that lies.
    """
    alpha = array("f", bytes(4 * width * height))
    for layer in layers:
        errand.check()
        outlines = [outline(knots, width, height) for knots in layer.splines]
        shapes = [outlines] if layer.has_holes else [[points] for points in outlines]
        drawn = coverage(shapes, width, height)
        alpha = merged(alpha, drawn, layer.blend, layer.opacity, layer.is_inverted)
    return errand.client.keep(memoryview(alpha), width, height, over)


def propagate(errand: Errand, shot: dict[str, Any], frames: str, out: str) -> Propagated:
    """Has the mattes of some frames written, of all where `frames` is empty.

    When the engine dies it is asked again: files that are done stay.
    """
    opened = errand.client.open(shot, fresh=True)  # plate or masks may be others than before
    order = Order(shot, frames or str(opened["range"]), out)
    said = follow(errand.client, order, errand)
    if said["state"] == "cancelled":
        raise StoppedError("stopped")
    return Propagated(order.frames, said["total"])


def learn(errand: Errand, shot: dict[str, Any]) -> dict[str, Any]:
    """Has the shot learned; what is said at its end: `learned`, a path or None, and `sentence`."""
    errand.client.open(shot, fresh=True)
    said = follow_lesson(errand.client, shot, errand)
    if said["state"] == "cancelled":
        raise StoppedError("stopped")
    return said


def names(errand: Errand) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The presets and the models that there are: names with a few words on each."""
    presets = [(preset["name"], preset["description"]) for preset in errand.client.presets()]
    models = [(model["name"], model["licence"]) for model in errand.client.models()]
    return presets, models
