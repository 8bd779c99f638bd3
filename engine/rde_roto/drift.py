"""How far an element has drifted from what was drawn of it, as the memory sees it.

The distance is 1 minus the cosine between the element's mean value in memory at a frame and at its
keyframe, wherever in the picture it is. 0: the same as drawn; 1: nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import MemoryFrame
from rde_roto.net.network import STRIDE
from rde_roto.node import RotoNode
from rde_roto.propagation.walker import Walker
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.spans import Span

LOST = 0.5
"""A larger distance means that the track was lost: docs/explain.md says how that was measured."""

_LEAST_SEEN = 0.25
"""Memory cells, of 16 by 16 pixels each: an element that covers less counts as not visible."""


@dataclass(frozen=True, eq=False)
class StoredDrift:
    """The distances that are known without a step of the network.

    `distances` has, for each memory frame whose state is stored, the distance by element id, 0..2,
    of the elements that can be seen there. Between two keyframes it is that from the nearer one.
    `measured` has all distances of each state, by its digest, for the next measurement.
    """

    distances: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    measured: Mapping[str, FloatArray] = field(default_factory=dict)


def stored_drift(
    node: RotoNode, frames: FrameRange, before: StoredDrift, cancel: Cancel = never
) -> StoredDrift:
    """Measure the distances at some frames whose mattes are made, from the states in the stores.

    ``before`` is an earlier measurement, of which nothing is measured again. Nothing is known of a
    model other than RDE-VOS. Raises as ``RotoNode.render``.
    """
    walker, distances, measured = node.walker, {}, {}
    for stretch in node.shot.stretches if isinstance(walker.tracker, RDETracker) else ():
        for span in stretch.spans:
            for frame, digest, values in _along(walker, span, frames, before.measured, cancel):
                measured[digest] = values
                named = zip(span.elements, values.tolist(), strict=True)
                seen = {element: value for element, value in named if not np.isnan(value)}
                if span.far is None or span.distance(frame) <= abs(span.far.frame - frame):
                    distances[frame] = seen
    return StoredDrift(distances, measured)


def _along(
    walker: Walker[MemoryState],
    span: Span,
    frames: FrameRange,
    known: Mapping[str, FloatArray],
    cancel: Cancel,
) -> Iterator[tuple[int, str, FloatArray]]:
    """Yield, for each memory frame of a span, its state's digest and the distances [K]."""
    chain, digests = walker.chain, {}
    for at in range(1, span.distance(span.stop) // chain.memory_every + 1):
        if chain.memory_frame(span, at) in frames:
            digests[at] = chain.state(span, at)
    keyframe: Tensor | None = None
    for at, digest in digests.items():
        if digest in known:
            yield chain.memory_frame(span, at), digest, known[digest]
    new = [at for at, digest in digests.items() if digest not in known]
    for at, state in walker.stored_states(span, new):
        walker.check_cancelled(cancel)
        frame = chain.memory_frame(span, at)
        if keyframe is None:
            keyframe = value_drawn(walker, span, state, cancel)
        if state.latest is not None:
            covered = covered_cells(torch.from_numpy(walker.raw(span, frame, cancel).planes))
            yield frame, digests[at], distance(mean_value(state.latest, covered), keyframe)


def value_drawn(
    walker: Walker[MemoryState], span: Span, state: MemoryState, cancel: Cancel
) -> Tensor:
    """Each element's mean value at the keyframe, [K, CV], of which any state of its span knows."""
    mask = walker.mask(span.keyframe, span.elements, cancel)
    there = walker.geometry.within(walker.tracker.box(mask))
    return mean_value(
        state.anchor, covered_cells(there.to_network(torch.from_numpy(mask)[None])[0])
    )


def covered_cells(alpha: Tensor) -> Tensor:
    """The share of each element in each memory cell: [K, H, W] -> [K, h, w], sum 1.

    NaN for an element that covers almost nothing.
    """
    cells = F.avg_pool2d(alpha, STRIDE)
    total = cells.sum(dim=(1, 2), keepdim=True)
    return cells / torch.where(total < _LEAST_SEEN, torch.nan, total)


def mean_value(memory_frame: MemoryFrame, covered: Tensor) -> Tensor:
    """[K, CV]: each element's value, averaged over the element."""
    value = memory_frame.value[0].float()
    return torch.einsum("kchw,khw->kc", value, covered.to(value.device))


def distance(value: Tensor, keyframe: Tensor) -> FloatArray:
    """The distance of each element's mean value from that at its keyframe: [K, CV] twice -> [K]."""
    far: FloatArray = (1 - F.cosine_similarity(value, keyframe, dim=1)).cpu().numpy()
    return far
