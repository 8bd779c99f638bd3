"""The scores of a lesson on held-out material, and the decision how much of its result to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_GAIN = 0.1
"""The share of the missing mean J, 1 - J, that a result has to gain to be kept. It is relative:
where J was 0.93 already, a gain of 0.018 here was worth 0.044 of J&F on the shot (bus, three
keyframes)."""

_HARM = {"clips": 0.01, "cycles": 0.01, "keyframe": 0.08}
"""The loss of J tolerated for each kind of check, about as much as chance causes. A keyframe is one
frame: on dance-jump with three keyframes it lost 0.047 while the shot gained 0.030."""

_DIGITS = 3

_KINDS = {
    "clips": "held-out clips",
    "cycles": "held-out frames",
    "keyframe": "the held-out keyframe",
}
"""The kinds of check, as messages name them."""


@dataclass(frozen=True)
class Scores:
    """Mean J, 0..1, on held-out material.

    clips: synthetic clips. cycles: None if every frame has a matte. keyframe: the held-out truth
    (see `exam`); None if there is none.
    """

    clips: float
    cycles: float | None
    keyframe: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """The scores by kind of check, rounded for display."""
        found = {"clips": self.clips, "cycles": self.cycles, "keyframe": self.keyframe}
        return {kind: round(j, _DIGITS) for kind, j in found.items() if j is not None}

    @property
    def mean_j(self) -> float:
        """The mean of the scores that exist."""
        found = [j for j in (self.clips, self.cycles, self.keyframe) if j is not None]
        return sum(found) / len(found)


def rejection_reason(before: Scores, after: Scores) -> str:
    """Return why learned weights are not kept; empty if they are better on average and no kind of
    check is worse."""
    for kind, old in before.figures.items():
        new = after.figures[kind]
        if is_worse(kind, old, new):
            figures = f"{old:.3f} -> {new:.3f}"
            return f"learning made {_KINDS[kind]} worse ({figures}), so it is not kept"
    old, new = before.mean_j, after.mean_j
    needed = old + _GAIN * (1 - old)
    if new < needed:
        figures = f"{old:.3f} -> {new:.3f}, {needed:.3f} is needed"
        return f"learning did not raise the mean J enough ({figures}), so it is not kept"
    return ""


def best_share(before: Scores, after: Mapping[float, Scores]) -> float:
    """Return the share of a change with the best mean J, the first of equals.

    Shares whose result is not to be kept count only if there is no other. Args: before, the scores
    without the change; after, those with each share of it.
    """

    def quality(share: float) -> tuple[bool, float]:
        return not rejection_reason(before, after[share]), after[share].mean_j

    return max(after, key=quality)


def is_worse(kind: str, before: float | None, after: float | None) -> bool:
    """Return whether a kind of check, if it exists, lost more than chance explains."""
    if before is None or after is None:
        return False
    return round(after, _DIGITS) < round(before, _DIGITS) - _HARM[kind]
