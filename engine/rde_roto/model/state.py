"""The memory state: three memory frames, whatever the length of the shot.

With two keyframes or more there is a fourth one, another keyframe. Only the growing bank (STM)
keeps more.
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

_BOXES = _BOX, _LATEST_BOX = "box", "latest_box"

_HISTORY = "history."
"""The prefix of the names of a history's memory frames; a number of six digits follows."""


@dataclass(frozen=True)
class MemoryState:
    """What the network remembers between two memory frames. Immutable.

    anchor: the keyframe. recurrent: the recurrent dynamic embedding (RDE), which has the form of a
    memory frame; the anchor itself until the first update, and always if the bank does not read it.
    latest: the last memory frame; None until the first update. history: with the growing bank
    (STM), every memory frame after the keyframe, in order, ending with ``latest``; otherwise empty,
    so that the size stays constant. far: the other keyframe of the span (`Span.far`); None if there
    is none. box: the part of the plate that the network sees after this state; None for the whole.
    latest_box: the part that ``latest`` shows.

    Each of them is key [1, CK, h, w] and value [1, K, CV, h, w], already in the state's dtype, so
    that a saved state and a live one give the same bits.
    """

    anchor: MemoryFrame
    recurrent: MemoryFrame
    latest: MemoryFrame | None
    history: tuple[MemoryFrame, ...] = ()
    far: MemoryFrame | None = None
    box: Window | None = None
    latest_box: Window | None = None

    def to(self, target: torch.device | torch.dtype) -> MemoryState:
        """Move the state to another device or dtype."""

        def moved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            # only memory frames: the boxes must not be rounded
            return {n: t if n in _BOXES else t.to(target) for n, t in tensors.items()}

        return self.restored(moved(self.anchors()), moved(self.moving()))

    def bank(self, counts: Bank) -> list[MemoryFrame]:
        """Return the memory frames to read, each as often as ``counts`` says (RDE-VOS, table 5).

        Before the first update there is no latest memory frame and the embedding is the anchor:
        the anchor is then read once for each of the two that ``counts`` names, at least once. With
        top-k the number of copies matters, because each copy takes a slot. The growing bank is the
        anchor followed by the history.

        Two keyframes share the anchor's slots, the span's own first: a bank that counts the anchor
        twice holds both and is no larger.
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

    def _anchors(self, slots: int) -> list[MemoryFrame]:
        """The keyframes, in turn, in so many slots."""
        far = self.far or self.anchor
        return [far if slot % 2 else self.anchor for slot in range(slots)]

    @property
    def nbytes(self) -> int:
        """The size of all tensors in bytes."""
        return sum(t.nbytes for half in (self.anchors(), self.moving()) for t in half.values())

    def anchors(self) -> dict[str, Tensor]:
        """Return the keyframes' tensors by name: what all states of a span have in common."""
        return _named({"anchor": self.anchor} | ({"far": self.far} if self.far else {}))

    def moving(self) -> dict[str, Tensor]:
        """By name the boxes and the tensors that memory frames change, none before the first
        update.

        The last of a history is ``latest``.
        """
        boxes = {_BOX: self.box, _LATEST_BOX: self.latest_box}
        placed = {name: torch.tensor(astuple(box)) for name, box in boxes.items() if box}
        if self.latest is None:
            return placed
        history = {f"{_HISTORY}{index:06}": frame for index, frame in enumerate(self.history)}
        frames = history or {"latest": self.latest}
        if self.recurrent is not self.anchor:
            frames["recurrent"] = self.recurrent
        return _named(frames) | placed

    @classmethod
    def restored(cls, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> MemoryState:
        """Build a state from its two halves. Raises InputError if they are not those of a state."""
        try:
            kept, frames = _memory_frames(anchors), _memory_frames(moving)
            anchor, far = kept["anchor"], kept.get("far")
            box, latest_box = (
                Window(*moving[name].tolist()) if name in moving else None for name in _BOXES
            )
            if not frames:
                return cls(anchor, recurrent=anchor, latest=None, far=far, box=box)
            history = tuple(frames[name] for name in sorted(frames) if name.startswith(_HISTORY))
            latest = history[-1] if history else frames["latest"]
            recurrent = frames.get("recurrent", anchor)
            return cls(anchor, recurrent, latest, history, far, box, latest_box)
        except KeyError as error:
            raise InputError(f"this memory state is incomplete: {error} is missing") from error


def _named(frames: Mapping[str, MemoryFrame]) -> dict[str, Tensor]:
    return {
        f"{name}.{field}": tensor
        for name, frame in frames.items()
        for field, tensor in frame._asdict().items()
    }


def _memory_frames(tensors: Mapping[str, Tensor]) -> dict[str, MemoryFrame]:
    names = {name.rpartition(".")[0] for name in tensors if name not in _BOXES}
    return {name: MemoryFrame(tensors[f"{name}.key"], tensors[f"{name}.value"]) for name in names}
