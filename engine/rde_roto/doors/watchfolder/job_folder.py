"""A job's folder, NAME/: in `job/` what was dropped, and beside it what is told of it.

Any of it may have been put there by somebody else. So names are checked where they are read, links
are no part of it, and only files by which a worker tells of a job are ever removed.
"""

from __future__ import annotations

import json
import re
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rde_roto.documents.job_status import STATUS_SCHEMA, JobStatus
from rde_roto.documents.shot_document import SHOT_SUFFIX
from rde_roto.values.errors import DocumentError
from rde_roto.values.plain_text import plain_name
from rde_roto.values.regular_files import read_regular_text

JOB: Final = "job"
STATUS: Final = "status.json"
OWNER: Final = "owner.json"
REASON: Final = "reason.txt"
REPORT: Final = "report.html"
SHEET: Final = "sheet.png"
_TOLD: Final = (STATUS, OWNER, REASON, REPORT, SHEET)

JOB_SUFFIXES: Final = (".yaml", ".yml", ".json")
MOST_STATUS_BYTES: Final = 1 << 20

_OF_SYSTEMS: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx"})
_TEMPORARY: Final = re.compile(rf"\.(?:{'|'.join(map(re.escape, _TOLD))})\.[0-9a-f]{{8}}\.tmp")
_MOST_NAME_BYTES: Final = 160  # a frame, an element and a temporary ending must fit behind it


@dataclass(frozen=True)
class Claim:
    """A job in `running/`, and what is told of it."""

    folder: Path
    status: JobStatus

    @property
    def dropped(self) -> Path:
        """The document or folder that somebody dropped. Raises DocumentError unless it is one."""
        found = job_inside(self.folder)
        if len(found) != 1:
            names = ", ".join(path.name for path in found[:4]) or "nothing"
            raise DocumentError(f"{JOB}/ holds {names}: expected the one thing that was dropped")
        return found[0]

    def telling(self, **changed: object) -> Claim:
        """The same with another status, not written yet."""
        return replace(self, status=self.status.model_copy(update=changed))

    def write(self) -> None:
        """Puts the status beside the job. Raises OSError, also when the job was moved away."""
        write_whole(self.folder / STATUS, self.status.to_json())


def is_junk(name: str) -> bool:
    """Whether a name is hidden, or one that systems leave in every folder they look into."""
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def is_job_folder(folder: Path) -> bool:
    """Whether a folder is that of a job, rather than something dropped.

    It is even when its status was torn; not when that belongs to another program.
    """
    if not (_is_real(folder, stat.S_ISDIR) and _is_real(folder / JOB, stat.S_ISDIR)):
        return False
    if not _is_real(folder / STATUS, stat.S_ISREG):
        return False
    try:
        said = json.loads(_text(folder / STATUS))
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(said, dict) and said.get("schema") == STATUS_SCHEMA


def status_of(folder: Path) -> JobStatus | None:
    """What is told of a job, by its folder; None where that is none of a job, or cannot be read."""
    if not is_job_folder(folder):
        return None
    try:
        return JobStatus.from_json(_text(folder / STATUS))
    except (OSError, UnicodeDecodeError):
        return None


def job_inside(folder: Path) -> list[Path]:
    """What was dropped, of a job's folder: one thing, unless somebody changed it."""
    try:
        return [path for path in (folder / JOB).iterdir() if not is_junk(path.name)]
    except OSError:
        return []


def name_of(entry: str) -> str:
    """A job's name after what was dropped, fit for a pattern of files."""
    stem = entry.removesuffix(SHOT_SUFFIX)
    stem = re.sub(r"\.(ya?ml|json)$", "", stem, flags=re.IGNORECASE)
    return plain_name(re.sub(r"[#@%:]", "_", stem), _MOST_NAME_BYTES)


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a small file, which is whole at any moment; its folder must be there.

    A link of its name is replaced, never followed. Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            if isinstance(content, str):
                content = content.encode("utf-8", "backslashreplace")
            file.write(content)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def remove_empty(folder: Path) -> bool:
    """Removes a job's folder in which nothing was dropped; whether nothing was.

    Only the files that tell of the job go, and the folders once they are empty.
    """
    try:
        (folder / JOB).rmdir()  # first: who moves a job in now sees that it is too late
    except FileNotFoundError:
        pass
    except OSError:
        return False
    remove_told(folder)
    with suppress(OSError):
        folder.rmdir()
    return True


def remove_told(folder: Path) -> None:
    """Removes what tells of a job, and leaves the job."""
    for name in _TOLD:
        with suppress(OSError):
            (folder / name).unlink()
    remove_left_over(folder)


def remove_left_over(folder: Path) -> None:
    """Removes what a worker that was killed while it wrote left in a job's folder."""
    with suppress(OSError):
        for path in [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]:
            path.unlink()


def is_told(name: str) -> bool:
    """Whether a file of that name in a job's folder is a worker's."""
    return name in _TOLD or bool(_TEMPORARY.fullmatch(name))


def _text(path: Path) -> str:
    return read_regular_text(path, MOST_STATUS_BYTES)


def _is_real(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether a path is of a kind itself, rather than a link to such a thing."""
    try:
        return is_kind(path.lstat().st_mode)
    except OSError:
        return False
