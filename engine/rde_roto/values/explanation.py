"""The explanation of a tracked matte, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rde_roto.values.matte import FloatArray

SOURCES = ("keyframe", "latest", "embedding", "far")
"""The sources that a frame is read from: the walk's keyframe, its latest memory frame, the
recurrent dynamic embedding and, if there is one, the keyframe at the other end."""


@dataclass(frozen=True, eq=False)
class Reading:
    """How one walk, which started at ``keyframe``, read a frame. All maps are at plate size.

    elements: the names of the K elements that are tracked. far: the keyframe at the other end, if
    there is one. latest: the last memory frame before this frame; None if there was none yet.
    shares: float32 [K, S, H, W] in 0..1, summing to 1 over the first S of ``SOURCES``: 4 between
    two keyframes, else 3.
    embedding, at_keyframe: float32 [3, H, W] RGB: the embedding as it was read, and as it would be
    if nothing had moved since the keyframe. Equal colours mean equal content at any frame of the
    walk. Most values lie in 0..1; content that the keyframe did not have may lie outside.
    """

    keyframe: int
    far: int | None
    latest: int | None
    elements: tuple[str, ...]
    shares: FloatArray
    embedding: FloatArray
    at_keyframe: FloatArray

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the S sources of ``shares``."""
        return SOURCES[: self.shares.shape[1]]


@dataclass(frozen=True, eq=False)
class Explanation:
    """How a frame was read: by one walk, or between two keyframes forwards and backwards."""

    frame: int
    readings: tuple[Reading, ...]


@dataclass(frozen=True, eq=False)
class Drift:
    """How far a walk has drifted from its keyframe, at each of its N memory frames.

    ``frames`` are in walking order. Shares and distance are NaN where an element covers almost
    nothing.

    change: float32 [N, K], the relative change of an element's values in the embedding; NaN at the
    first memory frame, before which there was no embedding.
    shares: float32 [N, K, S], the shares of attention as in ``Reading``, averaged over the element.
    distance: float32 [N, K], 0..2: 1 minus the cosine between the element's mean value in memory
    there and at the keyframe, wherever in the picture it is. 0: the same as drawn; 1: nothing in
    common.
    """

    keyframe: int
    elements: tuple[str, ...]
    frames: tuple[int, ...]
    change: FloatArray
    shares: FloatArray
    distance: FloatArray

    def farthest(self, element: str) -> int | None:
        """Return the frame at which an element is farthest from its keyframe; None if never
        visible.
        """
        distance = self.distance[:, self.elements.index(element)]
        if np.isnan(distance).all():
            return None
        return self.frames[int(np.nanargmax(distance))]
