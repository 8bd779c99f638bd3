"""How confident the network is in each frame, and which frame to correct next.

Both come from the raw mattes alone, so they cost no network step if those are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import torch

from rde_roto.matte.blend import blend
from rde_roto.matte.raw import RawMatte
from rde_roto.node import RotoNode
from rde_roto.values.arguments import require
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Span, Stretch

Confidences: TypeAlias = "dict[int, dict[str, float]]"
"""For each frame of a range, in order: the confidence in each element that exists there, by id."""

Areas: TypeAlias = "dict[int, dict[str, float]]"
"""For each frame of a range, in order: the share of the picture that each element covers, 0..1, by
id, counting pixels whose matte is one half or more. Locked elements are left out, and at a keyframe
those that it does not draw.
"""

_LEAST_DOUBT = 0.05
"""A confidence that lies further than this below the element's best may mean an error; edges that
are softer on one frame than on another account for less."""

_MOST_RANKED = 8

_HALVED_FRAMES = 12
"""Towards an end of the shot without a keyframe, the effect of a correction halves after so many
frames."""


@dataclass(frozen=True)
class Suggestion:
    """A frame to correct next: the element that needs it most there, and its confidence, 0..1.

    ``gain`` is the expected effect in frames: how much confidence the correction would restore over
    all frames. Use it only to rank suggestions.
    """

    frame: int
    element: str
    confidence: float
    gain: float

    def __str__(self) -> str:
        return (
            f"frame {self.frame}: correct {self.element} there (confidence {self.confidence:.2f})"
        )


@dataclass(frozen=True)
class Advice:
    """The quality of a shot's mattes. ``doubtful`` has, by element, the frames that may be wrong;
    ``ranked`` are the ones to correct, the most useful first, and not close to each other.
    """

    confidences: Confidences
    areas: Areas
    doubtful: dict[str, FrameRange]
    ranked: tuple[Suggestion, ...]

    @property
    def next(self) -> Suggestion | None:
        """The frame to correct first, None if no frame looks wrong."""
        return self.ranked[0] if self.ranked else None


def confidences(
    node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never
) -> Confidences:
    """Rate how confident the network is in every element, 0..1, at some frames or the whole shot.

    Confidence is how clear-cut the probabilities are: their overlap (intersection over union) with
    themselves rounded to 0 or 1. Between two keyframes it is the mean over both passes, times the
    overlap of the passes with each other. Keyframes and locked mattes have confidence 1. For an
    element that is nowhere in the picture it is 1 less its highest probability; for an element that
    was lost for good the numbers mean nothing.

    A frame's confidence does not depend on the other frames requested. Raises as
    ``RotoNode.render``.
    """
    return {
        frame: {e: observed.confidence for e, observed in by_element.items()}
        for frame, by_element in _observations(node, frames, cancel).items()
    }


def next_to_fix(
    node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never
) -> Suggestion | None:
    """Find the frame whose correction is expected to help most; None if nothing looks wrong.

    A correction restores its own frame and, less and less, the frames up to the next keyframe.
    Raises as ``RotoNode.render``.
    """
    return advise(node, frames, cancel).next


def advise(node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never) -> Advice:
    """Assess some frames, or the whole shot.

    Frames count as doubtful in comparison with the best of these frames, so a few frames that are
    equally wrong do not stand out on their own. Raises as ``RotoNode.render``.
    """
    observations = _observations(node, frames, cancel)
    confidence = {
        frame: {e: seen.confidence for e, seen in by.items()} for frame, by in observations.items()
    }
    areas = {
        frame: {e: seen.area for e, seen in by.items() if seen.area is not None}
        for frame, by in observations.items()
    }
    doubts = _doubts(confidence)
    doubtful = {
        e: FrameRange.of(frame for frame in doubts if doubts[frame].get(e)) for e in node.shot.ids
    }
    return Advice(confidence, areas, doubtful, _ranked(node.shot, confidence, doubts))


class _Observation(NamedTuple):
    """An element at one frame; the area is None where no pixels need checking."""

    confidence: float
    area: float | None


def _observations(
    node: RotoNode, frames: FrameRange | None, cancel: Cancel
) -> dict[int, dict[str, _Observation]]:
    """For each frame, in order: the observation of each element that exists there, by id."""
    require(node, RotoNode, "a RotoNode")
    shot, requested = node.shot, node.requested(frames)
    found: dict[int, dict[str, _Observation]] = {}
    for keyframe in shot.keyframes:
        if keyframe.frame in requested:
            drawn = dict(
                zip(shot.drawn_elements(keyframe), map(_area, keyframe.alpha), strict=True)
            )
            existing = shot.existing(keyframe.frame)
            found[keyframe.frame] = {e: _Observation(1.0, drawn.get(e)) for e in existing}
    for stretch in shot.stretches:
        found.update(_along_stretch(node, stretch, requested, cancel))
    return {
        frame: found[frame] | dict.fromkeys(_locked(shot, frame), _Observation(1.0, None))
        for frame in sorted(found)
    }


def _along_stretch(
    node: RotoNode, stretch: Stretch, requested: FrameRange, cancel: Cancel
) -> Iterator[tuple[int, dict[str, _Observation]]]:
    """The observations at the requested frames of a stretch."""
    span = stretch.spans[0]
    frames = requested.walk(span.keyframe.frame + span.step, span.stop)
    for frame, raws in node.walker.raws_of_stretch(stretch, frames, cancel):
        by_element = zip(*_planes(raws), strict=True)
        ahead, *after = raws
        raw = blend(ahead, after[0], stretch.share(frame)) if after else ahead
        observed = map(_Observation, map(_confidence, by_element), _areas(raw))
        existing = node.shot.existing(frame)
        named = zip(span.elements, observed, strict=True)
        yield frame, {e: sight for e, sight in named if e in existing}


def _locked(shot: Shot, frame: int) -> set[str]:
    """Ids of the elements that exist at a frame and are locked there."""
    locked = {e for lock in shot.locks_at(frame) for e in lock.elements}
    return locked.intersection(shot.existing(frame))


def _ranked(shot: Shot, confidence: Confidences, doubts: Confidences) -> tuple[Suggestion, ...]:
    """The most useful corrections. A correction helps its surroundings, so of frames that are close
    to each other only the best is suggested.
    """
    ranked: list[Suggestion] = []
    found = _suggestions(shot, confidence, doubts)
    for one in sorted(found, key=lambda one: one.gain, reverse=True):
        if all(abs(one.frame - other.frame) >= _HALVED_FRAMES for other in ranked):
            ranked.append(one)
        if len(ranked) == _MOST_RANKED:
            break
    return tuple(ranked)


def _suggestions(shot: Shot, confidence: Confidences, doubts: Confidences) -> Iterator[Suggestion]:
    """All frames whose correction would help."""
    frames_observed = FrameRange.of(confidence)
    for stretch in shot.stretches:
        span = stretch.spans[0]
        frames = list(frames_observed.walk(span.keyframe.frame + span.step, span.stop))
        gains = _gains(stretch, frames, [sum(doubts[frame].values()) for frame in frames])
        for frame, gain in zip(frames, gains, strict=True):
            if gain > 0 and doubts[frame] and not shot.is_locked(frame):
                element = max(doubts[frame], key=doubts[frame].__getitem__)
                yield Suggestion(frame, element, confidence[frame][element], gain)


def _doubts(confidence: Confidences) -> Confidences:
    """How far each confidence lies below the element's best; 0 where that is too little."""
    best: dict[str, float] = {}
    for by_element in confidence.values():
        for element, value in by_element.items():
            if value < 1:  # keyframes say nothing about how soft the tracked edges are
                best[element] = max(value, best.get(element, 0.0))
    return {
        frame: {e: _doubt_of(best.get(e, 1.0) - value) for e, value in by_element.items()}
        for frame, by_element in confidence.items()
    }


