"""Store lessons' results in a folder: each lesson runs once, even if several processes ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rde_roto.atomic import clear_leftovers, replacing, try_folder
from rde_roto.documents.learned_card import LearnedCard, card_path, read_learned_card
from rde_roto.model.learned import learned_name, read_learned
from rde_roto.model.weights import Model, with_learned
from rde_roto.process_lock import LockTakenError, process_lock
from rde_roto.training.learning.budget import Budget
from rde_roto.training.learning.prepared_lesson import LessonResult, PreparedLesson
from rde_roto.values.errors import CancelledError, OutputError

_POLL_S = 0.5


def _ignore() -> None:
    return None


@dataclass(frozen=True, eq=False)
class StoredLesson:
    """The stored result of a lesson.

    model: the model to track with. path: the file of learned weights, None if they were no better.
    card: their history. is_new: whether the lesson ran just now.
    """

    model: Model
    path: Path | None
    card: LearnedCard
    is_new: bool


@dataclass(frozen=True)
class LessonStore:
    """A folder of learned weights, each file with its card beside it.

    The subfolder `lessons` has the card of every lesson under its digest, also of those without a
    gain.

    sleep: called with seconds, while another process runs the same lesson. on_wait: called once
    when that wait begins.
    """

    folder: Path
    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[], None] = _ignore

    def run_once(self, lesson: PreparedLesson, model: Model, budget: Budget) -> StoredLesson:
        """Run a lesson, or return its stored result. Nothing is written before the lesson's end.

        Args: model, the one that the lesson starts from.

        Raises as `PreparedLesson.run` does; WeightsError for a damaged stored result; OutputError.
        """
        digest = lesson.digest(budget)
        folder = self.folder / "lessons"
        try:
            try_folder(folder)
        except OSError as error:
            raise OutputError(f"cannot write learned weights into {folder}: {error}") from error
        with self._alone(folder / f".{digest}.lock", budget):
            return self._find(digest, model) or self._store(lesson.run(budget))

    @contextmanager
    def _alone(self, lock: Path, budget: Budget) -> Iterator[None]:
        """Hold a lesson's lock, and wait as long as another process does."""
        with ExitStack() as held:
            reported = False
            while True:
                try:
                    held.enter_context(process_lock(lock))
                    break
                except LockTakenError:
                    if budget.cancel() or budget.finish_early():
                        raise CancelledError(
                            "learning was cancelled: nothing has changed"
                        ) from None
                except OSError as error:  # of two lessons at once each would have its own result
                    raise OutputError(
                        f"cannot lock {lock}: {error.strerror}; learning needs a folder whose file "
                        "system has locks, so that two processes do not learn one shot at once"
                    ) from error
                if not reported:
                    self.on_wait()
                reported = True
                self.sleep(_POLL_S)
            yield

    def _find(self, digest: str, model: Model) -> StoredLesson | None:
        card = read_learned_card(self._card_of(digest))
        if card is None:
            return None
        if not card.has_file:
            return StoredLesson(model, None, card, is_new=False)
        path = self.folder / learned_name(card.sha256)
        if not path.exists():  # it was deleted: learn again
            return None
        return StoredLesson(with_learned(model, read_learned(path)), path, card, is_new=False)

    def _store(self, result: LessonResult) -> StoredLesson:
        path = self.folder / learned_name(result.learned.sha256) if result.is_better else None
        cards = [] if path is None else [card_path(path)]
        if result.is_whole:  # last: it marks the result as complete
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
