"""Runs that would write the same files are told of each other before they begin.

A run claims its files with a hidden file beside them, and holds a lock for as long as it lives,
however it ends: what a killed run has claimed is free at once.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rde_roto.atomic import LEFTOVER_AFTER_S, clear_leftovers, time_in, write_bytes
from rde_roto.process_lock import LockTakenError, process_lock
from rde_roto.values.errors import OutputError, RotoError
from rde_roto.values.processes import this_machine
from rde_roto.values.regular_files import read_regular_text

_SUFFIX: Final = ".rde-roto-run"
_LOCK: Final = ".lock"
_LOOK_S: Final = 0.05  # by far more than another run's look takes
_MOST_BYTES: Final = 64 << 20  # a million names


@dataclass(frozen=True)
class Claim:
    """What a run is about to write into a folder.

    names: of the files. made_from: a digest of what decides their content.
    machine, pid: of the process that writes them.
    """

    names: list[str]
    made_from: str
    machine: str
    pid: int

    @staticmethod
    def of_this_process(names: list[str], made_from: str) -> Claim:
        """Return the claim of a run of this process."""
        return Claim(names, made_from, this_machine().partition(" ")[0], os.getpid())

    def conflicts(self, other: Claim) -> list[str]:
        """Return the files that both runs would write, each with other content.

        Runs that make the same do no harm: a farm may start a task again that it has lost sight of.
        """
        if self.made_from == other.made_from:
            return []
        return sorted(set(self.names).intersection(other.names))


@contextmanager
def claim_outputs(folder: Path, claim: Claim) -> Iterator[None]:
    """Hold a claim on files of a folder during a block.

    Raises OutputError if another run holds one for some of them; of two that start in the same
    moment both may be refused. Where the folder's file system has no locks, or is full, nothing is
    claimed: `delivery.check_delivered` tells at the end.
    """
    _refuse_conflicts(folder, claim)
    _clear_locks(folder)
    held = folder / f".{secrets.token_hex(8)}{_SUFFIX}"
    lock = _lock_of(held)
    with ExitStack() as holding:
        holding.callback(_remove, lock)  # last: an open file cannot be removed everywhere
        with suppress(OSError, RotoError):
            holding.enter_context(process_lock(lock))
            with suppress(OSError):  # not every share has permissions
                lock.chmod(0o666)  # a farm's user has to see whether an artist's run lives
            holding.callback(_remove, held)
            write_bytes(held, json.dumps(asdict(claim)).encode(), mode=0o644, synced=False)
        _refuse_conflicts(folder, claim, held)  # of a run that claimed in the same moment
        yield


def _refuse_conflicts(folder: Path, claim: Claim, own: Path | None = None) -> None:
    """Raise OutputError if another run holds a claim on files of this one; `own` is that of this
    one. Claims of runs that have ended are removed.
    """
    for path in _claims_in(folder):
        if path == own:
            continue
        other = _read(path)
        common = [] if other is None else claim.conflicts(other)
        # to wait at each of a farm's hundreds of harmless claims would take longer than a chunk
        is_held = _is_held(path, _LOOK_S if common else 0.0)
        if is_held and other is not None and common:
            more = f" and {len(common) - 1:,} more" if len(common) > 1 else ""
            raise OutputError(
                f"another run, process {other.pid} on {other.machine}, is writing {common[0]}"
                f"{more} into {folder}, from another plate, masks or settings: wait until it has "
                "ended, or stop it, and run this again"
            )


def _clear_locks(folder: Path) -> None:
    """Remove what runs left that were killed just before or after they had a claim: a lock without
    one, and a claim that is half written. Not before a day: a run may be about to take its lock.
    """
    with suppress(OSError):
        locks = [
            lock
            for lock in folder.glob(f".*{_SUFFIX}{_LOCK}")
            if not os.path.lexists(lock.with_suffix(""))
        ]
        before = time_in(folder) - LEFTOVER_AFTER_S if locks else 0.0
        for lock in locks:
            if lock.lstat().st_mtime < before:
                clear_leftovers([lock.with_suffix("")])
                _remove(lock)


def _claims_in(folder: Path) -> list[Path]:
    try:
        return list(folder.glob(f".*{_SUFFIX}"))
    except OSError:
        return []


def _read(path: Path) -> Claim | None:
    """A claim; None if its run has just ended, or is of another release, or if it is no claim."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        said = json.loads(read_regular_text(path, _MOST_BYTES))
        return Claim(**said | {"names": list(map(str, said["names"]))})
    return None


def _is_held(path: Path, within_s: float) -> bool:
    """Whether the run of a claim lives, as far as its lock tells; the claim of a run that does not
    is removed.
    """
    lock = _lock_of(path)
    try:
        with process_lock(lock, within_s):
            _remove(path)
    except LockTakenError:
        return True
    except OSError:
        return False
    _remove(lock)
    return False


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{_LOCK}")


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
