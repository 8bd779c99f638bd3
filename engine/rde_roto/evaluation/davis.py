"""Semi-supervised evaluation as in DAVIS: the first mask is given, the rest is scored.

If more masks are given, spread evenly from the first to the last frame, they are not scored.

Layout: ``ROOT/JPEGImages/SEQUENCE`` and ``ROOT/Annotations/SEQUENCE``, optionally with a folder
``480p`` for the resolution. A sequence is tracked into indexed PNGs first and scored from these
files, which are what one would submit to the challenge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from rde_roto.delivery import Delivery, FrameReporter, deliver
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.evaluation.playing import BackAndForth, PlayedPlate
from rde_roto.images.masks import read_labels, read_mask
from rde_roto.images.mattes import LABELS, MatteWriter, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.sequences import find_sequence
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model
from rde_roto.node import RotoNode
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot


@dataclass(frozen=True)
class SequenceResult:
    """A sequence's scores, one per element, and the cost of tracking it.

    updates: the number of memory updates. state_bytes: the size of the memory state after the last
    update, when it is largest. lap: for a sequence played back and forth, the number of frames
    after which its pictures repeat; else None.
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
        """Mean J of each of `parts` parts of the sequence, averaged over the elements."""
        by_element = (score.j_by_part(parts) for score in self.scores)
        return tuple(map(fmean, zip(*by_element, strict=True)))

    @property
    def j_of_laps(self) -> tuple[float, float] | None:
        """Mean J of the first and of the last lap, which show the same pictures.

        In a run shorter than a lap, of what there is; None when the sequence was not played.
        """
        if self.lap is None:
            return None
        first = fmean(float(score.region[: self.lap].mean()) for score in self.scores)
        last = fmean(float(score.region[-self.lap :].mean()) for score in self.scores)
        return first, last


@dataclass(frozen=True)
class SetResult:
    """The results of several sequences with one preset."""

    sequences: tuple[SequenceResult, ...]

    @property
    def j(self) -> float:
        """Mean J over the elements of all sequences, 0..1, as in DAVIS."""
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
        """Frames made per second over all sequences; 0 when there was nothing to make."""
        deliveries = [result.delivery for result in self.sequences]
        made = sum(delivery.made for delivery in deliveries)
        return made / sum(delivery.seconds for delivery in deliveries) if made else 0.0

    @property
    def state_bytes(self) -> int:
        """The size of the largest memory state in bytes."""
        return max(result.state_bytes for result in self.sequences)


