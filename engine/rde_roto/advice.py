"""How sure a track is, frame by frame, and which frame to correct next.

Both are told from raw mattes alone, the network's own, so they cost no step where those are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import torch

from rde_roto.matte.blend import blended
from rde_roto.matte.raw import RawMatte
from rde_roto.node import RotoNode
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Span, Stretch

Confidences: TypeAlias = "dict[int, dict[str, float]]"
"""Of every frame of a range, in order, the confidence in each element that exists there, by id."""

Areas: TypeAlias = "dict[int, dict[str, float]]"
"""Of every frame of a range, in order, how much of the picture lies within each element, 0..1, by
id: where the matte is one half or more. Left out is what is locked, and at a keyframe what it does
not draw.
"""

_TROUBLE = 0.05
"""How far below the element's best a confidence lies where something may be wrong: edges alone,
softer on one frame than on another, make less."""

_HALVED_FRAMES = 12
"""Towards an end of the shot without a keyframe a correction helps half as much so far on."""


@dataclass(frozen=True)
class Suggestion:
    """A frame to correct next: the element that needs it most there, and how sure it is, 0..1.

    ``gain`` says how much is expected of it, in frames: what the confidences of all frames together
    lack, and this correction would bring. Only its order means something.
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
    """What a track looks like: ``doubtful`` has, by element, the frames that may be wrong; ``next``
    the one to correct first, None when there are none.
    """

    confidences: Confidences
    areas: Areas
    doubtful: dict[str, FrameRange]
    next: Suggestion | None


def confidences(
    node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never
) -> Confidences:
    """How sure the track is of every element, 0..1, at some frames, at all of the shot by default.

    That is how clear-cut the network's probabilities are: their overlap (intersection over union)
    with their own rounding to 0 or 1. Between two keyframes it is the mean over both tracks, times
    the overlap of the two with each other. Keyframes and locked mattes are certain. An element
    that is nowhere in the picture is as sure as its highest probability is low; of one that was
    lost for good, and is not seen any more, the numbers say nothing.

    A frame's confidence is the same whichever frames are asked for. Raises as ``RotoNode.render``
    does.
    """
    return {
        frame: {e: seen.confidence for e, seen in by_element.items()}
        for frame, by_element in _sights(node, frames, cancel).items()
    }


def next_to_fix(
    node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never
) -> Suggestion | None:
    """The frame whose correction is expected to help most; None when nothing looks wrong.

    A correction makes up for what is missing at its frame, and the less of it the nearer the frame
    is to a keyframe that is there already. Raises as ``RotoNode.render`` does.
    """
    return advise(node, frames, cancel).next


def advise(node: RotoNode, frames: FrameRange | None = None, cancel: Cancel = never) -> Advice:
    """What some frames of a track look like, all of the shot by default.

    What is doubtful is measured by the best of these frames: a few that are wrong alike do not
    stand out alone. Raises as ``render`` does.
    """
    sights = _sights(node, frames, cancel)
    sure = {frame: {e: s.confidence for e, s in by.items()} for frame, by in sights.items()}
    areas = {
        frame: {e: s.area for e, s in by.items() if s.area is not None}
        for frame, by in sights.items()
    }
    missing = _missing(sure)
    doubtful = {
        e: FrameRange.of(frame for frame in missing if missing[frame].get(e)) for e in node.shot.ids
    }
    return Advice(sure, areas, doubtful, _suggestion(node.shot, sure, missing))


class _Sight(NamedTuple):
    """An element at one frame; the area is None where nobody needs to look at the pixels."""

    confidence: float
    area: float | None


def _sights(
    node: RotoNode, frames: FrameRange | None, cancel: Cancel
) -> dict[int, dict[str, _Sight]]:
    """Of every frame, in order, what is seen of each element that exists there, by id."""
    shot = node.shot
    asked = shot.range if frames is None else frames
    for frame in asked.difference(shot.range):
        node.digest(frame)  # raises, since it is out of range
    found: dict[int, dict[str, _Sight]] = {}
    for keyframe in shot.keyframes:
        if keyframe.frame in asked:
            drawn = dict(zip(shot.drawn(keyframe), map(_area, keyframe.alpha), strict=True))
            existing = shot.existing(keyframe.frame)
            found[keyframe.frame] = {e: _Sight(1.0, drawn.get(e)) for e in existing}
    for stretch in shot.stretches:
        found.update(_along(node, stretch, asked, cancel))
    return {
        frame: found[frame] | dict.fromkeys(_locked(shot, frame), _Sight(1.0, None))
        for frame in sorted(found)
    }


