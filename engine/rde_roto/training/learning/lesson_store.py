"""LessonStore that were held, in a folder: each once, whoever asks, and however many at a time."""

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
from rde_roto.training.learning.prepared_lesson import Budget, LessonResult, PreparedLesson
from rde_roto.values.errors import CancelledError, OutputError

_POLL_S = 0.5


def _ignore() -> None:
    return None


@dataclass(frozen=True, eq=False)
class StoredLesson:
    """What came of a lesson.

    model: what to track with. path: the file of learned weights, None where they were no better.
    card: what is known of them. is_new: whether it was held just now.
    """

    model: Model
    path: Path | None
    card: LearnedCard
    is_new: bool


@dataclass(frozen=True)
class LessonStore:
    """The lessons of a folder: files of learned weights, each beside its card, and in `lessons` the
    card of every lesson under its digest, of those too that brought nothing.

    sleep: waits for so many seconds, while another process holds the same lesson; waits: is reported
    once that it does.
    """

    folder: Path
    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[], None] = _ignore

    def run_once(self, lesson: PreparedLesson, model: Model, budget: Budget) -> StoredLesson:
        """Holds a lesson, or finds what came of it. Nothing is written before its end.

        Args: model, the one that studies.

        Raises as `PreparedLesson.hold` does; WeightsError when what is there is damaged; OutputError.
        """
        digest = lesson.digest(budget)
        folder = self.folder / "lessons"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write what is learned into {folder}: {error}") from error
        reported = False
        while True:
            try:
                with process_lock(folder / f".{digest}.lock"):
                    return self._find(digest, model) or self._store(lesson.run(budget))
            except LockTakenError:
                if budget.cancel() or budget.finish_early():
                    raise CancelledError("learning was cancelled: nothing has changed") from None
                if not reported:
                    self.on_wait()
                reported = True
                self.sleep(_POLL_S)

    def _find(self, digest: str, model: Model) -> StoredLesson | None:
        card = read_learned_card(self._card_of(digest))
        if card is None:
            return None
        if not card.kept:
            return StoredLesson(model, None, card, is_new=False)
        path = self.folder / learned_name(card.sha256)
        if not path.exists():  # somebody has cleared up: it is learned again
            return None
        return StoredLesson(with_learned(model, read_learned(path)), path, card, is_new=False)

    def _store(self, result: LessonResult) -> StoredLesson:
        path = self.folder / learned_name(result.learned.sha256) if result.is_better else None
        cards = [] if path is None else [card_path(path)]
        if result.is_whole:  # last: it says that all else is there
            cards.append(self._card_of(result.card.lesson))
        clear_leftovers([*cards, *([] if path is None else [path])])
        if path is not None:
            result.learned.write(self.folder)
        for target in cards:
            with replacing(target) as temporary:
                temporary.write_text(result.card.to_yaml(), encoding="utf-8")
        return StoredLesson(result.model, path, result.card, is_new=True)

    def _card_of(self, digest: str) -> Path:
        return self.folder / "lessons" / f"{digest}.yaml"
