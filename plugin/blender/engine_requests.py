"""What the extension asks of the engine: each a function that a `Request` runs. No Blender here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .engine_client import rde_roto_client
from .mask_feather import feathered
from .mask_raster import Pixels, Spline, coverage, merged, outline
from .request import Request, StoppedError


class Layer(NamedTuple):
    """A layer of a mask at one frame: its closed splines, and how it blends with those below.

    Splines are filled one by one, unless `has_holes`: then the overlap of two of them is outside.
    `falloff` is that of their feathers, by Blender's name.
    """

    splines: Sequence[Spline]
    has_holes: bool
    falloff: str
    blend: str
    opacity: float
    is_inverted: bool


class Track(NamedTuple):
    """An element to propagate: its shot, and the pattern of its mattes' files."""

    shot: dict[str, Any]
    out: str


class Propagated(NamedTuple):
    """The result of a propagation: `frames` as a range, and their number."""

    frames: str
    total: int


def keep_mask(
    request: Request[str], layers: Sequence[Layer], width: int, height: int, over: str | None
) -> str:
    """Draw a mask at the plate's size and have the engine keep it; return the path of its file.

    Blender shows only the data window of an EXR. `over`, a file of the plate, says where that is.
    """
    alpha = np.zeros((height, width), np.float32)
    for layer in layers:
        request.check()
        drawn = _drawn(layer, width, height)
        alpha = merged(alpha, drawn, layer.blend, layer.opacity, layer.is_inverted)
    return request.client.keep(np.ascontiguousarray(alpha).data, width, height, over)


def _drawn(layer: Layer, width: int, height: int) -> Pixels:
    outlines = [outline(spline, width, height) for spline in layer.splines]
    shapes = [outlines] if layer.has_holes and outlines else [[points] for points in outlines]
    drawn = coverage(shapes, width, height)
    for spline in layer.splines:
        if spline.has_feather:
            drawn = feathered(drawn, spline, layer.falloff)
    return drawn


def propagate(request: Request[Propagated], tracks: Sequence[Track], frames: str) -> Propagated:
    """Have the engine write the mattes of some frames; of all if `frames` is empty.

    If the engine dies it is asked again; files that are written stay.
    """
    total = 0
    for track in tracks:
        # fresh: the plate or the masks may have changed on disk
        opened = request.client.open(track.shot, fresh=True)
        order = rde_roto_client.Order(track.shot, frames or str(opened["range"]), track.out)
        status = rde_roto_client.follow(request.client, order, request)
        if status["state"] == "cancelled":
            raise StoppedError("stopped")
        total += status["total"]
    return Propagated(order.frames, total)


def learn(request: Request[dict[str, Any]], shot: dict[str, Any]) -> dict[str, Any]:
    """Have the model learn the shot; return the job's last status with `learned`, a path or None,
    and `sentence`.
    """
    request.client.open(shot, fresh=True)
    status = rde_roto_client.follow_lesson(request.client, shot, request)
    if status["state"] == "cancelled":
        raise StoppedError("stopped")
    return status


Named = list[tuple[str, str]]
"""Names, each with a short description."""


def presets_and_models(request: Request[tuple[Named, Named]]) -> tuple[Named, Named]:
    """The presets with their descriptions, and the models with their licences."""
    presets = [(preset["name"], preset["description"]) for preset in request.client.presets()]
    models = [(model["name"], model["licence"]) for model in request.client.models()]
    return presets, models
