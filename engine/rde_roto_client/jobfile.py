"""Jobs for a hot folder, written as it wants them. docs/hot-folder.md has the format."""

from __future__ import annotations

import json
import os
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
    inbox = os.path.join(folder, "inbox")
    path, hidden = os.path.join(inbox, name + ".json"), os.path.join(inbox, "." + name + ".tmp")
    job = dict(said, schema=JOB_SCHEMA, shot=shot)
    if os.path.exists(path):
        raise FileExistsError(f"a job {name} waits in {inbox}: give this one another name")
    with open(hidden, "w", encoding="utf-8") as file:
        json.dump(job, file, ensure_ascii=False, indent=2)
    os.rename(hidden, path)
    return path
