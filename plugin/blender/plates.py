"""Finds the files of a plate for Blender to show and measure. No Blender here.

What a plate is, the engine decides; this is only as much of it as the panel needs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .request import RefusedError

_PLACE = re.compile(r"#+|@+|%0?\d*d")
_NUMBER = re.compile(r"-?\d+(?=\.[^.\d][^.]*$)")
_MOVIES = {".mov", ".mp4", ".m4v", ".mkv", ".avi", ".mxf", ".webm"}


def is_movie(path: str) -> bool:
    return Path(path).suffix.lower() in _MOVIES


def files_of(path: str) -> dict[int, Path]:
    """The files of a sequence by their frame numbers.

    `path` is a pattern (`hero.####.exr`), one of the files, or a folder with one sequence. Raises
    RefusedError if there are none, or if a folder has several sequences.
    """
    folder, name = os.path.split(path)
    place = _last(_PLACE, name) or _last(_NUMBER, name)
    if Path(path).is_dir():
        folder, sequences = path, _sequences(Path(path))
        if len(sequences) > 1:
            names = ", ".join(sorted(f"{head}####{tail}" for head, tail in sequences))
            raise RefusedError(f"{path} holds several sequences: {names}; name one of them")
        ends = next(iter(sequences), None)
    else:
        ends = (name[: place.start()], name[place.end() :]) if place else None
    found = _sequences(Path(folder)).get(ends, {}) if ends else {}
    if not found:
        raise RefusedError(f"the plate is not there: no file is called {path}")
    return dict(sorted(found.items()))


def _last(pattern: re.Pattern[str], name: str) -> re.Match[str] | None:
    found = list(pattern.finditer(name))
    return found[-1] if found else None


def _sequences(folder: Path) -> dict[tuple[str, str], dict[int, Path]]:
    """All sequences of a folder, by the parts of the name before and after the number."""
    found: dict[tuple[str, str], dict[int, Path]] = {}
    try:
        files = list(folder.iterdir())
    except OSError:
        return found
    for file in files:
        number = None if file.name.startswith(".") else _last(_NUMBER, file.name)
        if number:
            ends = file.name[: number.start()], file.name[number.end() :]
            found.setdefault(ends, {})[int(number.group())] = file
    return found
