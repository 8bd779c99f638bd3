"""Learn the shot of a document: the learned weights are stored beside it."""

from __future__ import annotations

from pathlib import Path

from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.model.devices import choose_device
from rde_roto.model.weights import Model, load_model
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.training.learning.budget import Budget
from rde_roto.training.learning.lesson_store import LessonStore, StoredLesson
from rde_roto.training.learning.prepared_lesson import PreparedLesson


def learn_shot(
    document: str | Path,
    budget: Budget = Budget(),  # noqa: B008  (a frozen value)
    device: str = "auto",
    memo: PlateMemo | None = None,
) -> StoredLesson:
    """Train a document's model on its shot, and set the learned weights in the document.

    The document changes only if the result is better on held-out frames. Nothing is written before
    the end. Learning again starts from the weights learned so far; the same lesson never runs
    twice.

    Raises as `ShotFile.open`, `load_model` and `LessonStore.run_once` do, and OutputError before
    the lesson if the document could not be written.
    """
    file = ShotFile.read(Path(document))
    opened = file.open(memo)
    return learn_opened(file, opened, load_model(opened.model), budget, device)


def learn_opened(
    file: ShotFile, opened: OpenedShot, model: Model, budget: Budget, device: str
) -> StoredLesson:
    """Do the same for a document that is already open, with its model."""
    file.check_writable()
    lesson = PreparedLesson(opened.shot, opened.preset, model, choose_device(device))
    stored = LessonStore(file.folder / file.learned_folder).run_once(lesson, model, budget)
    if stored.path is not None:
        # read again: the artist may have changed the document meanwhile
        ShotFile.read(file.path).set_learned(f"{file.learned_folder}/{stored.path.name}")
    return stored
