"""What de-chatter brings: ``python tests/bench/dechatter.py DAVIS [NAME …] [--pictures FOLDER]``.

A line for each sequence and value of ``finish.dechatter``, from ``rde-lite`` at 240 lines and the
first mask alone. ``footage`` is the sequence, ``still`` its first frame held for 24, each under a
grain of its own: there all that flickers is chatter. ``flicker`` and ``dtssd`` are taken within 20
pixels of the true edge. ``ms_per_frame`` is the finish alone, the network's mattes being there.
The pictures show the plate, the matte at 0 and at 1, and what is between them, in grey about zero.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lines import report
from PIL import Image

from rde_roto.evaluation.alpha import MatteMeter, edge_band
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.images.masks import read_labels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.sequences import find_sequence
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model
from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import Plate, PlateFormat
from rde_roto.values.preset import Finish, Preset, Tracking
from rde_roto.values.shot import Shot

SEQUENCES = ["bear", "breakdance-flare", "scooter-gray"]
VALUES = (0.0, 0.5, 1.0)
BAND_PX = 20
HELD_FRAMES = 24
GRAIN = 4 / 255
"""Standard deviation."""
SHOWN_EVERY = 12

Truth = Callable[[int], BoolArray]


@dataclass(frozen=True)
class HeldPlate:
    """One frame of a plate, again and again, under changing grain."""

    source: Plate
    range: FrameRange
    name: str = "held.####.png"
    input_transform = None

    @property
    def format(self) -> PlateFormat:
        return self.source.format

    def digest(self, frame: int) -> str:
        return digest_of("held", frame, self.source.digest(self.range.first))

    def read(self, frame: int) -> FloatArray:
        view = self.source.read(self.range.first)
        noise = np.random.default_rng(frame).normal(0, GRAIN, view.shape)
        grained: FloatArray = (view + noise).clip(0, 1).astype(np.float32)
        return grained


def tracked(plate: Plate, mask: BoolArray, model: Model) -> RotoNode:
    """The node of a shot from its first frame's mask."""
    keyframe = Keyframe(plate.range.first, mask[None].astype(np.float32))
    shot = Shot(plate, plate.range, elements_named("element"), (keyframe,))
    preset = Preset(name="bench", tracking=Tracking(lines=240))
    return RotoNode(shot, preset, tracker_of(model, torch.device("cpu")), Stores.in_ram(4 * 10**9))


def measure(node: RotoNode, truth: Truth, **names: str) -> dict[float, list[Matte]]:
    """Prints a line a value; the keyframe does not count."""
    found = {}
    list(node.render())  # so that every raw matte is there
    for value in VALUES:
        finish = Finish(edges="bilinear", dechatter=value, clip_black=0, clip_white=1)
        node = node.edited(preset=node.preset.model_copy(update={"finish": finish}))
        started = time.perf_counter()
        found[value] = list(node.render())[1:]
        seconds = time.perf_counter() - started
        meter = MatteMeter()
        for matte in found[value]:
            true = truth(matte.frame).astype(np.float32)
            meter.add(true, matte.alpha[0], edge_band(true, BAND_PX))
        score, soft = SequenceScore.of(pairs(truth, found[value])), meter.score()
        report(
            bench="dechatter",
            **names,
            dechatter=value,
            j_and_f=score.j_and_f,
            flicker=soft.flicker,
            dtssd=soft.dtssd,
            ms_per_frame=1000 * seconds / len(found[value]),
        )
    return found


def pairs(truth: Truth, mattes: list[Matte]) -> list[tuple[BoolArray, BoolArray]]:
    """The true and the found mask of every frame."""
    return [(truth(matte.frame), matte.alpha[0] >= 0.5) for matte in mattes]


def show(plate: Plate, found: dict[float, list[Matte]], folder: Path) -> None:
    """A picture of some frames, plate and mattes side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for off, full in list(zip(found[0.0], found[1.0], strict=True))[::SHOWN_EVERY]:
        planes = [off.alpha[0], full.alpha[0], (full.alpha[0] - off.alpha[0]) / 2 + 0.5]
        grey = [np.repeat(plane[..., None], 3, axis=2) for plane in planes]
        upper, lower = [plate.read(off.frame), grey[0]], [grey[1], grey[2]]
        pixels = np.concatenate([np.concatenate(upper, axis=1), np.concatenate(lower, axis=1)])
        Image.fromarray(np.round(255 * pixels).astype(np.uint8)).save(folder / f"{off.frame}.png")


def measure_sequence(root: Path, name: str, model: Model, pictures: Path | None) -> None:
    """Prints the lines of one sequence, held and as it is."""
    plate = open_plate(str(root / "JPEGImages" / name))
    masks = find_sequence(str(root / "Annotations" / name))

    def truth(frame: int) -> BoolArray:
        return read_labels(masks.path(frame)) > 0

    first = plate.range.first
    held = HeldPlate(plate, FrameRange.of(range(first, first + HELD_FRAMES)))
    mask = truth(first)
    measure(tracked(held, mask, model), lambda _frame: mask, shot=name, of="still")
    found = measure(tracked(plate, mask, model), truth, shot=name, of="footage")
    if pictures:
        show(plate, found, pictures / name)


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="*", default=SEQUENCES)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model("rde-lite")
    for name in arguments.sequences:
        measure_sequence(arguments.root, name, model, arguments.pictures)


if __name__ == "__main__":
    main()
