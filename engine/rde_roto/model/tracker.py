"""The seam: what a model must do to be a rotoscoping node, and all that a node asks of it.

A model is behind the node when its memory is a small immutable value: begun at a keyframe, read at
any frame, replaced at every memory frame. RDE-VOS (``rde_tracker.RDETracker``) is the first one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from rde_roto.model.geometry import Geometry
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


class TrackState(Protocol):
    """What a model remembers between two memory frames: immutable, of a size that does not grow.

    It is saved in two halves of named tensors, since most of it may stay the same over a span.
    """

    @property
    def box(self) -> Window | None:
        """The part of the plate that is looked at from here on; None for the whole."""

    @property
    def nbytes(self) -> int:
        """Bytes of all its tensors."""

    def anchors(self) -> Mapping[str, Tensor]:
        """What a span's keyframes gave: the same from its beginning to its end."""

    def moving(self) -> Mapping[str, Tensor]:
        """What memory frames have changed since, and the box."""


State = TypeVar("State", bound=TrackState)
Encoded = TypeVar("Encoded")


class Tracker(Protocol[State, Encoded]):
    """A model's four steps, all pure: the same arguments give the same bits, in any order.

    Pictures are float32 [H, W, 3] RGB, row 0 on top, as a plate gives them.
    """

    @property
    def digest(self) -> str:
        """Hex digest of all that decides a result's bits besides the shot: weights, settings,
        and the machine's numerics.
        """

    def for_plate(
        self, aspect: float, input_transform: InputTransform | None
    ) -> Tracker[State, Encoded]:
        """The same model for plates with pixels of that width / height, which it sees un-squeezed,
        and with that look, which it sees them through.

        Where aspect is not 1 it has a digest of its own. A look is named by the plate's digests.
        """

    def geometry(self, plate: tuple[int, int]) -> Geometry:
        """The working size for a plate of (height, width)."""

    def box(self, alpha: FloatArray) -> Window | None:
        """The part of the plate in which a keyframe is looked at; None for the whole.

        Args: alpha, the keyframe's mask, float32 [K, H, W] at plate size.
        """

    def encode(self, pictures: list[FloatArray], box: Window | None = None) -> Encoded:
        """What depends on a part of F pictures alone, all of one size; the whole without a box."""

    def begin(self, anchors: Sequence[tuple[Encoded, FloatArray]]) -> State:
        """The state at a keyframe.

        Args: anchors, the span's own keyframe and, where the span lies between two, the other
            one; each its picture encoded alone and its alpha, float32 [K, H, W] at plate size.
        """

    def read(self, state: State, frames: Encoded) -> Tensor:
        """Probabilities [F, K + 1, H, W] at the padded working size, channel 0 the background."""

    def absorb(self, state: State, frame: Encoded, probabilities: Tensor) -> State:
        """The state after a memory frame, encoded and read alone, [1, K + 1, H, W].

        It is already rounded to what is saved, so that a live state reads as a loaded one.
        """

    def restore(self, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> State:
        """The state whose two halves these are. Raises InputError when they are not."""
