"""The memory state: three moments, whatever the length of the shot, but for the growing bank."""

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

_HISTORY = "history."
"""What the names of a history's moments begin with; a number of six digits follows."""


@dataclass(frozen=True)
class MemoryState:
    """What the network remembers between two memory frames. Immutable.

    anchor: the keyframe's moment. recurrent: the recurrent dynamic embedding; the anchor itself
    until the first update. latest: the last memory frame's moment; None until the first update.
    history: for the growing bank (STM) alone, every memory frame's moment after the keyframe's, in
    their order, so that its last is ``latest``; empty otherwise, which keeps a state's size.
    Every moment is key [1, CK, h, w] and value [1, K, CV, h, w], already in the state's dtype, so
    that a saved state and a live one read the same.
    """

    anchor: Moment
    recurrent: Moment
    latest: Moment | None
    history: tuple[Moment, ...] = ()

    def to(self, target: torch.device | torch.dtype) -> MemoryState:
        """The same state on another device or in another dtype."""

        def moved(moment: Moment) -> Moment:
            return Moment(moment.key.to(target), moment.value.to(target))

        return replace(
            self,
            anchor=moved(self.anchor),
            recurrent=moved(self.recurrent),
            latest=None if self.latest is None else moved(self.latest),
            history=tuple(map(moved, self.history)),
        )

    def bank(self, counts: Bank) -> list[Moment]:
        """The moments to read, each as often as ``counts`` says (reference section 5).

        Before the first update there is no latest moment and the embedding is the anchor itself:
        the anchor is then read once for each of the two that are named, and at least once. With
        top-k the number of copies matters, since each takes a place. The growing bank is the
        anchor and the history behind it.
        """
        if counts.growing:
            return [self.anchor, *self.history]
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
            names = {key.rpartition(".")[0] for key in tensors}
            moments = {
                name: Moment(tensors[f"{name}.key"], tensors[f"{name}.value"]) for name in names
            }
            if names == {"anchor"}:
                return cls(moments["anchor"], recurrent=moments["anchor"], latest=None)
            history = tuple(moments[name] for name in sorted(names) if name.startswith(_HISTORY))
            latest = history[-1] if history else moments["latest"]
            return cls(moments["anchor"], moments["recurrent"], latest, history)
        except (OSError, SafetensorError, KeyError) as error:
            raise InputError(f"{path} is not a whole memory state: {error}") from error

    def _moments(self) -> dict[str, Moment]:
        """The moments that differ, by the names they are saved under.

        At the keyframe the embedding is the anchor itself, and the end of a history is ``latest``.
        """
        if self.latest is None:
            return {"anchor": self.anchor}
        history = {f"{_HISTORY}{index:06}": moment for index, moment in enumerate(self.history)}
        return {
            "anchor": self.anchor,
            "recurrent": self.recurrent,
            **(history or {"latest": self.latest}),
        }
