"""Lessons that were held, in a folder: each once, whoever asks, and however many at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rde_roto.atomic import clear_leftovers, replacing
from rde_roto.documents.learned_card import LearnedCard, card_path, read_learned_card
from rde_roto.model.learned import learned_name, read_learned
from rde_roto.model.weights import Model, with_learned
from rde_roto.process_lock import LockTakenError, process_lock
from rde_roto.training.learning.studying import Budget, Study, Taught
from rde_roto.values.errors import CancelledError, OutputError

_POLL_S = 0.5


def _nobody() -> None:
    return None


@dataclass(frozen=True, eq=False)
class Held:
    """What came of a lesson.

    model: what to track with. path: the file of learned weights, None where they were no better.
    card: what is known of them. is_new: whether it was held just now.
    """

    model: Model
    path: Path | None
    card: LearnedCard
    is_new: bool


@dataclass(frozen=True)
class Lessons:
    """The lessons of a folder: files of learned weights, each beside its card, and in `lessons` the
    card of every lesson under its digest, of those too that brought nothing.

    sleep: waits for so many seconds, while another process holds the same lesson; waits: is told
    once that it does.
    """

    folder: Path
    sleep: Callable[[float], None] = time.sleep
    waits: Callable[[], None] = _nobody

    def hold(self, study: Study, model: Model, budget: Budget) -> Held:
        """Holds a lesson, or finds what came of it. Nothing is written before its end.

        Args: model, the one that studies.

        Raises as `Study.hold` does; WeightsError when what is there is damaged; OutputError.
        """
        digest = study.digest(budget)
        folder = self.folder / "lessons"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write what is learned into {folder}: {error}") from error
        told = False
        while True:
            try:
                with process_lock(folder / f".{digest}.lock"):
                    return self._known(digest, model) or self._held(study.hold(budget))
            except LockTakenError:
                if budget.cancel() or budget.enough():
                    raise CancelledError("learning was cancelled: nothing has changed") from None
                if not told:
                    self.waits()
                told = True
                self.sleep(_POLL_S)

    def _known(self, digest: str, model: Model) -> Held | None:
        card = read_learned_card(self._card_of(digest))
        if card is None:
            return None
        if not card.kept:
            return Held(model, None, card, is_new=False)
        path = self.folder / learned_name(card.sha256)
        if not path.exists():  # somebody has cleared up: it is learned again
            return None
        return Held(with_learned(model, read_learned(path)), path, card, is_new=False)

    def _held(self, taught: Taught) -> Held:
        path = self.folder / learned_name(taught.learned.sha256) if taught.is_better else None
        cards = [] if path is None else [card_path(path)]
        if taught.is_whole:  # last: it says that all else is there
            cards.append(self._card_of(taught.card.lesson))
        clear_leftovers([*cards, *([] if path is None else [path])])
        if path is not None:
            taught.learned.write(self.folder)
        for target in cards:
            with replacing(target) as temporary:
                temporary.write_text(taught.card.to_yaml(), encoding="utf-8")
        return Held(taught.model, path, taught.card, is_new=True)

    def _card_of(self, digest: str) -> Path:
        return self.folder / "lessons" / f"{digest}.yaml"
