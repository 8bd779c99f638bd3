"""Jobs for a hot folder, written as it wants them. docs/hot-folder.md has the format."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

JOB_SCHEMA = "rde-roto.job/1"


def drop(folder: str, name: str, shot: str | dict[str, Any], **said: Any) -> str:
    """Puts a job into a hot folder's inbox; its path there.

    It arrives whole: it is written under a hidden name, then renamed. Raises FileExistsError when
    a job of that name waits there, ValueError for a name that is none, OSError when the folder
    cannot be written into.

    Args:
        folder: the hot folder.
        name: the job's, and of its mattes where it says no output.
        shot: the path of a shot document, or a shot as one says it.
        said: `frames`, `preset`, `overrides`, `output`, `priority`.
    """
    if not name or name != Path(name).name or name.startswith("."):
        raise ValueError(f"{name!r} cannot name a job: expected one visible name, without folders")
    inbox = Path(folder) / "inbox"
    path, hidden = inbox / (name + ".json"), inbox / f".{name[:48]}.{secrets.token_hex(4)}.tmp"
    job = dict(said, schema=JOB_SCHEMA, shot=shot)
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
    """Makes an empty file, which no other can make then, and no worker takes so soon: a rename
    alone would replace a job that somebody drops under this name meanwhile.
    """
    try:
        path.open("x").close()
    except FileExistsError as error:
        sentence = f"a job {path.stem} waits in {path.parent}: give this one another name"
        raise FileExistsError(sentence) from error
