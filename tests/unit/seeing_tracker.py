"""A body that moves through a plate, and a tracker that sees it: its mattes are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from image_files import write_image
from moving_shapes import WINDOW, blob, matte
from session_bench import Toys
from torch import Tensor
from toy_shots import ToyNode

from rde_roto.node import RotoNode
from rde_roto.session.drawing.painting import Point
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot
from toy_tracker import ToyFrames, ToyState, ToyTracker

FIRST, LAST = 1001, 1021


class SeeingTracker(ToyTracker):
    """Takes for the element what is red."""

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        super().read(state, encoded)
        seen = encoded.pixels[:, :1].clamp(0, 1)
        return torch.cat([1 - seen, seen], dim=1)


class SeeingNode(ToyNode):
    """A node over that tracker."""

    def __init__(self, shot: Shot, preset: Preset, stores: object) -> None:
        self.toy = SeeingTracker(preset.tracking)
        RotoNode.__init__(self, shot, preset, lambda _tracking: self.toy, stores)  # type: ignore[arg-type]


class SeeingToys(Toys):
    """Makes such nodes."""

    def make(self, shot: Shot, preset: Preset, _learned: Path | None = None) -> ToyNode:
        node = SeeingNode(shot, preset, self.stores)
        self.nodes.append(node)
        return node


def body(frame: int) -> FloatArray:
    """The body at a frame, [H, W]."""
    return matte(blob(frame - FIRST))


def corners(frame: int) -> list[Point]:
    """Points of the body's outline, the same ones in each frame."""
    return [(x, y) for x, y in blob(frame - FIRST)[::36].tolist()]


def write_shot(folder: Path, crop: bool = False) -> Path:
    """Write a plate with the body in red, and a shot document in which nothing is drawn."""
    (folder / "plate").mkdir()
    for frame in range(FIRST, LAST + 1):
        picture = np.zeros((*WINDOW.shape, 3), np.float32)
        picture[..., 0] = body(frame)
        write_image(folder / f"plate/body.{frame}.exr", picture)
    path = folder / "body.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\nplate: {path: plate/body.####.exr}\n"
        "elements:\n  - {id: body}\noverrides: "
        f"{{tracking.lines: 96, tracking.crop: {str(crop).lower()}}}\n",
        encoding="utf-8",
    )
    return path
