"""Why a matte looks as it does: what was read from memory, what is in it, how far it has drifted.

A frame is read by attention over three memory frames: the keyframe, the latest memory frame and the
recurrent dynamic embedding. No network lies in between, so the share of each source at a pixel is
exact. The content of the embedding is shown as three colours, its directions of largest variance.
Drift is how much an element has changed since its keyframe, along the walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.drift import covered_cells, distance, mean_value, value_drawn
from rde_roto.model.geometry import Geometry
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import MemoryFrame
from rde_roto.net.network import STRIDE
from rde_roto.node import RotoNode
from rde_roto.propagation.digests import DigestChain
from rde_roto.propagation.walker import Walker
from rde_roto.values.arguments import require
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import UsageError
from rde_roto.values.explanation import Drift, Explanation, Reading
from rde_roto.values.matte import FloatArray
from rde_roto.values.spans import Span

_TINY = 1e-12

_REACH = 2.5
"""Standard deviations either side of the mean that the colours of an embedding span."""


def explain(node: RotoNode, frame: int, cancel: Cancel = never) -> Explanation:
    """Explain how a frame is read, for every keyframe that reaches it.

    Costs the matte's steps. Where the bank reads no embedding, rendering makes none: the walk is
    then made once more with it, and its states are stored beside those of the mattes.

    All elements share one attention map, so an element's share weights each memory cell by the norm
    of the element's value there (see ``net.attention_shares``). That needs no mask, which the
    embedding does not have.

    Raises UsageError for a keyframe, a frame out of range, the growing bank and a model other than
    RDE-VOS; InputError when a plate frame cannot be read; CancelledError between two steps.
    """
    return Explanation(frame, tuple(walk.reading(frame) for walk in _walks(node, frame, cancel)))


def drifts(node: RotoNode, frame: int, cancel: Cancel = never) -> tuple[Drift, ...]:
    """Measure how each walk that reaches a frame drifts, over its whole span.

    Visits all memory frames of the span; uses stored states and stores new ones. Raises as
    ``explain``.
    """
    return tuple(walk.drift() for walk in _walks(node, frame, cancel))


def _walks(node: RotoNode, frame: int, cancel: Cancel) -> Iterator[_Walk]:
    require(node, RotoNode, "a RotoNode")
    tracker = node.walker.tracker
    if not isinstance(tracker, RDETracker):
        raise UsageError(
            "expected an RDE-VOS model, whose memory holds a keyframe, a latest frame and an "
            f"embedding: {type(tracker).__name__} cannot be explained"
        )
    if tracker.tracking.bank.growing:
        raise UsageError(
            "tracking.bank=STM reads no embedding: explain another bank, such as 2F+L+RDE"
        )
    node.digest(frame)  # raises for a frame out of range
    if node.shot.keyframe_at(frame) is not None:
        raise UsageError(
            f"frame {frame} is a keyframe, its matte is as drawn: choose a frame that is tracked"
        )
    tracker = tracker.with_embedding()
    walker = node.walker
    if tracker is not walker.tracker:
        chain = DigestChain(node.shot, node.preset, tracker.digest, node.chain.plates)
        every = node.preset.running.snapshot_every
        walker = Walker(chain, tracker, node.stores, walker.pictures, every)
    for span in node.shot.stretch_at(frame).spans:
        yield _Walk(walker, tracker, span, cancel)


@dataclass(frozen=True, eq=False)
class _Walk:
    """One span of a shot, with the walker and the tracker that process it."""

    walker: Walker[MemoryState]
    tracker: RDETracker
    span: Span
    cancel: Cancel

    def reading(self, frame: int) -> Reading:
        chain, plate = self.walker.chain, self.walker.shot.plate
        index = chain.index(self.span, frame)
        (state,) = self.walker.states(self.span, range(index, index + 1), self.cancel)
        start = self.tracker.as_embedding(state.anchor)
        axes = _Axes.of(start)
        # before the first update the embedding is still the keyframe's memory frame
        seen = start if state.latest is None else state.recurrent
        there = self.walker.raw(self.span, frame, self.cancel).geometry
        key = self.tracker.encode([plate.read(frame)], there.box).frames.key
        return Reading(
            keyframe=self.span.keyframe.frame,
            far=None if self.span.far is None else self.span.far.frame,
            latest=self._latest(index),
            elements=self._names,
            shares=_at_plate(self.tracker.shares(state, key, there), there),
            embedding=_at_plate(axes.colours(seen)[None], there)[0],
            at_keyframe=_at_plate(axes.colours(start)[None], self._at_keyframe(self._mask()))[0],
        )

    def drift(self) -> Drift:
        chain, span = self.walker.chain, self.span
        last = span.distance(span.stop) // chain.memory_every
        states = self.walker.states(span, range(last + 1), self.cancel)
        before = next(states)
        keyframe = value_drawn(self.walker, span, before, self.cancel)
        points: dict[int, _Point] = {}
        for index, state in enumerate(states, start=1):
            frame = chain.memory_frame(span, index)
            if frame in self.walker.shot.plate.range:
                points[frame] = self._point(frame, before, state, keyframe)
            before = state
        change, shares, far = zip(*points.values(), strict=True) if points else ((), (), ())
        sizes = len(points), len(span.elements)
        return Drift(
            keyframe=span.keyframe.frame,
            elements=self._names,
            frames=tuple(points),
            change=np.array(change, np.float32).reshape(sizes),
            shares=np.array(shares, np.float32).reshape(*sizes, 4 if span.far else 3),
            distance=np.array(far, np.float32).reshape(sizes),
        )

    def _point(
        self, frame: int, before: MemoryState, after: MemoryState, keyframe: Tensor
    ) -> _Point:
        """The figures of the memory frame that was absorbed between two states."""
        assert after.latest is not None
        raw = self.walker.raw(self.span, frame, self.cancel)
        covered = covered_cells(torch.from_numpy(raw.planes))
        # the frame's key is in memory already: no need to encode the picture again
        shares = self.tracker.shares(before, after.latest.key.float(), raw.geometry)
        mean_shares = torch.einsum("kshw,khw->ks", shares, covered.to(shares.device))
        far = distance(mean_value(after.latest, covered), keyframe)
        return _Point(_change(before, after), mean_shares.cpu().numpy(), far)

    def _latest(self, index: int) -> int | None:
        """The newest of the first ``index`` memory frames that the plate has."""
        passed = (self.walker.chain.memory_frame(self.span, i) for i in range(index, 0, -1))
        return next((frame for frame in passed if frame in self.walker.shot.plate.range), None)

    @property
    def _names(self) -> tuple[str, ...]:
        shot = self.walker.shot
        return tuple(shot.names[index] for index in shot.plane_indices(self.span.elements))

    def _mask(self) -> FloatArray:
        return self.walker.mask(self.span.keyframe, self.span.elements, self.cancel)

    def _at_keyframe(self, mask: FloatArray) -> Geometry:
        return self.walker.geometry.within(self.tracker.box(mask))


class _Point(NamedTuple):
    """One memory frame of a ``Drift``: [K], [K, S] and [K]."""

    change: FloatArray
    shares: FloatArray
    distance: FloatArray


@dataclass(frozen=True, eq=False)
class _Axes:
    """The three directions in which a keyframe's embedding varies most, used for a whole walk.

    They are the principal components, over the picture, of all elements' value channels; keys are
    left out because they only locate content. They depend on the keyframe alone, and the sign makes
    the largest entry positive, so a colour means the same at every frame and in every run.

    mean: [C, 1], of the channels. directions: [3, C]. deviation: [3, 1], along the directions.
    """

    mean: Tensor
    directions: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, embedding: MemoryFrame) -> _Axes:
        channels = _channels(embedding)
        mean = channels.mean(dim=1, keepdim=True)
        found, lengths, _ = torch.linalg.svd(channels - mean, full_matrices=False)
        directions = found[:, :3].T
        largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
        deviation = lengths[:3, None] / channels.shape[1] ** 0.5
        return cls(mean, directions * largest.sign(), deviation.clamp(min=_TINY))

    def colours(self, embedding: MemoryFrame) -> Tensor:
        """[3, h, w] float32; 0..1 is ``_REACH`` standard deviations either side of the mean."""
        along = self.directions @ (_channels(embedding) - self.mean) / self.deviation
        colours: Tensor = (0.5 + along / (2 * _REACH)).float()
        return colours.view(3, *embedding.value.shape[3:])


def _at_plate(places: Tensor, geometry: Geometry) -> FloatArray:
    """[N, C, h, w] memory cells -> [N, C, H, W] at plate size."""
    planes = F.interpolate(places, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    at_plate: FloatArray = geometry.to_plate(planes).cpu().numpy()
    return at_plate


def _channels(embedding: MemoryFrame) -> Tensor:
    """All elements' values, [K * CV, cells], float64 on the CPU."""
    return embedding.value[0].double().cpu().flatten(0, 1).flatten(1)


def _change(before: MemoryState, after: MemoryState) -> FloatArray:
    """The relative change of the embedding, [K]; NaN for the first one."""
    old, new = (state.recurrent.value[0].float().flatten(1) for state in (before, after))
    change: FloatArray = ((new - old).norm(dim=1) / old.norm(dim=1).clamp(min=_TINY)).cpu().numpy()
    return np.full_like(change, np.nan) if before.latest is None else change
