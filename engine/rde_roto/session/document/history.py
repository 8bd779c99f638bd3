"""Unlimited undo and redo of any immutable value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True)
class Step(Generic[V]):
    """A value, and a label for the change that led to it, such as ``brush stroke``."""

    value: V
    label: str


class History(Generic[V]):
    """All values so far, and the position among them."""

    def __init__(self, value: V) -> None:
        self._steps = [Step(value, "open")]
        self._place = 0

    @property
    def value(self) -> V:
        """The current value."""
        return self._steps[self._place].value

    @property
    def place(self) -> int:
        """How many changes led to the current value."""
        return self._place

    @property
    def undo_label(self) -> str | None:
        """The label of what ``undo`` would revert; None at the beginning."""
        return self._steps[self._place].label if self._place else None

    @property
    def redo_label(self) -> str | None:
        """The label of what ``redo`` would repeat; None if nothing was undone."""
        ahead = self._steps[self._place + 1 : self._place + 2]
        return ahead[0].label if ahead else None

    def led_through(self, value: V) -> bool:
        """Whether a value is the current one, or one that changes have led on from."""
        return any(step.value is value for step in self._steps[: self._place + 1])

    def mapped(self, change: Callable[[V], V]) -> History[V]:
        """Return the history with every value changed, at the same position."""
        other = History(self.value)
        other._steps = [Step(change(step.value), step.label) for step in self._steps]
        other._place = self._place
        return other

    def push(self, value: V, label: str) -> None:
        """Add a value after the current one, and forget those that were undone."""
        del self._steps[self._place + 1 :]
        self._steps.append(Step(value, label))
        self._place += 1

    def undo(self) -> str | None:
        """Go back one step, and return the label of what was undone; None at the beginning."""
        label = self.undo_label
        self._place -= label is not None
        return label

    def redo(self) -> str | None:
        """Go forward one step, and return the label of what was redone; None at the end."""
        label = self.redo_label
        self._place += label is not None
        return label
