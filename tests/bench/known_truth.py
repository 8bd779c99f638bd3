"""Sequences whose true masks are known, tracked by rde-lite at 240 lines, for the benchmarks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from rde_roto.evaluation.metrics import SequenceScore
from rde_roto.images.masks import read_labels, read_mask
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

DEVELOPMENT = ("bear", "breakdance-flare", "scooter-gray")


@dataclass(frozen=True, eq=False)
class KnownTruth:
    """A sequence of a DAVIS folder with all its masks, as one element."""

    root: Path
    name: str

    @cached_property
    def plate(self) -> Plate:
        """The pictures."""
        return open_plate(str(self.root / "JPEGImages" / self.name))

    @cached_property
    def masks(self) -> FrameSequence:
        """The true masks' files."""
        return find_sequence(str(self.root / "Annotations" / self.name))

    @cached_property
    def frames(self) -> list[int]:
        """The frames that have a true mask, in order."""
        return list(self.masks.range)

    @cached_property
    def from_first(self) -> RotoNode:
        """Tracked from the first true mask alone."""
        shot = Shot(
            self.plate,
            self.masks.range,
            elements_named("element"),
            (self._keyframe(self.frames[0]),),
        )
        load = tracker_of(load_model("rde-lite"), torch.device("cpu"))
        return RotoNode(shot, Preset(name="bench", tracking=Tracking(lines=240)), load)

    def corrected(self, frame: int) -> RotoNode:
        """Tracked with the true mask of another frame as a second keyframe."""
        shot = self.from_first.shot
        keyframes = (*shot.keyframes, self._keyframe(frame))
        return self.from_first.edited(shot=replace(shot, keyframes=keyframes))

    def j_and_f(self, node: RotoNode, frames: Sequence[int] | None = None) -> float:
        """Mean J&F of some frames, of the whole sequence by default."""
        asked = self.frames if frames is None else frames
        found = {m.frame: m.alpha[0] >= 0.5 for m in node.render(FrameRange.of(asked))}
        pairs = ((read_labels(self.masks.path(frame)) > 0, found[frame]) for frame in asked)
        return SequenceScore.of(pairs).j_and_f

    def _keyframe(self, frame: int) -> Keyframe:
        alpha, _ = read_mask(self.masks.path(frame), self.plate.format, "labels")
        return Keyframe(frame, alpha)


def measure_each(description: str | None, measure: Callable[[KnownTruth], None]) -> None:
    """Runs a benchmark on the sequences that the command line names, on one thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="*", default=DEVELOPMENT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.sequences:
        measure(KnownTruth(arguments.root, name))
