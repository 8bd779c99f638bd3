"""Undo and redo without end, of any immutable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True)
class Step(Generic[V]):
    """A value, and what was done to come to it, in words: ``brush stroke``."""

    value: V
    label: str


class History(Generic[V]):
    """All values that there were, and where one is among them."""

    def __init__(self, value: V) -> None:
        self._steps = [Step(value, "open")]
        self._place = 0

    @property
    def value(self) -> V:
        """The one that counts now."""
        return self._steps[self._place].value

    @property
    def undo_label(self) -> str | None:
        """What ``undo`` would take back; None at the beginning."""
        return self._steps[self._place].label if self._place else None

    @property
    def redo_label(self) -> str | None:
        """What ``redo`` would do again; None where nothing was taken back."""
        ahead = self._steps[self._place + 1 : self._place + 2]
        return ahead[0].label if ahead else None

    def do(self, value: V, label: str) -> None:
        """Goes on to another value; what was taken back before is forgotten."""
        del self._steps[self._place + 1 :]
        self._steps.append(Step(value, label))
        self._place += 1

    def undo(self) -> str | None:
        """Back one step; what was taken back, None at the beginning."""
        label = self.undo_label
        self._place -= label is not None
        return label

    def redo(self) -> str | None:
        """Forward again; what was done, None at the end."""
        label = self.redo_label
        self._place += label is not None
        return label
