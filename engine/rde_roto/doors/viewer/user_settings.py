"""What the window remembers from one time to the next, in the user's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from PySide6.QtCore import QSettings

from rde_roto.values.digest import digest_of

_MOST_RECENT = 8


class SnapshotKey(NamedTuple):
    """Where one looked in a shot: the frame, in and out."""

    frame: int
    first: int
    last: int


def recents() -> list[str]:
    """Plates and documents that were opened, the newest first."""
    found = _settings().value("recent", [])
    if isinstance(found, str):  # how Qt writes a list of one
        return [found]
    return [str(one) for one in cast("list[object]", found or [])]


def remember(text: str) -> None:
    """Has a plate or a document among those that were opened."""
    where = str(Path(text).absolute())
    known = [where, *(other for other in recents() if other != where)]
    _settings().setValue("recent", known[:_MOST_RECENT])


def place_in(document: Path) -> SnapshotKey | None:
    """Where one looked in a shot the last time."""
    found = _settings().value(_key(document))
    if not isinstance(found, list) or len(found) != len(SnapshotKey._fields):
        return None
    return SnapshotKey(*(int(str(number)) for number in found))


def keep_place(document: Path, place: SnapshotKey) -> None:
    """Remembers where one looks."""
    _settings().setValue(_key(document), list(place))


def hot_folder() -> str:
    """Where jobs were queued the last time; "" before the first."""
    return str(_settings().value("hot_folder", ""))


def keep_hot_folder(folder: str) -> None:
    """Remembers where jobs are queued."""
    _settings().setValue("hot_folder", folder)


def _settings() -> QSettings:
    return QSettings("rde-roto", "view")


def _key(document: Path) -> str:
    return f"places/{digest_of(str(document))}"
