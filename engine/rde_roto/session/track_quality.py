"""What is known of the track's quality, and the list of frames to correct."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rde_roto.advice import Suggestion
from rde_roto.session.document.editor import ShotEditor

_LEAST_RANGE = 0.1
_NEAR_FRAMES = 2
"""Drift is known at memory frames alone, usually every third frame."""


class TrackQuality:
    """The advice on a shot that changes. Used on the editor's thread.

    `suggestions` leaves out at once what was drawn, locked or passed over since the advice, and
    frames whose mattes have changed since.
    """

    def __init__(self, editor: ShotEditor) -> None:
        self._editor = editor
        self._passed: dict[tuple[int, str], str | None] = {}  # the digest of each matte then

    def confidences(self, element: str) -> dict[int, float]:
        """Return how sure an element's track is, 0..1, at the frames where it is known."""
        advice = self._editor.live.advice
        return {} if advice is None else _of_element(advice.confidences, element)

    def areas(self, element: str) -> dict[int, float]:
        """Return the share of the picture that an element covers, at the frames where it is
        known.
        """
        advice = self._editor.live.advice
        return {} if advice is None else _of_element(advice.areas, element)

    def drift(self, element: str) -> dict[int, float]:
        """Return how far an element is from its keyframe, 0..2, at the memory frames where that is
        known (`rde_roto.drift`).
        """
        return _of_element(self._editor.live.drift, element)

    def drift_near(self, element: str, frame: int) -> float | None:
        """Return the drift at the memory frame that is nearest to a frame, if one is near."""
        known = self.drift(element)
        near = min(known, key=lambda at: abs(at - frame), default=frame)
        return known.get(near) if abs(near - frame) <= _NEAR_FRAMES else None

    @property
    def suggestions(self) -> list[Suggestion]:
        """The frames to correct, the most useful first."""
        advice, draft, live = self._editor.live.advice, self._editor.draft, self._editor.live
        ids = [element.id for element in draft.elements]
        return [
            one
            for one in (() if advice is None else advice.ranked)
            if one.element in ids
            and draft.drawn(one.frame, one.element) is None
            and one.element not in draft.locked(one.frame)
            and live.is_as_advised(one.frame)
            and self._passed.get((one.frame, one.element)) != live.digest(one.frame)
        ]

    def next_after(self, frame: int) -> Suggestion | None:
        """Return the suggestion after that for a frame, or else the first; None without any."""
        found = self.suggestions
        frames = [one.frame for one in found]
        place = (frames.index(frame) + 1) % len(found) if frame in frames else 0
        return found[place] if found else None

    def pass_over(self, frame: int) -> None:
        """Take the suggestion for a frame, or else the first, off the list until its matte
        changes.
        """
        found = self.suggestions
        here = next((one for one in found if one.frame == frame), found[0] if found else None)
        if here is not None:
            self._passed[here.frame, here.element] = self._editor.live.digest(here.frame)


def confidence_range(values: Collection[float]) -> tuple[float, float]:
    """Return the lowest and the highest of an element's confidences where it is tracked, at least a
    tenth apart: what is drawn at the bottom and at the top of a curve.
    """
    tracked = [value for value in values if value < 1]  # drawn and locked frames have 1
    high = max(tracked, default=1.0)
    return min(min(tracked, default=1.0), high - _LEAST_RANGE), high


def _of_element(values: Mapping[int, Mapping[str, float]], element: str) -> dict[int, float]:
    return {frame: by[element] for frame, by in values.items() if element in by}
