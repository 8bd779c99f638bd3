"""A shot document that learns: what comes of it lies beside the document, which names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rde_roto.devices import choose_device
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.models import Model, load_model
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.tensors import replacing
from rde_roto.training.learning.studying import Budget, Taught, study
from rde_roto.values.learned_card import card_path


@dataclass(frozen=True, eq=False)
class LearnedShot:
    """What came of learning a shot document: the lesson, and the file that the document now names.

    path is None where the learned weights were no better, and nothing has changed.
    """

    taught: Taught
    path: Path | None


def learn_shot(
    document: str | Path,
    budget: Budget = Budget(),  # noqa: B008  (a frozen value)
    device: str = "auto",
    memo: PlateMemo | None = None,
) -> LearnedShot:
    """Has a document's model study its shot, and names what it has learned in the document.

    Only where that is better on what was held out; else the document stays as it is. Nothing is
    written before the end, and learning again goes on from what is learned already.

    Raises as `ShotFile.open`, `load_model` and `studying.study` do; OutputError when the weights or
    the document cannot be written.
    """
    file = ShotFile.read(Path(document))
    opened = file.open(memo)
    return learn_opened(file, opened, load_model(opened.model), budget, device)


def learn_opened(
    file: ShotFile, opened: OpenedShot, model: Model, budget: Budget, device: str
) -> LearnedShot:
    """The same for a document that is open already, and its model."""
    taught = study(opened.shot, opened.preset, model, choose_device(device), budget)
    if not taught.is_better:
        return LearnedShot(taught, None)
    path = write_taught(taught, file.folder / file.learned_folder)
    # read again: the artist may have gone on working meanwhile
    ShotFile.read(file.path).set_learned(f"{file.learned_folder}/{path.name}")
    return LearnedShot(taught, path)


def write_taught(taught: Taught, folder: Path) -> Path:
    """Writes learned weights and then their card into a folder. Raises OutputError."""
    path = taught.learned.write(folder)
    if not card_path(path).exists():
        with replacing(card_path(path)) as temporary:
            temporary.write_text(taught.card.to_yaml(), encoding="utf-8")
    return path