class DavisSet:
    """A folder of sequences with annotations. Raises InputError when ``root`` is not one.

    Args:
        root: the folder.
        play: play each sequence back and forth for so many memory updates; None plays it once.
        keyframes: how many masks of a sequence are given; 1 if it is played.
    """

    def __init__(self, root: Path, play: int | None = None, keyframes: int = 1) -> None:
        self._plates = _resolution(root / "JPEGImages")
        self._truth = _resolution(root / "Annotations")
        self.play = play
        self.keyframes = keyframes

    def names(self, requested: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the requested sequences, or all.

        Raises UsageError for an unknown one, InputError when there is none at all.
        """
        known = sorted(path.name for path in self._truth.iterdir() if path.is_dir())
        if not known:
            raise InputError(f"there is no sequence in {self._truth}")
        for name in requested:
            if name not in known:
                raise UsageError(f"there is no sequence '{name}' in {self._truth}")
        return requested or tuple(known)

    def evaluate(
        self, name: str, preset: Preset, model: Model, device: torch.device, out: Path
    ) -> SequenceResult:
        """Track one sequence into ``out/NAME`` and score it."""
        shot, truth, lap = self._shot(name, preset.tracking.memory_every)
        pattern = str(out / name / "%05d.png")
        writer = open_matte_writer(pattern, Origin(shot.plate.format), shot.names, LABELS, {})
        node = RotoNode(shot, preset, tracker_of(model, device))
        delivery = deliver(node, shot.range, writer, FrameReporter(lambda _frame, _kept: None))
        labels = _labels(truth(shot.range.first))
        scores = tuple(
            SequenceScore.of(_pairs(shot, truth, writer, int(label), number))
            for number, label in enumerate(labels, start=1)
        )
        # A memory frame at the very end is not absorbed: nothing is read after it.
        longest = max(len(FrameRange.of(stretch.spans[0])) for stretch in shot.stretches)
        updates = (longest - 1) // preset.tracking.memory_every
        size = state_bytes(shot, updates, preset.tracking, model, device)
        return SequenceResult(name, scores, delivery, updates, size, lap)

    def shot(self, name: str) -> Shot:
        """Return a sequence, played once, with the given masks."""
        annotations = find_sequence(str(self._truth / name))
        plate, frames = open_plate(str(self._plates / name)), annotations.range
        given = _spread(tuple(frames), self.keyframes)
        first, *others = map(annotations.path, given)
        alpha, names = read_mask(first, plate.format, "labels")
        masks = [alpha, *(_planes(path, first, plate.format.data.shape) for path in others)]
        keyframes = tuple(Keyframe(f, mask) for f, mask in zip(given, masks, strict=True))
        return Shot(plate, frames, elements_named(*names), keyframes)

    def _shot(self, name: str, memory_every: int) -> tuple[Shot, _Truth, int | None]:
        """A sequence's shot, the path of the truth of each frame, and the lap if it is played."""
        annotations = find_sequence(str(self._truth / name))
        shot = self.shot(name)
        if self.play is None:
            return shot, annotations.path, None
        plate, frames, elements = shot.plate, shot.range, shot.elements
        alpha = shot.ordered[0].alpha
        order = BackAndForth(tuple(frames), (self.play + 1) * memory_every + 1)
        shot = Shot(PlayedPlate(plate, order), order.range, elements, (Keyframe(0, alpha),))
        return shot, lambda frame: annotations.path(order.picture(frame)), order.lap


def state_bytes(
    shot: Shot, updates: int, tracking: Tracking, model: Model, device: torch.device
) -> int:
    """Return the size of the memory state of a shot after so many updates, in bytes.

    A state grows at its first update, and then at each update by a constant number of bytes, which
    may be 0: two updates at the keyframe determine all others.
    """
    aspect, input_transform = shot.plate.format.pixel_aspect, shot.plate.input_transform
    tracker = tracker_of(model, device)(tracking).for_plate(aspect, input_transform)
    keyframe = shot.ordered[0]
    frame = tracker.encode([shot.plate.read(keyframe.frame)])
    state = tracker.begin([(frame, keyframe.alpha)] * min(2, len(shot.keyframes)))
    probabilities = tracker.read(state, frame)
    sizes = [state.nbytes]
    for _ in range(2):
        state = tracker.absorb(state, frame, probabilities)
        sizes.append(state.nbytes)
    begun, once, twice = sizes
    return once + (updates - 1) * (twice - once) if updates else begun


_Truth = Callable[[int], Path]
"""The path of the annotation of a shot's frame."""


def _pairs(
    shot: Shot, truth: _Truth, found: MatteWriter, label: int, number: int
) -> Iterator[tuple[BoolArray, BoolArray]]:
    ends = shot.range.first, shot.range.last  # which the score itself leaves out
    for frame in shot.range:
        if frame not in ends and shot.keyframe_at(frame) is not None:
            continue
        yield read_labels(truth(frame)) == label, read_labels(found.path(frame)) == number


def _labels(path: Path) -> list[int]:
    """The objects of an annotation, by which the elements of a sequence are numbered."""
    return [int(number) for number in np.unique(read_labels(path)) if number != 0]


def _planes(path: Path, first: Path, size: tuple[int, int]) -> FloatArray:
    """The objects of the first annotation in another one [K, H, W], where some may be missing."""
    labels = read_labels(path)
    if labels.shape != size:
        raise InputError(
            f"the annotation {path} is {labels.shape[1]}x{labels.shape[0]}, its picture "
            f"{size[1]}x{size[0]}: expected the same size"
        )
    return np.stack([labels == number for number in _labels(first)]).astype(np.float32)


def _spread(frames: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Choose `count` frames from the first to the last, evenly; fewer if there are fewer."""
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
