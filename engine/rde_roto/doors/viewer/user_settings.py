"""What the window remembers between runs, in the user's settings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from PySide6.QtCore import QSettings

from rde_roto.values.digest import digest_of

_MOST_RECENT = 8


class ShotPosition(NamedTuple):
    """The position in a shot: frame, in and out. None is an end of the shot, which may become
    longer.
    """

    frame: int
    first: int | None
    last: int | None


def recently_opened() -> list[str]:
    """Return the plates and documents that were opened, newest first."""
    found = _settings().value("recent", [])
    if isinstance(found, str):  # how Qt writes a list of one
        return [found]
    return [str(one) for one in cast("list[object]", found or [])]


def remember_opened(text: str) -> None:
    """Add a plate or a document to those that were opened."""
    where = str(Path(text).absolute())
    known = [where, *(other for other in recently_opened() if other != where)]
    _settings().setValue("recent", known[:_MOST_RECENT])


def last_folder() -> str:
    """Return the folder around what was opened last; "" if there is nothing."""
    recent = recently_opened()
    return str(Path(recent[0]).parent) if recent else ""


def position_in(document: Path) -> ShotPosition | None:
    """Return the position at which a shot was left; None if there is none."""
    found = _settings().value(_key(document))
    if not isinstance(found, list) or len(found) != len(ShotPosition._fields):
        return None
    frame, *bounds = (int(str(text)) if str(text) else None for text in found)
    return None if frame is None else ShotPosition(frame, *bounds)


def remember_position(document: Path, place: ShotPosition) -> None:
    """Remember the position in a shot."""
    _settings().setValue(_key(document), ["" if one is None else str(one) for one in place])


def hot_folder() -> str:
    """Return the hot folder that jobs were last queued in; "" if there is none."""
    return str(_settings().value("hot_folder", ""))


def remember_hot_folder(folder: str) -> None:
    """Remember the hot folder that jobs are queued in."""
    _settings().setValue("hot_folder", folder)


class LastExport(NamedTuple):
    """Where and how mattes were exported last: names of `values.preset.Output`, and a file suffix
    such as `.exr`.
    """

    folder: str
    suffix: str
    format: str
    compression: str
    data_window: str


def last_export() -> LastExport | None:
    """Return where and how mattes were exported last; None if they never were."""
    found = _settings().value("export")
    if not isinstance(found, list) or len(found) != len(LastExport._fields):
        return None
    return LastExport(*map(str, found))


def remember_export(export: LastExport) -> None:
    """Remember where and how mattes were exported."""
    _settings().setValue("export", list(export))


def _settings() -> QSettings:
    return QSettings("rde-roto", "view")


def _key(document: Path) -> str:
    return f"places/{digest_of(str(document))}"
