"""The folder of jobs. What lies where is all the state there is, and every change is a rename.

    inbox/      what people drop: a job document, or a folder with a plate and its masks
    running/    NAME/ for each job that a worker has claimed
    done/  failed/  cancelled/      the same NAME/, afterwards
    mattes/     NAME/, unless the job or `defaults.yaml` says another place

A job's folder NAME/ holds what was dropped, in `job/`; `status.json`; `owner.json` while it runs;
`report.html` and `sheet.png` afterwards; `reason.txt` if it failed. Put back into the inbox it runs
again, and goes on from what is done.

A rename has one winner, also among machines that share the folder. A folder is never renamed over
another one that holds anything, so nothing is ever overwritten.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Final, Literal, TypeAlias

from rde_roto.doors.watchfolder.owners import OWNER, Owner
from rde_roto.values.errors import UsageError
from rde_roto.values.job_status import JobStatus
from rde_roto.values.shot_document import SHOT_SUFFIX

STATUS: Final = "status.json"
REASON: Final = "reason.txt"
DEFAULTS: Final = "defaults.yaml"
_JOB: Final = "job"
_DIGESTS: Final = ".digests"

End: TypeAlias = Literal["done", "failed", "cancelled"]


@dataclass(frozen=True)
class Claim:
    """A job in `running/`, and what is told of it."""

    folder: Path
    status: JobStatus

    @property
    def dropped(self) -> Path:
        """The document or folder that somebody dropped."""
        (path,) = (self.folder / _JOB).iterdir()
        return path

    def telling(self, **changed: object) -> Claim:
        """The same with another status, not written yet."""
        return replace(self, status=self.status.model_copy(update=changed))

    def write(self) -> None:
        """Puts the status beside the job. Raises OSError, also when the job was moved away."""
        write_whole(self.folder / STATUS, self.status.to_json())


@dataclass(frozen=True)
class HotFolder:
    """A hot folder at `root`, a path without links."""

    root: Path

    @staticmethod
    def made(path: Path) -> HotFolder:
        """The hot folder at a path; its folders are made where they are missing.

        Raises UsageError when that cannot be done.
        """
        try:
            folder = HotFolder(path.resolve())
            for place in (folder.inbox, folder.running, *folder.ends):
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be a hot folder: {error.strerror}") from error
        return folder

    @property
    def inbox(self) -> Path:
        """Where jobs are dropped."""
        return self.root / "inbox"

    @property
    def running(self) -> Path:
        """Where claimed jobs are."""
        return self.root / "running"

    @property
    def ends(self) -> tuple[Path, ...]:
        """Where jobs end."""
        return self.root / "done", self.root / "failed", self.root / "cancelled"

    def claim(self, entry: str, owner: Owner) -> Claim | None:
        """Makes an entry of the inbox this worker's; None when another one was faster.

        Raises OSError when the folder cannot be changed, for example because it is read-only.
        """
        source = self.inbox / entry
        before = status_of(source)
        status = before or JobStatus(name=_name_of(entry), state="waiting")
        status = status.model_copy(
            update={"state": "running", "tries": status.tries + 1, "worker": owner.label}
        )
        # under a name of its own first: nobody else touches it, and who dies here leaves a job
        # that goes back as any other
        claim = Claim(self.running / f".{owner.worker}.{owner.beat}", status)
        try:
            if before is None:
                (claim.folder / _JOB).mkdir(parents=True)
                claim.write()
            else:
                source.rename(claim.folder)
                (claim.folder / REASON).unlink(missing_ok=True)
            owner.write(claim.folder)
            if before is None:
                source.rename(claim.folder / _JOB / entry)
        except FileNotFoundError:
            self._discard_empty(claim.folder)
            return None
        except OSError:
            self.give_back(claim.folder)
            raise
        return self._named(claim, came_back=before is not None)

    def _named(self, claim: Claim, came_back: bool) -> Claim:
        """The claim under a name that no other job has, in any place."""
        for name in _names(claim.status.name):
            may_have = came_back and name == claim.status.name
            if not may_have and self._is_taken(name):
                continue
            named = Claim(self.running / name, claim.status.model_copy(update={"name": name}))
            write_whole(claim.folder / STATUS, named.status.to_json())
            if not _renamed(claim.folder, named.folder):
                continue
            # one of that name may have ended while this one was moved: it is seen by now
            if may_have or not any((end / name).exists() for end in self.ends):
                return named
            named.folder.rename(claim.folder)
        raise AssertionError("names never end")

    def _is_taken(self, name: str) -> bool:
        taken = any((place / name).exists() for place in (self.running, *self.ends))
        return taken or status_of(self.inbox / name) is not None

    def release(self, claim: Claim) -> None:
        """Puts a job back that this worker does not finish: nothing went wrong with it."""
        back = claim.telling(state="waiting", tries=claim.status.tries - 1, worker=None)
        with suppress(OSError):  # a full disk: it counts as a try then
            back.write()
        self._to_inbox(claim.folder, claim.status.name)

    def finish(self, claim: Claim, end: End) -> Path:
        """Moves a job to where it ends; its folder there. Raises OSError, also when it is gone."""
        with suppress(OSError):  # a full disk keeps no job from its end
            claim.telling(state=end).write()
            if claim.status.error is not None:
                write_whole(claim.folder / REASON, claim.status.error.sentence + "\n")
        for name in _names(claim.status.name):
            target = self.root / end / name
            if _renamed(claim.folder, target):
                with suppress(OSError):
                    (target / OWNER).unlink()
                return target
        raise AssertionError("names never end")

    def first_of(self, digest: str, name: str) -> str:
        """Of the jobs that deliver the very same, the one that does it: this one, or one that runs
        or is done.
        """
        known = self.root / _DIGESTS / digest
        try:
            known.parent.mkdir(exist_ok=True)
            with known.open("x", encoding="utf-8") as file:
                file.write(name)
            return name
        except FileExistsError:
            other = known.read_text(encoding="utf-8")
        done = status_of(self.root / "done" / other) if other else None
        is_done = done is not None and done.digest == digest
        if other and (is_done or status_of(self.running / other) is not None):
            return other
        write_whole(known, name)  # that one failed, was cancelled, or taken away
        return name

    def give_back(self, folder: Path) -> str | None:
        """Puts a dead worker's job back into the inbox; its name, None where there was none.

        Of several that try, one does it.
        """
        if self._discard_empty(folder):
            return None
        status = status_of(folder)
        name = folder.name if status is None else status.name
        return self._to_inbox(folder, name)

    def _to_inbox(self, folder: Path, name: str) -> str | None:
        try:
            next(n for n in _names(name) if _renamed(folder, self.inbox / n))
        except FileNotFoundError:
            return None
        return name

    def _discard_empty(self, folder: Path) -> bool:
        """Removes a claimed folder that holds no job; whether it held none."""
        with suppress(OSError):
            if any((folder / _JOB).iterdir()):
                return False
        shutil.rmtree(folder, ignore_errors=True)
        return True


def is_claimed_folder(folder: Path) -> bool:
    """Whether a folder is that of a job, which came back, rather than a dropped one."""
    return (folder / STATUS).is_file() and (folder / _JOB).is_dir()


def status_of(folder: Path) -> JobStatus | None:
    """What is told of a job, by its folder; None where that is none of a job."""
    if not is_claimed_folder(folder):
        return None
    try:
        return JobStatus.from_json((folder / STATUS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def job_inside(folder: Path) -> Path:
    """What was dropped, of the folder of a job that came back. Raises OSError."""
    return next((folder / _JOB).iterdir())


def write_whole(path: Path, text: str) -> None:
    """Writes a small file, which is whole at any moment; its folder must be there."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _renamed(source: Path, target: Path) -> bool:
    """Renames a folder unless something of that name is there. Raises OSError otherwise."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def _name_of(entry: str) -> str:
    """A job's name after what was dropped, fit for a pattern of files."""
    stem = entry.removesuffix(SHOT_SUFFIX)
    stem = re.sub(r"\.(ya?ml|json)$", "", stem, flags=re.IGNORECASE)
    return re.sub(r"[#@%]", "_", stem)


def _names(name: str) -> Iterator[str]:
    """`hero`, `hero-2`, `hero-3`, …"""
    return chain([name], (f"{name}-{number}" for number in count(2)))
