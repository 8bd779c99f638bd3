"""Writes jobs for a hot folder (docs/hot-folder.md has the format)."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

JOB_SCHEMA = "rde-roto.job/1"


def drop(folder: str, name: str, shot: str | dict[str, Any], **settings: Any) -> str:
    """Put a job into the inbox of a hot folder; return its path.

    It is written under a hidden name, then renamed, so a worker never sees half of it. Raises
    FileExistsError if a job of that name waits there, ValueError for an invalid name, OSError if
    the folder cannot be written.

    Args:
        folder: the hot folder.
        name: of the job, and by default of its mattes.
        shot: path of a shot document, or its content.
        settings: `frames`, `preset`, `overrides`, `output`, `priority`.
    """
    if not name or name != Path(name).name or name.startswith("."):
        raise ValueError(f"{name!r} cannot name a job: expected one visible name, without folders")
    inbox = Path(folder) / "inbox"
    path, hidden = inbox / (name + ".json"), inbox / f".{name[:48]}.{secrets.token_hex(4)}.tmp"
    job = dict(settings, schema=JOB_SCHEMA, shot=shot)
    text = json.dumps(job, ensure_ascii=False, indent=2)
    try:
        with hidden.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
        _take_name(path)
        hidden.replace(path)
    except OSError:  # a full disk, for example
        with suppress(OSError):
            hidden.unlink()
        raise
    return str(path)


def _take_name(path: Path) -> None:
    """Create an empty file, which fails if one exists; no worker takes it so soon. A rename alone
    would replace a job that somebody else drops under this name at the same time.
    """
    try:
        path.open("x").close()
    except FileExistsError as error:
        sentence = f"a job {path.stem} waits in {path.parent}: give this one another name"
        raise FileExistsError(sentence) from error
