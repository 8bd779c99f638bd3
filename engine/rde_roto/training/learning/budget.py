"""The budget of a lesson, and the loop that spends it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

from rde_roto.training.learning.lesson import Lesson
from rde_roto.training.learning.preview import Preview
from rde_roto.training.recipe import Recipe
from rde_roto.values.arguments import number
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import CancelledError, UsageError


@dataclass(frozen=True)
class Progress:
    """The progress of a lesson. steps: taken; share: 0..1 of all; seconds_left: at this pace."""

    steps: int
    share: float
    seconds_left: float


def _ignore(_: Progress) -> None:
    return None


@dataclass(frozen=True)
class Budget:
    """The limits of a lesson, and the callbacks that watch it.

    steps: the most steps to take; default: the recipe's number, or no limit with minutes. minutes:
    time limit, including checks and edges. listen: called after each step. show: called now and
    then with a preview; previews take about a tenth of the time. cancel: returns True to raise
    CancelledError and keep nothing. finish_early: returns True to stop and keep the result if it is
    better. clock: returns seconds. Raises UsageError for a limit that leaves no step.
    """

    steps: int | None = None
    minutes: float | None = None
    listen: Callable[[Progress], None] = _ignore
    show: Callable[[Preview], None] | None = None
    cancel: Cancel = never
    finish_early: Cancel = never
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if self.steps is not None and (not isinstance(self.steps, Integral) or self.steps < 1):
            raise UsageError(f"a lesson takes 1 step or more, a whole number, not {self.steps!r}")
        if self.minutes is not None and not number(self.minutes, "minutes as a number") > 0:
            raise UsageError(f"a lesson takes more than 0 minutes, not {self.minutes:g}")

    @property
    def seconds(self) -> float:
        """The time limit; infinite if there is none."""
        return math.inf if self.minutes is None else 60 * self.minutes

    def check_cancelled(self) -> None:
        """Raise CancelledError if ``cancel`` says so."""
        if self.cancel():
            raise CancelledError("learning was cancelled: nothing has changed")


class StepLoop:
    """Take the steps of a lesson, in parts, until its budget is used up.

    Args: ends, when the steps and their checks have to be done, by the budget's clock.
    """

    def __init__(self, lesson: Lesson, recipe: Recipe, budget: Budget, ends: float) -> None:
        self._lesson, self._budget = lesson, budget
        self._most = budget.steps or (recipe.iterations if budget.minutes is None else None)
        self._ends = ends
        self._spent = 0.0

    def run_until(self, steps: int | None, reserve_s: float) -> bool:
        """Take steps up to a total of ``steps``, or to the limits of the budget.

        Args: reserve_s, the time to leave for the checks that follow. Returns: False if
        ``Budget.finish_early`` stopped it.
        """
        lesson, budget = self._lesson, self._budget
        most = min((n for n in (steps, self._most) if n is not None), default=None)
        now, ends = budget.clock(), self._ends - reserve_s
        while most is None or lesson.steps < most:
            budget.check_cancelled()
            pace = self._spent / lesson.steps if lesson.steps else 0.0
            if lesson.steps and now + pace > ends:
                return True
            if lesson.steps and budget.finish_early():
                return False
            lesson.step()
            now, before = budget.clock(), now
            self._spent += now - before
            budget.listen(self._progress(ends - now))
        return True

    def _progress(self, left: float) -> Progress:
        """Return the progress. Args: left, seconds until the budget's end."""
        steps, passed = self._lesson.steps, self._spent
        if self._most is not None:
            left = min(left, (self._most - steps) * passed / steps)
        left = max(0.0, left)
        return Progress(steps, passed / (passed + left) if passed + left > 0 else 1.0, left)