def _along(
    node: RotoNode, stretch: Stretch, asked: FrameRange, cancel: Cancel
) -> Iterator[tuple[int, dict[str, _Sight]]]:
    """What the tracks of a stretch show at the frames of it that are asked for."""
    span = stretch.spans[0]
    frames = asked.walk(span.keyframe.frame + span.step, span.stop)
    for frame, tracks in node.walker.tracks(stretch, frames, cancel):
        by_element = zip(*_planes(tracks), strict=True)
        ahead, *behind = tracks
        raw = blended(ahead, behind[0], stretch.share(frame)) if behind else ahead
        seen = map(_Sight, map(_confidence, by_element), _areas(raw))
        existing = node.shot.existing(frame)
        named = zip(span.elements, seen, strict=True)
        yield frame, {e: sight for e, sight in named if e in existing}


def _locked(shot: Shot, frame: int) -> set[str]:
    """Ids of the elements that exist at a frame and are locked there."""
    locked = {e for lock in shot.locks_at(frame) for e in lock.elements}
    return locked.intersection(shot.existing(frame))


def _suggestion(shot: Shot, sure: Confidences, missing: Confidences) -> Suggestion | None:
    best: Suggestion | None = None
    looked_at = FrameRange.of(sure)
    for stretch in shot.stretches:
        span = stretch.spans[0]
        frames = list(looked_at.walk(span.keyframe.frame + span.step, span.stop))
        gains = _gains(stretch, frames, [sum(missing[frame].values()) for frame in frames])
        for frame, gain in zip(frames, gains, strict=True):
            is_better = gain > (best.gain if best else 0.0)
            if is_better and missing[frame] and not shot.is_locked(frame):
                element = max(missing[frame], key=missing[frame].__getitem__)
                best = Suggestion(frame, element, sure[frame][element], gain)
    return best


def _missing(sure: Confidences) -> Confidences:
    """What each confidence lacks of the element's best, where that is trouble."""
    best: dict[str, float] = {}
    for by_element in sure.values():
        for element, value in by_element.items():
            if value < 1:  # a keyframe tells nothing of how soft the track's edges are
                best[element] = max(value, best.get(element, 0.0))
    return {
        frame: {e: _trouble(best.get(e, 1.0) - value) for e, value in by_element.items()}
        for frame, by_element in sure.items()
    }


def _trouble(lack: float) -> float:
    return lack if lack > _TROUBLE else 0.0


def _gains(stretch: Stretch, frames: list[int], missing: list[float]) -> list[float]:
    """What a correction of each frame of a stretch, in walking order, would bring altogether."""
    span, *others = stretch.spans
    before = _gains_towards(span, frames, missing)
    if others:
        behind = _gains_towards(others[0], frames[::-1], missing[::-1])[::-1]
    else:
        behind = _gains_outwards(frames[::-1], missing[::-1])[::-1]
    return [one + other - own for one, other, own in zip(before, behind, missing, strict=True)]


def _gains_towards(span: Span, frames: list[int], missing: list[float]) -> list[float]:
    """Of a correction itself, and of the frames between it and the span's keyframe: the nearer to
    that, the less.
    """
    moments = accumulate(span.distance(f) * m for f, m in zip(frames, missing, strict=True))
    return [moment / span.distance(f) for f, moment in zip(frames, moments, strict=True)]


def _gains_outwards(frames: list[int], missing: list[float]) -> list[float]:
    """Of a correction itself, and of those beyond it, which come first: the farther the less."""
    gains: list[float] = []
    for place, frame in enumerate(frames):
        gain = missing[place]
        if place:
            gain += gains[-1] * 0.5 ** (abs(frames[place - 1] - frame) / _HALVED_FRAMES)
        gains.append(gain)
    return gains


def _planes(tracks: tuple[RawMatte, ...]) -> list[FloatArray]:
    """[K, H, W] of one track or of two, the latter of the same part of the plate."""
    first, *others = tracks
    shown = first.beside(others[0]) if others else (first,)
    return [raw.planes for raw in shown]


def _areas(raw: RawMatte) -> list[float]:
    """Of each plane, as a share of the plate."""
    seen = raw.geometry.unpadded(torch.from_numpy(raw.planes)).numpy()
    window, (height, width) = raw.geometry.window, raw.geometry.plate
    share = window.width * window.height / (width * height)
    return [_area(plane) * share for plane in seen]


def _area(plane: FloatArray) -> float:
    return float(np.count_nonzero(plane >= 0.5)) / plane.size


def _confidence(tracks: tuple[FloatArray, ...]) -> float:
    """Of one element, from its plane [H, W] in each track."""
    sure = sum(map(_clearness, tracks)) / len(tracks)
    for one, other in pairwise(tracks):
        sure *= _agreement(one, other)
    return float(sure)


def _clearness(plane: FloatArray) -> float:
    inside = plane >= 0.5
    if not inside.any():
        return 1 - float(plane.max())
    kept = float(plane[inside].sum())
    return kept / (float(inside.sum()) + float(plane[~inside].sum()))


def _agreement(one: FloatArray, other: FloatArray) -> float:
    if max(one.max(), other.max()) < 0.5:
        return 1.0  # both see nothing
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())
