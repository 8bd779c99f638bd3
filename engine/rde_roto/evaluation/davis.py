"""Semi-supervised evaluation as DAVIS does it: the first mask is given, the rest is scored.

Layout: ``ROOT/JPEGImages/SEQUENCE`` and ``ROOT/Annotations/SEQUENCE``, both perhaps under a folder
for the resolution, ``480p``. A sequence is tracked into indexed PNGs first and scored from them, so
the files that are scored are those that a challenge would be sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from rde_roto.delivery import Delivery, deliver
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.images.masks import read_labels, read_mask
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.plates import open_plate
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.models import Model
from rde_roto.node import RotoNode
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Keyframe, Shot


@dataclass(frozen=True)
class SequenceResult:
    """A sequence's scores, one for each element, and how fast it was tracked."""

    name: str
    scores: tuple[SequenceScore, ...]
    delivery: Delivery

    @property
    def j(self) -> float:
        """Mean J over elements and frames, 0..1."""
        return fmean(score.mean_j for score in self.scores)

    @property
    def f(self) -> float:
        """Mean F over elements and frames, 0..1."""
        return fmean(score.mean_f for score in self.scores)

    @property
    def j_and_f(self) -> float:
        """The mean of J and F."""
        return (self.j + self.f) / 2

    @property
    def j_quarters(self) -> tuple[float, ...]:
        """Mean J of the four quarters of the sequence, over the elements."""
        quarters = zip(*(score.j_quarters for score in self.scores), strict=True)
        return tuple(fmean(quarter) for quarter in quarters)


class DavisSet:
    """A folder of sequences with annotations. Raises InputError when ``root`` is none."""

    def __init__(self, root: Path) -> None:
        self._plates = _resolution(root / "JPEGImages")
        self._truth = _resolution(root / "Annotations")

    def names(self, asked: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Those asked for, or all.

        Raises UsageError for one that is not there, InputError when there is none at all.
        """
        known = sorted(path.name for path in self._truth.iterdir() if path.is_dir())
        if not known:
            raise InputError(f"there is no sequence in {self._truth}")
        for name in asked:
            if name not in known:
                raise UsageError(f"there is no sequence '{name}' in {self._truth}")
        return asked or tuple(known)

    def evaluate(
        self, name: str, preset: Preset, model: Model, device: torch.device, out: Path
    ) -> SequenceResult:
        """Tracks one sequence into ``out/NAME`` and scores it."""
        truth = find_sequence(str(self._truth / name))
        shot = self._shot(name, truth)
        pattern = str(out / name / "%05d.png")
        writer = open_matte_writer(pattern, shot.plate.format, shot.elements, True, {})
        node = RotoNode(shot, preset, model, device)
        delivery = deliver(node, writer, lambda _frame, _kept: None)
        labels = [n for n in np.unique(read_labels(truth.path(truth.range.first))) if n != 0]
        scores = tuple(
            SequenceScore.of(_pairs(truth, writer, int(label), number))
            for number, label in enumerate(labels, start=1)
        )
        return SequenceResult(name, scores, delivery)

    def _shot(self, name: str, truth: FrameSequence) -> Shot:
        plate = open_plate(str(self._plates / name))
        first = truth.range.first
        alpha, elements = read_mask(truth.path(first), plate.format, "labels")
        return Shot(plate, truth.range, elements, (Keyframe(first, alpha),))


def _pairs(
    truth: FrameSequence, found: MatteWriter, label: int, number: int
) -> Iterator[tuple[BoolArray, BoolArray]]:
    for frame in truth.range:
        yield read_labels(truth.path(frame)) == label, read_labels(found.path(frame)) == number


def _resolution(folder: Path) -> Path:
    if (folder / "480p").is_dir():
        return folder / "480p"
    if not folder.is_dir():
        raise InputError(f"there is no {folder}: expected a folder laid out as DAVIS is")
    return folder
