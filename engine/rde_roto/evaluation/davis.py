"""Semi-supervised evaluation as DAVIS does it: the first mask is given, the rest is scored.

Where more masks are given, spread evenly from the first frame to the last, they are not scored.

Layout: ``ROOT/JPEGImages/SEQUENCE`` and ``ROOT/Annotations/SEQUENCE``, both perhaps under a folder
for the resolution, ``480p``. A sequence is tracked into indexed PNGs first and scored from them, so
the files that are scored are those that a challenge would be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from rde_roto.delivery import Delivery, deliver
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.evaluation.playing import PlayedPlate, ToAndFro
from rde_roto.images.masks import read_labels, read_mask
from rde_roto.images.mattes import LABELS, MatteWriter, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates import open_plate
from rde_roto.images.sequences import find_sequence
from rde_roto.model.rde_tracker import RDETracker, tracker_of
from rde_roto.model.weights import Model
from rde_roto.node import RotoNode
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot


@dataclass(frozen=True)
class SequenceResult:
    """A sequence's scores, one for each element, and what it took to track it.

    updates: how often the memory was brought up to date. state_bytes: the size of the memory state
    after the last of them, when it is largest. lap: of a sequence that is played to and fro, the
    frames after which its pictures repeat; else None.
    """

    name: str
    scores: tuple[SequenceScore, ...]
    delivery: Delivery
    updates: int
    state_bytes: int
    lap: int | None

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

    def j_by_part(self, parts: int) -> tuple[float, ...]:
        """Mean J of so many parts of the sequence, over the elements."""
        by_element = (score.j_by_part(parts) for score in self.scores)
        return tuple(map(fmean, zip(*by_element, strict=True)))

    @property
    def j_of_laps(self) -> tuple[float, float] | None:
        """Mean J of the first lap and of the last, which show the same pictures.

        Of what there is in a run of less than a lap; None when the sequence was not played.
        """
        if self.lap is None:
            return None
        first = fmean(float(score.region[: self.lap].mean()) for score in self.scores)
        last = fmean(float(score.region[-self.lap :].mean()) for score in self.scores)
        return first, last


@dataclass(frozen=True)
class SetResult:
    """What came of several sequences under one preset."""

    sequences: tuple[SequenceResult, ...]

    @property
    def j(self) -> float:
        """Mean J over the elements of all sequences, 0..1, as DAVIS counts."""
        return fmean(score.mean_j for result in self.sequences for score in result.scores)

    @property
    def f(self) -> float:
        """Mean F over the elements of all sequences, 0..1."""
        return fmean(score.mean_f for result in self.sequences for score in result.scores)

    @property
    def j_and_f(self) -> float:
        """The mean of J and F."""
        return (self.j + self.f) / 2

    @property
    def frames_per_second(self) -> float:
        """Frames made a second, all sequences together; 0 when there was nothing to make."""
        deliveries = [result.delivery for result in self.sequences]
        made = sum(delivery.made for delivery in deliveries)
        return made / sum(delivery.seconds for delivery in deliveries) if made else 0.0

    @property
    def state_bytes(self) -> int:
        """The size of the largest memory state."""
        return max(result.state_bytes for result in self.sequences)


class DavisSet:
    """A folder of sequences with annotations. Raises InputError when ``root`` is none.

    Args:
        root: the folder.
        play: every sequence is played to and fro until the memory has been brought up to date so
            often and the frames up to the next memory frame have been read; once forwards when
            None.
        keyframes: how many masks of a sequence are given; 1 where it is played.
    """

    def __init__(self, root: Path, play: int | None = None, keyframes: int = 1) -> None:
        self._plates = _resolution(root / "JPEGImages")
        self._truth = _resolution(root / "Annotations")
        self.play = play
        self.keyframes = keyframes

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
        shot, truth, lap = self._shot(name, preset.tracking.memory_every)
        pattern = str(out / name / "%05d.png")
        writer = open_matte_writer(pattern, Origin(shot.plate.format), shot.names, LABELS, {})
        node = RotoNode(shot, preset, tracker_of(model, device))
        delivery = deliver(node, shot.range, writer, lambda _frame, _kept: None)
        labels = [n for n in np.unique(read_labels(truth(shot.range.first))) if n != 0]
        scores = tuple(
            SequenceScore.of(_pairs(shot, truth, writer, int(label), number))
            for number, label in enumerate(labels, start=1)
        )
        # The memory frame at the very end is absorbed no more: nothing is read behind it.
        longest = max(len(FrameRange.of(stretch.spans[0])) for stretch in shot.stretches)
        updates = (longest - 1) // preset.tracking.memory_every
        size = state_bytes(shot, updates, preset.tracking, model, device)
        return SequenceResult(name, scores, delivery, updates, size, lap)

    def shot(self, name: str) -> Shot:
        """A sequence, once forwards, with the masks that are given."""
        annotations = find_sequence(str(self._truth / name))
        plate, frames = open_plate(str(self._plates / name)), annotations.range
        given = _spread(tuple(frames), self.keyframes)
        masks = [read_mask(annotations.path(frame), plate.format, "labels") for frame in given]
        keyframes = tuple(Keyframe(f, alpha) for f, (alpha, _) in zip(given, masks, strict=True))
        _, names = masks[0]
        return Shot(plate, frames, elements_named(*names), keyframes)

    def _shot(self, name: str, memory_every: int) -> tuple[Shot, _Truth, int | None]:
        """A sequence's shot, the file of each of its frames' truth, and its lap when played."""
        annotations = find_sequence(str(self._truth / name))
        shot = self.shot(name)
        if self.play is None:
            return shot, annotations.path, None
        plate, frames, elements = shot.plate, shot.range, shot.elements
        alpha = shot.ordered[0].alpha
        order = ToAndFro(tuple(frames), (self.play + 1) * memory_every + 1)
        shot = Shot(PlayedPlate(plate, order), order.range, elements, (Keyframe(0, alpha),))
        return shot, lambda frame: annotations.path(order.picture(frame)), order.lap


def state_bytes(
    shot: Shot, updates: int, tracking: Tracking, model: Model, device: torch.device
) -> int:
    """The size of the memory state of a shot after so many updates.

    A state grows at its first update, and from then on by the same bytes at each or not at all:
    two updates at the keyframe tell every other.
    """
    aspect, input_transform = shot.plate.format.pixel_aspect, shot.plate.input_transform
    propagator = RDETracker(model.net, tracking, device).for_plate(aspect, input_transform)
    keyframe = shot.ordered[0]
    frame = propagator.encode([shot.plate.read(keyframe.frame)])
    state = propagator.begin([(frame, keyframe.alpha)] * min(2, len(shot.keyframes)))
    probabilities = propagator.read(state, frame)
    sizes = [state.nbytes]
    for _ in range(2):
        state = propagator.absorb(state, frame, probabilities)
        sizes.append(state.nbytes)
    begun, once, twice = sizes
    return once + (updates - 1) * (twice - once) if updates else begun


_Truth = Callable[[int], Path]
"""The annotation's file of a shot's frame."""


def _pairs(
    shot: Shot, truth: _Truth, found: MatteWriter, label: int, number: int
) -> Iterator[tuple[BoolArray, BoolArray]]:
    ends = shot.range.first, shot.range.last  # which the score itself leaves out
    for frame in shot.range:
        if frame not in ends and shot.keyframe_at(frame) is not None:
            continue
        yield read_labels(truth(frame)) == label, read_labels(found.path(frame)) == number


def _spread(frames: tuple[int, ...], count: int) -> tuple[int, ...]:
    """So many frames from the first to the last, evenly; fewer where there are fewer."""
    if count == 1:
        return frames[:1]
    places = {round(i * (len(frames) - 1) / (count - 1)) for i in range(count)}
    return tuple(frames[place] for place in sorted(places))


def _resolution(folder: Path) -> Path:
    if (folder / "480p").is_dir():
        return folder / "480p"
    if not folder.is_dir():
        raise InputError(f"there is no {folder}: expected a folder laid out as DAVIS is")
    return folder
