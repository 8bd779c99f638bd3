"""A shot document that learns: what comes of it lies beside the document, which names it."""

from __future__ import annotations

from pathlib import Path

from rde_roto.images.plate_memo import PlateMemo
from rde_roto.model.devices import choose_device
from rde_roto.model.weights import Model, load_model
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.training.learning.lesson_store import LessonStore, StoredLesson
from rde_roto.training.learning.prepared_lesson import Budget, PreparedLesson


def learn_shot(
    document: str | Path,
    budget: Budget = Budget(),  # noqa: B008  (a frozen value)
    device: str = "auto",
    memo: PlateMemo | None = None,
) -> StoredLesson:
    """Has a document's model study its shot, and names what it has learned in the document.

    Only where that is better on what was stored out; else the document stays as it is. Nothing is
    written before the end. Learning again goes on from what is learned already; the same lesson is
    never stored twice.

    Raises as `ShotFile.open`, `load_model` and `LessonStore.hold` do.
    """
    file = ShotFile.read(Path(document))
    opened = file.open(memo)
    return learn_opened(file, opened, load_model(opened.model), budget, device)


def learn_opened(
    file: ShotFile, opened: OpenedShot, model: Model, budget: Budget, device: str
) -> StoredLesson:
    """The same for a document that is open already, and its model."""
    lesson = PreparedLesson(opened.shot, opened.preset, model, choose_device(device))
    stored = LessonStore(file.folder / file.learned_folder).run_once(lesson, model, budget)
    if stored.path is not None:
        # read again: the artist may have gone on working meanwhile
        ShotFile.read(file.path).set_learned(f"{file.learned_folder}/{stored.path.name}")
    return stored