def _doubt_of(below_best: float) -> float:
    return below_best if below_best > _LEAST_DOUBT else 0.0


def _gains(stretch: Stretch, frames: list[int], doubts: list[float]) -> list[float]:
    """The total gain of a correction at each frame of a stretch, in walking order."""
    span, *others = stretch.spans
    before = _gains_towards(span, frames, doubts)
    if others:
        after = _gains_towards(others[0], frames[::-1], doubts[::-1])[::-1]
    else:
        after = _gains_outwards(frames[::-1], doubts[::-1])[::-1]
    return [one + other - own for one, other, own in zip(before, after, doubts, strict=True)]


def _gains_towards(span: Span, frames: list[int], doubts: list[float]) -> list[float]:
    """The gain at the corrected frame and between it and the span's keyframe, where it falls
    linearly to 0.
    """
    weighted = accumulate(span.distance(f) * m for f, m in zip(frames, doubts, strict=True))
    return [
        weighted_sum / span.distance(f) for f, weighted_sum in zip(frames, weighted, strict=True)
    ]


def _gains_outwards(frames: list[int], doubts: list[float]) -> list[float]:
    """The gain at the corrected frame and beyond it, where it decays; the outermost frame first."""
    gains: list[float] = []
    for index, frame in enumerate(frames):
        gain = doubts[index]
        if index:
            gain += gains[-1] * 0.5 ** (abs(frames[index - 1] - frame) / _HALVED_FRAMES)
        gains.append(gain)
    return gains


def _planes(raws: tuple[RawMatte, ...]) -> list[FloatArray]:
    """The planes [K, H, W] of each pass, for the same part of the plate."""
    first, *others = raws
    shown = first.aligned_with(others[0]) if others else (first,)
    return [raw.planes for raw in shown]


def _areas(raw: RawMatte) -> list[float]:
    """The area of each plane, as a share of the plate."""
    observed = raw.geometry.unpadded(torch.from_numpy(raw.planes)).numpy()
    window, (height, width) = raw.geometry.window, raw.geometry.plate
    share = window.width * window.height / (width * height)
    return [_area(plane) * share for plane in observed]


def _area(plane: FloatArray) -> float:
    return float(np.count_nonzero(plane >= 0.5)) / plane.size


def _confidence(raws: tuple[FloatArray, ...]) -> float:
    """The confidence in one element, from its plane [H, W] in each pass."""
    confidence = sum(map(_clarity, raws)) / len(raws)
    for one, other in pairwise(raws):
        confidence *= _agreement(one, other)
    return float(confidence)


def _clarity(plane: FloatArray) -> float:
    inside = plane >= 0.5
    if not inside.any():
        return 1 - float(plane.max())
    covered = float(plane[inside].sum())
    return covered / (float(inside.sum()) + float(plane[~inside].sum()))


def _agreement(one: FloatArray, other: FloatArray) -> float:
    if max(one.max(), other.max()) < 0.5:
        return 1.0  # neither sees anything
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())
