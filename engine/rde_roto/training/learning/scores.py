"""How well a network does on what it has not studied, and whether that is worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

_GAIN = 0.03
"""Mean J that has to be gained on what was held out. Where the model knows the shot already there
is little to gain there, and what is lost elsewhere goes unseen."""

_HARM = {"clips": 0.01, "cycles": 0.01, "keyframe": 0.08}
"""J that a kind of check may lose all the same: no more than chance decides. A keyframe is one
frame: on dance-jump with three keyframes it lost 0.047 while the shot gained 0.030."""

_DIGITS = 3

_KINDS = {
    "clips": "held-out clips",
    "cycles": "held-out frames",
    "keyframe": "the held-out keyframe",
}
"""What people are told of a kind of check."""


@dataclass(frozen=True)
class Scores:
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
    def mean_j(self) -> float:
        """Of all there are."""
        found = [j for j in (self.clips, self.cycles, self.keyframe) if j is not None]
        return sum(found) / len(found)


def rejection_reason(before: Scores, after: Scores) -> str:
    """Why learned weights are not kept; empty where they are better on the whole, and at no kind
    of check worse."""
    for kind, old in before.figures.items():
        new = after.figures[kind]
        if is_worse(kind, old, new):
            figures = f"{old:.3f} -> {new:.3f}"
            return f"learning made {_KINDS[kind]} worse ({figures}), so it is not kept"
    if after.mean_j - before.mean_j < _GAIN:
        return "the learned weights were no better, so they are not kept"
    return ""


def is_worse(kind: str, before: float | None, after: float | None) -> bool:
    """Return whether a kind of check, where there is one, is worse by more than chance decides."""
    if before is None or after is None:
        return False
    return round(after, _DIGITS) < round(before, _DIGITS) - _HARM[kind]
