"""The folder of jobs. Where a file lies is the only state there is, and every change is a rename.

    inbox/      what people drop: a job document, or a folder with a plate and its masks
    running/    NAME/ for each job that a worker has claimed
    done/  failed/  cancelled/      the same NAME/, afterwards
    mattes/     NAME/, unless the job or `defaults.yaml` names another place

A job's folder NAME/ holds what was dropped, in `job/`; `status.json`; `owner.json` while it runs;
`report.html` and `sheet.png` afterwards; `reason.txt` if it failed. If you put it back into the
inbox, it runs again and keeps the mattes that are done.

A rename has one winner, also among machines that share the folder. A folder is never renamed over
another one, so nothing is ever overwritten. Things in `running/` that no worker put there are left
alone.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final, Literal, TypeAlias

from rde_roto.documents.job_status import JobStatus
from rde_roto.doors.watchfolder.job_folder import (
    JOB,
    OWNER,
    REASON,
    STATUS,
    Claim,
    is_job_folder,
    is_junk,
    is_status_file,
    job_inside,
    job_name,
    remove_empty,
    remove_leftovers,
    status_of,
    write_atomically,
)
from rde_roto.doors.watchfolder.owners import Owner
from rde_roto.values.errors import UsageError
from rde_roto.values.plain_text import is_plain_name, is_utf_8
from rde_roto.values.regular_files import read_regular_text

DEFAULTS: Final = "defaults.yaml"
DIGESTS: Final = ".digests"

_CLAIMING: Final = re.compile(r"\.\w+\.\d+")  # a worker's id and heartbeat number
_MOST_DIGEST_BYTES: Final = 1 << 10

End: TypeAlias = Literal["done", "failed", "cancelled"]


@dataclass(frozen=True)
class HotFolder:
    """A hot folder at `root`, a path without links."""

    root: Path

    @staticmethod
    def create(path: Path) -> HotFolder:
        """Return the hot folder at a path, and create its folders if missing.

        Raises UsageError when that cannot be done.
        """
        try:
            folder = HotFolder(path.resolve())
            if not is_utf_8(folder.root):
                raise UsageError(f"{path} cannot be a hot folder: its name is not UTF-8")
            for place in folder.places:
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be a hot folder: {error.strerror}") from error
        return folder

    @property
    def inbox(self) -> Path:
        """Where people drop jobs."""
        return self.root / "inbox"

    @property
    def running(self) -> Path:
        """Where claimed jobs lie."""
        return self.root / "running"

    def list_running(self) -> tuple[list[Path], list[Path]]:
        """Split `running/` into folders that workers put there and everything else. Raises
        OSError.
        """
        ours: list[Path] = []
        others: list[Path] = []
        for path in self.running.iterdir():
            if _is_ours(path):
                ours.append(path)
            elif not is_junk(path.name):
                others.append(path)
        return ours, others

    @property
    def ends(self) -> tuple[Path, ...]:
        """Where finished jobs lie."""
        return self.root / "done", self.root / "failed", self.root / "cancelled"

    @property
    def places(self) -> tuple[Path, ...]:
        """Where jobs lie. Everything in them is moved or counts as a job."""
        return self.inbox, self.running, *self.ends

    def claim(self, entry: str, owner: Owner) -> Claim | None:
        """Claim an entry of the inbox for this worker; None if another worker was faster.

        Raises OSError when the folder cannot be changed, for example because it is read-only.
        """
        source = self.inbox / entry
        came_back = is_job_folder(source)
        status = status_of(source) or JobStatus(name=job_name(entry), state="waiting")
        status = status.model_copy(
            update={"state": "running", "tries": status.tries + 1, "worker": owner.label}
        )
        # first under a hidden name of this worker's own, which nobody else touches; if the
        # worker dies here, the job goes back to the inbox as any other
        claim = Claim(self.running / f".{owner.worker}.{owner.beat}", status)
        try:
            if came_back:
                source.rename(claim.folder)
                remove_leftovers(claim.folder)
                with suppress(OSError):
                    (claim.folder / REASON).unlink()
            else:
                (claim.folder / JOB).mkdir(parents=True)
                claim.write()
            owner.write(claim.folder)
            if not came_back:
                source.rename(claim.folder / JOB / entry)
        except FileNotFoundError:
            remove_empty(claim.folder)
            return None
        except OSError:
            self.give_back(claim.folder)
            raise
        try:
            return self._give_unique_name(claim, came_back)
        except OSError:  # a full disk: do not leave the job with a worker that has no claim
            self.give_back(claim.folder)
            raise

    def _give_unique_name(self, claim: Claim, came_back: bool) -> Claim:
        """Move the claim to a name that no other job has, in any place."""
        for name in names_from(claim.status.name):
            may_have = came_back and name == claim.status.name
            if not may_have and self.has_job(name):
                continue
            named = Claim(self.running / name, claim.status.model_copy(update={"name": name}))
            write_atomically(claim.folder / STATUS, named.status.to_json())
            if not _try_rename(claim.folder, named.folder):
                continue
            # a job of that name may have ended while this one was moved: check again
            if may_have or not any((end / name).exists() for end in self.ends):
                return named
            named.folder.rename(claim.folder)
        raise AssertionError("names never end")

    def has_job(self, name: str) -> bool:
        """Return whether there is a job of that name, in any place."""
        taken = any((place / name).exists() for place in (self.running, *self.ends))
        return taken or status_of(self.inbox / name) is not None

    def release(self, claim: Claim) -> None:
        """Put a job back that this worker does not finish, although nothing is wrong with it."""
        back = claim.with_status(state="waiting", tries=claim.status.tries - 1, worker=None)
        with suppress(OSError):  # a full disk: the try counts then
            back.write()
        self._to_inbox(claim.folder, claim.status.name)

    def finish(self, claim: Claim, end: End) -> Path:
        """Move a job to where it ends, and return its folder there.

        Raises OSError, also when the job is gone.
        """
        with suppress(OSError):  # a full disk must not keep a job from its end
            claim.with_status(state=end).write()
            if claim.status.error is not None:
                write_atomically(claim.folder / REASON, claim.status.error.sentence + "\n")
        for name in names_from(claim.status.name):
            target = self.root / end / name
            if _try_rename(claim.folder, target):
                with suppress(OSError):
                    (target / OWNER).unlink()
                return target
        raise AssertionError("names never end")

    def claim_digest(self, digest: str, name: str) -> str:
        """Return the job that delivers these mattes: this one, or another that runs or is done.

        Raises OSError.
        """
        known = self.root / DIGESTS / digest
        known.parent.mkdir(exist_ok=True)
        try:
            with known.open("x", encoding="utf-8") as file:
                file.write(name)
            return name
        except FileExistsError:
            other = self.job_of_digest(digest)
        if other is not None:
            return other
        write_atomically(known, name)  # that job failed, was cancelled or removed
        return name

    def job_of_digest(self, digest: str) -> str | None:
        """Return the job that runs or is done under a digest; None if there is none any more."""
        other = _job_of(self.root / DIGESTS / digest)
        done = status_of(self.root / "done" / other) if other else None
        is_done = done is not None and done.digest == digest
        if other and (is_done or status_of(self.running / other) is not None):
            return other
        return None

    def give_back(self, folder: Path) -> str | None:
        """Put a dead worker's job back into the inbox, and return its name; None if there was no
        job.

        If several workers try at once, one succeeds.
        """
        if not job_inside(folder) and remove_empty(folder):
            return None
        status = status_of(folder)
        if status is not None:
            return self._to_inbox(folder, status.name)
        entry = next((path.name for path in job_inside(folder)), folder.name)
        return self._to_inbox(folder, job_name(entry))

    def _to_inbox(self, folder: Path, name: str) -> str | None:
        try:
            next(n for n in names_from(name) if _try_rename(folder, self.inbox / n))
        except FileNotFoundError:
            return None
        return name


def _is_ours(path: Path) -> bool:
    """Whether a worker put a folder into `running/`: it is a job's folder, or is becoming one."""
    if is_job_folder(path):
        return True
    if not _CLAIMING.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    with suppress(OSError):
        return all(found.name == JOB or is_status_file(found.name) for found in path.iterdir())
    return False


def _job_of(known: Path) -> str:
    """Return the job that a digest file names, "" if it names none."""
    with suppress(OSError, UnicodeDecodeError):
        name = read_regular_text(known, _MOST_DIGEST_BYTES)
        if is_plain_name(name):
            return name
    return ""


def _try_rename(source: Path, target: Path) -> bool:
    """Rename a folder unless the target exists; whether it was renamed. Raises OSError
    otherwise.
    """
    if target.is_symlink() or target.exists():  # a rename would replace an empty folder
        return False
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def names_from(name: str) -> Iterator[str]:
    """Yield `hero`, `hero-2`, `hero-3`, …"""
    return chain([name], (f"{name}-{number}" for number in count(2)))
