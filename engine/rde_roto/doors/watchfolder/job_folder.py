"""A job's folder, NAME/: what was dropped, in `job/`, and the files about it beside that.

Any of it may have been put there by somebody else. So names are checked where they are read, links
are not followed, and only files that workers write are ever removed.
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
_STATUS_FILES: Final = (STATUS, OWNER, REASON, REPORT, SHEET)

JOB_SUFFIXES: Final = (".yaml", ".yml", ".json")
MOST_STATUS_BYTES: Final = 1 << 20

_SYSTEM_FILES: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx"})
_TEMPORARY: Final = re.compile(
    rf"\.(?:{'|'.join(map(re.escape, _STATUS_FILES))})\.[0-9a-f]{{8}}\.tmp"
)
_MOST_NAME_BYTES: Final = 160  # leaves room for an element, a frame number and a temporary suffix


@dataclass(frozen=True)
class Claim:
    """A job in `running/`, and its status."""

    folder: Path
    status: JobStatus

    @property
    def dropped(self) -> Path:
        """The document or folder that somebody dropped. Raises DocumentError unless there is
        exactly one.
        """
        found = job_inside(self.folder)
        if len(found) != 1:
            names = ", ".join(path.name for path in found[:4]) or "nothing"
            raise DocumentError(f"{JOB}/ holds {names}: expected the one thing that was dropped")
        return found[0]

    def with_status(self, **changed: object) -> Claim:
        """Return the same job with a changed status, not written yet."""
        return replace(self, status=self.status.model_copy(update=changed))

    def write(self) -> None:
        """Write the status beside the job. Raises OSError, also when the job was moved away."""
        write_atomically(self.folder / STATUS, self.status.to_json())


def is_junk(name: str) -> bool:
    """Whether a name is hidden, or is one that operating systems leave in folders."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def is_job_folder(folder: Path) -> bool:
    """Whether a folder is a job's folder rather than something dropped.

    A damaged status still counts; a status file of another program does not.
    """
    if not (_is_real(folder, stat.S_ISDIR) and _is_real(folder / JOB, stat.S_ISDIR)):
        return False
    if not _is_real(folder / STATUS, stat.S_ISREG):
        return False
    try:
        document = json.loads(_text(folder / STATUS))
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(document, dict) and document.get("schema") == STATUS_SCHEMA


def status_of(folder: Path) -> JobStatus | None:
    """Return a job's status; None if the folder is not a job's or the status cannot be read."""
    if not is_job_folder(folder):
        return None
    try:
        return JobStatus.from_json(_text(folder / STATUS))
    except (OSError, UnicodeDecodeError):
        return None


def job_inside(folder: Path) -> list[Path]:
    """Return what was dropped into a job's folder: one thing, unless somebody changed it."""
    try:
        return [path for path in (folder / JOB).iterdir() if not is_junk(path.name)]
    except OSError:
        return []


def job_name(entry: str) -> str:
    """Return a job's name, made from what was dropped, fit for a file pattern."""
    stem = entry.removesuffix(SHOT_SUFFIX)
    stem = re.sub(r"\.(ya?ml|json)$", "", stem, flags=re.IGNORECASE)
    return plain_name(re.sub(r"[#@%:]", "_", stem), _MOST_NAME_BYTES)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a small file so that readers never see half of it. Its folder must exist.

    A link of that name is replaced, never followed. Raises OSError.
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
    """Remove a job's folder if it holds no job; whether it held none.

    Only the files that workers write are removed, and the folders once they are empty.
    """
    try:
        (folder / JOB).rmdir()  # first, so that a worker about to move its job in here fails
    except FileNotFoundError:
        pass
    except OSError:
        return False
    remove_status_files(folder)
    with suppress(OSError):
        folder.rmdir()
    return True


def remove_status_files(folder: Path) -> None:
    """Remove the files that workers write about a job, and leave the job."""
    for name in _STATUS_FILES:
        with suppress(OSError):
            (folder / name).unlink()
    remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a worker that was killed while it wrote."""
    with suppress(OSError):
        for path in [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]:
            path.unlink()


def is_status_file(name: str) -> bool:
    """Whether a file of that name in a job's folder is a worker's."""
    return name in _STATUS_FILES or bool(_TEMPORARY.fullmatch(name))


def _text(path: Path) -> str:
    return read_regular_text(path, MOST_STATUS_BYTES)


def _is_real(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether a path itself is of a kind, rather than a link to such a thing."""
    try:
        return is_kind(path.lstat().st_mode)
    except OSError:
        return False
