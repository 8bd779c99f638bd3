"""The memory state: three moments, whatever the length of the shot, but for the growing bank.

Between two keyframes there is a fourth, the other keyframe's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from rde_roto.net import MemoryFrame
from rde_roto.values.bank import Bank
from rde_roto.values.errors import InputError
from rde_roto.values.plate import Window

_BOX = "box"

_HISTORY = "history."
"""What the names of a history's moments begin with; a number of six digits follows."""


@dataclass(frozen=True)
class MemoryState:
    """What the network remembers between two memory frames. Immutable.

    anchor: the keyframe's moment. recurrent: the recurrent dynamic embedding; the anchor itself
    until the first update. latest: the last memory frame's moment; None until the first update.
    history: for the growing bank (STM) alone, every memory frame's moment after the keyframe's, in
    their order, so that its last is ``latest``; empty otherwise, which keeps a state's size.
    far: the moment of the keyframe at the other end of the span; None where there is none.
    box: the part of the plate that is looked at after this state; None for the whole.
    Every moment is key [1, CK, h, w] and value [1, K, CV, h, w], already in the state's dtype, so
    that a saved state and a live one read the same.
    """

    anchor: MemoryFrame
    recurrent: MemoryFrame
    latest: MemoryFrame | None
    history: tuple[MemoryFrame, ...] = ()
    far: MemoryFrame | None = None
    box: Window | None = None

    def to(self, target: torch.device | torch.dtype) -> MemoryState:
        """The same state on another device or in another dtype."""

        def moved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            # only moments: where the box lies is no number to be rounded or moved
            return {n: t if n == _BOX else t.to(target) for n, t in tensors.items()}

        return self.restored(moved(self.anchors()), moved(self.moving()))

    def bank(self, counts: Bank) -> list[MemoryFrame]:
        """The moments to read, each as often as ``counts`` says (reference section 5).

        Before the first update there is no latest moment and the embedding is the anchor itself:
        the anchor is then read once for each of the two that are named, and at least once. With
        top-k the number of copies matters, since each takes a place. The growing bank is the
        anchor and the history behind it.

        Where there are two keyframes they share the anchor's places, the span's own going first:
        a bank that counts the anchor twice holds both, and is no larger.
        """
        if counts.growing:
            return [*self._anchors(1 + (self.far is not None)), *self.history]
        if self.latest is None:
            named = (counts.recurrent > 0) + (counts.anchor > 0 and counts.recurrent > 0)
            if self.far is not None and counts.anchor > 1:
                return [self.anchor, self.far]
            return [self.anchor] * max(1, named)
        return (
            [self.recurrent] * counts.recurrent
            + [self.latest] * counts.latest
            + self._anchors(counts.anchor)
        )

    def _anchors(self, places: int) -> list[MemoryFrame]:
        """The keyframes' moments in so many places."""
        far = self.far or self.anchor
        return [far if place % 2 else self.anchor for place in range(places)]

    @property
    def nbytes(self) -> int:
        """Bytes of all the moments."""
        return sum(t.nbytes for half in (self.anchors(), self.moving()) for t in half.values())

    def anchors(self) -> dict[str, Tensor]:
        """The keyframes' moments by name: what a whole span has in common."""
        return _named({"anchor": self.anchor} | ({"far": self.far} if self.far else {}))

    def moving(self) -> dict[str, Tensor]:
        """By name the box, and the moments that memory frames change, none before the first update.

        The end of a history is ``latest``.
        """
        placed = {} if self.box is None else {_BOX: torch.tensor(astuple(self.box))}
        if self.latest is None:
            return placed
        history = {f"{_HISTORY}{index:06}": frame for index, frame in enumerate(self.history)}
        frames = {"recurrent": self.recurrent} | (history or {"latest": self.latest})
        return _named(frames) | placed

    @classmethod
    def restored(cls, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> MemoryState:
        """The state of these two halves. Raises InputError when they are not those of a state."""
        try:
            kept, frames = _memory_frames(anchors), _memory_frames(moving)
            anchor, far = kept["anchor"], kept.get("far")
            box = Window(*moving[_BOX].tolist()) if _BOX in moving else None
            if not frames:
                return cls(anchor, recurrent=anchor, latest=None, far=far, box=box)
            history = tuple(frames[name] for name in sorted(frames) if name.startswith(_HISTORY))
            latest = history[-1] if history else frames["latest"]
            return cls(anchor, frames["recurrent"], latest, history, far, box)
        except KeyError as error:
            raise InputError(f"this is not a whole memory state: {error} is missing") from error


def _named(frames: Mapping[str, MemoryFrame]) -> dict[str, Tensor]:
    return {
        f"{name}.{field}": tensor
        for name, frame in frames.items()
        for field, tensor in frame._asdict().items()
    }


def _memory_frames(tensors: Mapping[str, Tensor]) -> dict[str, MemoryFrame]:
    names = {name.rpartition(".")[0] for name in tensors if name != _BOX}
    return {name: MemoryFrame(tensors[f"{name}.key"], tensors[f"{name}.value"]) for name in names}
