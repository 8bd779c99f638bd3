"""How well edges are drawn: ``python tests/bench/edges.py EDGE_SHOTS [SHOT …] [--picture PNG]``.

EDGE_SHOTS is what ``tools.edge_shots`` rendered. A line for each shot, source of the matte and way
to plate size: from the truth averaged to 480 lines, and from rde-lite's own masks, tracked with the
first truth as keyframe, which then does not count. ``ms_per_frame`` is the way to plate size alone,
of the truth made small. The picture shows plate, bilinear, plate-guided and truth at 100 %.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from lines import report
from PIL import Image

from rde_roto.evaluation.alpha import MatteMeter, edge_band
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.sequences import find_sequence
from rde_roto.matte.finish import finish
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Finish, Preset
from rde_roto.values.shot import Shot

BAND_PX = 20
UNCLIPPED = Finish(clip_black=0, clip_white=1)
"""What is measured is the way to plate size, not what the network is sure of."""
WAYS = {way: UNCLIPPED.model_copy(update={"edges": way}) for way in ("bilinear", "plate")}
SHOWN = {"hair": (1006, 330, 1080), "blur": (1006, 220, 560), "wire": (1006, 400, 780)}
"""Frame, top and left of the detail of each 1080p shot in the picture."""
DETAIL = (180, 240)


class EdgeShot:
    """One shot with its plate and its true mattes."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.plate = open_plate(str(folder / "plate"))
        self._truths = find_sequence(str(folder / "truth"))
        self.frames = list(self._truths.range)
        self.geometry = Geometry.of(
            self.plate.format.data.shape, Preset(name="bench").tracking.lines
        )

    def truth(self, frame: int) -> FloatArray:
        """Float32 [H, W]."""
        alpha: FloatArray = read_channels(self._truths.path(frame), ["A"])[..., 0]
        return alpha

    def reduced(self, frame: int) -> RawMatte:
        """The truth averaged to the network's size, as it would come from there."""
        cells = self.truth(frame)
        for axis, count in enumerate(self.geometry.working):
            cells = np.moveaxis(averaged(np.moveaxis(cells, axis, 0), count), 0, axis)
        left, right, top, bottom = self.geometry.padding
        return RawMatte(np.pad(cells, ((top, bottom), (left, right)))[None], self.geometry)

    def enlarged(self, frame: int, settings: Finish) -> FloatArray:
        """The reduced truth at plate size again, float32 [H, W]."""
        view = Picture.of(self.plate, frame) if settings.edges == "plate" else None
        alpha: FloatArray = finish(self.reduced(frame), view, settings)[0]
        return alpha


def averaged(rows: FloatArray, count: int) -> FloatArray:
    """[N, M] -> [count, M]: the means over ``count`` equal cells, whose ends may split a row."""
    total = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=float)])
    ends = np.linspace(0, len(rows), count + 1)
    whole = np.minimum(ends.astype(int), len(rows) - 1)
    until = total[whole] + (ends - whole)[:, None] * rows[whole]
    means: FloatArray = (np.diff(until, axis=0) * count / len(rows)).clip(0, 1).astype(np.float32)
    return means


def from_truth(shot: EdgeShot) -> None:
    """Two lines."""
    for way, settings in WAYS.items():
        meter, seconds = MatteMeter(), 0.0
        for frame in shot.frames:
            truth, cells = shot.truth(frame), shot.reduced(frame)
            view = Picture.of(shot.plate, frame)
            started = time.perf_counter()
            alpha = finish(cells, view, settings)[0]
            seconds += time.perf_counter() - started
            meter.add(truth, alpha, edge_band(truth, BAND_PX))
        figures = asdict(meter.score()) | {"ms_per_frame": 1000 * seconds / len(shot.frames)}
        report(bench="edges", shot=shot.name, source="truth", way=way, **figures)


def from_network(shot: EdgeShot) -> None:
    """Two lines."""
    first, *others = shot.frames
    keyframe = Keyframe(first, shot.truth(first)[None])
    tracked = Shot(shot.plate, FrameRange.of(shot.frames), elements_named("element"), (keyframe,))
    load = tracker_of(load_model("rde-lite"), torch.device("cpu"))
    node = RotoNode(tracked, Preset(name="bench"), load)
    for way, settings in WAYS.items():
        node = node.edited(preset=Preset(name="bench", finish=settings))
        meter = MatteMeter()
        for matte in node.render(FrameRange.of(others)):
            truth = shot.truth(matte.frame)
            meter.add(truth, matte.alpha[0], edge_band(truth, BAND_PX))
        report(bench="edges", shot=shot.name, source="rde-lite", way=way, **asdict(meter.score()))


def picture(root: Path, out: Path) -> None:
    """A row a shot, from its truth made small."""
    rows = []
    for name, (frame, top, left) in SHOWN.items():
        shot = EdgeShot(root / f"{name}-1080")
        part = slice(top, top + DETAIL[0]), slice(left, left + DETAIL[1])
        mattes = [*(shot.enlarged(frame, way) for way in WAYS.values()), shot.truth(frame)]
        grey = [np.repeat(matte[part][..., None], 3, axis=2) for matte in mattes]
        plate = Picture.of(shot.plate, frame).within(part).to_network_view().numpy()
        rows.append(np.concatenate([plate, *grey], axis=1))
    pixels = np.round(255 * np.concatenate(rows)).astype(np.uint8)
    Image.fromarray(pixels).save(out, optimize=True)


def main() -> None:
    """Prints the lines, or writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("shots", nargs="*", default=["hair-1080", "blur-1080", "wire-1080"])
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.picture:
        picture(arguments.root, arguments.picture)
        return
    for name in arguments.shots:
        shot = EdgeShot(arguments.root / name)
        from_truth(shot)
        from_network(shot)


if __name__ == "__main__":
    main()
