"""Which keyframes the model has not learned from yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np

from rde_roto.documents.learned_card import card_path, read_learned_card, truth_digest
from rde_roto.session.document.draft import Draft
from rde_roto.session.session import Session
from rde_roto.values.errors import WeightsError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.plain_text import counted
from rde_roto.values.shot import Shot


class UnlearnedKeyframes:
    """Find the keyframes that the last lesson did not have: new ones, and those changed since."""

    def __init__(self) -> None:
        self._studied: dict[Path, Mapping[int, str]] = {}
        self._truths: WeakKeyDictionary[Keyframe, tuple[tuple[str, ...], str]] = WeakKeyDictionary()

    def of(self, session: Session) -> tuple[int, ...]:
        """Return those keyframes of a session, as far as its shot is known by now."""
        draft, live = session.draft, session.live
        node = live.node if live.is_settled else None  # its plate's digests are known then
        studied = {} if draft.learned is None else self._card(draft.learned)
        return tuple(
            frame
            for frame in draft.whole
            if frame not in studied
            or (node and not draft.locked(frame) and self._differs(node.shot, frame, studied))
        )

    def _card(self, learned: Path) -> Mapping[int, str]:
        """Return what a lesson learned from. The files of lessons never change."""
        if learned not in self._studied:
            try:
                card = read_learned_card(card_path(learned))
            except WeightsError:
                card = None
            self._studied[learned] = {} if card is None else card.studied
        return self._studied[learned]

    def _differs(self, shot: Shot, frame: int, studied: Mapping[int, str]) -> bool:
        keyframe = shot.keyframe_at(frame)
        if keyframe is None:
            return False  # the node does not have this keyframe yet
        if keyframe not in self._truths or self._truths[keyframe][0] != shot.ids:
            alpha = np.zeros((len(shot.ids), *keyframe.alpha.shape[1:]), np.float32)
            alpha[list(shot.plane_indices(shot.drawn_elements(keyframe)))] = keyframe.alpha
            digest = truth_digest(shot.plate.digest(frame), alpha)
            self._truths[keyframe] = shot.ids, digest
        return self._truths[keyframe][1] != studied[frame]


def learn_label(draft: Draft, new: Sequence[int]) -> str:
    """Return the text of the panel's button, given the keyframes that are new since the last
    lesson.
    """
    if draft.learned is None:
        return "Learn the shot…"
    if not new:
        return "Learned"
    return f"Learn again: {f'frame {new[0]}' if len(new) == 1 else counted(len(new), 'frame')}"
