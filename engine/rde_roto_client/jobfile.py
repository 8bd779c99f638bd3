"""Jobs for a hot folder, written as it wants them. docs/hot-folder.md has the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JOB_SCHEMA = "rde-roto.job/1"


def drop(folder: str, name: str, shot: str | dict[str, Any], **said: Any) -> str:
    """Puts a job into a hot folder's inbox; its path there.

    It arrives whole: it is written under a hidden name, then renamed. Raises FileExistsError when
    a job of that name waits there, OSError when the folder cannot be written into.

    Args:
        folder: the hot folder.
        name: the job's, and of its mattes where it says no output.
        shot: the path of a shot document, or a shot as one says it.
        said: `frames`, `preset`, `overrides`, `output`, `priority`.
    """
    inbox = Path(folder) / "inbox"
    path, hidden = inbox / (name + ".json"), inbox / ("." + name + ".tmp")
    job = dict(said, schema=JOB_SCHEMA, shot=shot)
    if path.exists():
        raise FileExistsError(f"a job {name} waits in {inbox}: give this one another name")
    text = json.dumps(job, ensure_ascii=False, indent=2)
    hidden.write_text(text + "\n", encoding="utf-8")
    hidden.rename(path)
    return str(path)
