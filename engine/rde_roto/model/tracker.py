"""The interface between a model and a node: all that a node needs of a model.

Any model fits whose memory is a small immutable value: it begins at a keyframe, can be read at any
frame, and is replaced at every memory frame. RDE-VOS (``rde_tracker.RDETracker``) is the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from rde_roto.model.geometry import Geometry
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


class TrackState(Protocol):
    """What a model remembers between two memory frames: immutable and of constant size.

    It is saved as two halves of named tensors, because most of it may stay the same over a span.
    """

    @property
    def box(self) -> Window | None:
        """The part of the plate that the network sees from here on; None for the whole."""

    @property
    def nbytes(self) -> int:
        """The size of all tensors in bytes."""

    def anchors(self) -> Mapping[str, Tensor]:
        """Return the tensors of a span's keyframes: the same for all states of the span."""

    def moving(self) -> Mapping[str, Tensor]:
        """Return the tensors that memory frames change, and the box."""


State = TypeVar("State", bound=TrackState)
Encoded = TypeVar("Encoded")


class Tracker(Protocol[State, Encoded]):
    """A model's four steps. All are pure: the same arguments give the same bits, in any order.

    Pictures are float32 [H, W, 3] RGB, row 0 on top, as a plate gives them.
    """

    @property
    def digest(self) -> str:
        """Hex digest of everything besides the shot that decides a result's bits: weights,
        settings, and the machine's numerics.
        """

    @property
    def device(self) -> torch.device:
        """Where the model runs; mattes are finished there too."""

    @property
    def edges(self) -> LearnedEdges | None:
        """What the model has learned about the shot's edges, for the finish; if anything."""

    def for_plate(
        self, aspect: float, input_transform: InputTransform | None
    ) -> Tracker[State, Encoded]:
        """Return the same model for plates with that pixel aspect (width / height) and input
        transform.

        It sees the pixels un-squeezed. An aspect other than 1 enters its digest; an input transform
        enters the plate's digests.
        """

    def geometry(self, plate: tuple[int, int]) -> Geometry:
        """Return the working size for a plate of (height, width)."""

    def box(self, alpha: FloatArray) -> Window | None:
        """Return the part of the plate to encode at a keyframe; None for the whole.

        Args: alpha, the keyframe's mask, float32 [K, H, W] at plate size.
        """

    def encode(self, pictures: list[FloatArray], box: Window | None = None) -> Encoded:
        """Encode F pictures of one size, or the part of them in ``box``."""

    def begin(self, anchors: Sequence[tuple[Encoded, FloatArray]]) -> State:
        """Make the state at a keyframe.

        Args: anchors, the span's own keyframe and, if the span lies between two, the other one:
            for each its picture, encoded alone, and its alpha, float32 [K, H, W] at plate size.
        """

    def read(self, state: State, frames: Encoded) -> Tensor:
        """Segment frames; returns probabilities [F, K + 1, H, W] at the padded working size,
        channel 0 the background.
        """

    def absorb(self, state: State, frame: Encoded, probabilities: Tensor) -> State:
        """Make the state after a memory frame that was encoded and read alone, [1, K + 1, H, W].

        It is already rounded to what is saved, so that a live state equals a loaded one.
        """

    def restore(self, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> State:
        """Build a saved state from its two halves. Raises InputError if they are not such."""
