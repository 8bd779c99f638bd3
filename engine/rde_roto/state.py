"""The memory state: three moments, whatever the length of the shot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from rde_roto.net import Moment
from rde_roto.tensors import save_tensors
from rde_roto.values.errors import InputError
from rde_roto.values.preset import Bank


@dataclass(frozen=True)
class MemoryState:
    """What the network remembers between two memory frames. Immutable.

    anchor: the keyframe's moment. recurrent: the recurrent dynamic embedding; the anchor itself
    until the first update. latest: the last memory frame's moment; None until the first update.
    Every moment is key [1, CK, h, w] and value [1, K, CV, h, w], already in the state's dtype, so
    that a saved state and a live one read the same.
    """

    anchor: Moment
    recurrent: Moment
    latest: Moment | None

    def to(self, target: torch.device | torch.dtype) -> MemoryState:
        """The same state on another device or in another dtype."""

        def moved(moment: Moment) -> Moment:
            return Moment(moment.key.to(target), moment.value.to(target))

        return replace(
            self,
            anchor=moved(self.anchor),
            recurrent=moved(self.recurrent),
            latest=None if self.latest is None else moved(self.latest),
        )

    def bank(self, counts: Bank) -> list[Moment]:
        """The moments to read, each as often as ``counts`` says (reference section 5).

        Before the first update there is no latest moment and the embedding is the anchor itself:
        the anchor is then read once for each of the two that are named, and at least once. With
        top-k the number of copies matters, since each takes a place.
        """
        if self.latest is None:
            named = (counts.recurrent > 0) + (counts.anchor > 0 and counts.recurrent > 0)
            return [self.anchor] * max(1, named)
        return (
            [self.recurrent] * counts.recurrent
            + [self.latest] * counts.latest
            + [self.anchor] * counts.anchor
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all the moments."""
        return sum(t.nbytes for moment in self._moments().values() for t in moment)

    def save(self, path: Path) -> None:
        """Writes the state as safetensors, under its final name only when it is whole."""
        tensors = {
            f"{name}.{field}": tensor
            for name, moment in self._moments().items()
            for field, tensor in moment._asdict().items()
        }
        save_tensors(tensors, path)

    @classmethod
    def load(cls, path: Path) -> MemoryState:
        """Reads a saved state onto the CPU. Raises InputError when the file is not one."""
        try:
            tensors = load_file(path)
            names = {key.partition(".")[0] for key in tensors}
            moments = {
                name: Moment(tensors[f"{name}.key"], tensors[f"{name}.value"]) for name in names
            }
            if names == {"anchor"}:
                return cls(moments["anchor"], recurrent=moments["anchor"], latest=None)
            return cls(moments["anchor"], moments["recurrent"], moments["latest"])
        except (OSError, SafetensorError, KeyError) as error:
            raise InputError(f"{path} is not a whole memory state: {error}") from error

    def _moments(self) -> dict[str, Moment]:
        """The moments that differ: at the keyframe the embedding is the anchor itself."""
        if self.latest is None:
            return {"anchor": self.anchor}
        return {"anchor": self.anchor, "recurrent": self.recurrent, "latest": self.latest}
