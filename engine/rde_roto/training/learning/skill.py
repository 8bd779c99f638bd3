"""How well a network does on what it has not studied, and whether that is worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

_GAIN = 0.03
"""Mean J that has to be gained on what was held out. Where the model knows the shot already there
is little to gain there, and what is lost elsewhere goes unseen."""

_HARM = 0.01
"""J that one kind of check may lose all the same: no more than the draws decide."""

_DIGITS = 3

_KINDS = {
    "clips": "clips that are not studied",
    "cycles": "frames that are not studied",
    "keyframe": "the held-out keyframe",
}
"""What people are told of a kind of check."""


@dataclass(frozen=True)
class Skill:
    """Mean J, 0..1, on what is not studied.

    clips: in motion. cycles: None without frames that nobody drew. keyframe: the held-out truth
    (see `exam`); None where there is none.
    """

    clips: float
    cycles: float | None
    keyframe: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """By kind of check, rounded as people read them."""
        found = {"clips": self.clips, "cycles": self.cycles, "keyframe": self.keyframe}
        return {kind: round(j, _DIGITS) for kind, j in found.items() if j is not None}

    @property
    def mean(self) -> float:
        """Of all there are."""
        found = [j for j in (self.clips, self.cycles, self.keyframe) if j is not None]
        return sum(found) / len(found)


def objection(before: Skill, after: Skill) -> str:
    """Why learned weights are not kept; empty where they are better on the whole, and at no kind
    of check worse."""
    for kind, old in before.figures.items():
        new = after.figures[kind]
        if has_lost(old, new):
            figures = f"{old:.3f} -> {new:.3f}"
            return f"learning made {_KINDS[kind]} worse ({figures}), so it is not kept"
    if after.mean - before.mean < _GAIN:
        return "the learned weights were no better, so they are not kept"
    return ""


def has_lost(before: float | None, after: float | None) -> bool:
    """Whether one kind of check, where there is one, is worse by more than the draws decide."""
    if before is None or after is None:
        return False
    return round(after, _DIGITS) < round(before, _DIGITS) - _HARM
