"""A worker of a hot folder: takes the next job, delivers it, and so on. Imports torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import TypeAlias

from rde_roto.delivery import OnFrame
from rde_roto.doors.inputs import refuse_to_overwrite
from rde_roto.doors.rendering import deliver_within_memory
from rde_roto.doors.watchfolder.hot_folder import DEFAULTS, Claim, End, status_of
from rde_roto.doors.watchfolder.jobs import Job, Opener
from rde_roto.doors.watchfolder.lookout import Lookout
from rde_roto.doors.watchfolder.owners import Beating, Owner
from rde_roto.doors.watchfolder.telling import Telling, now_text
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.values.cancel import Cancel
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError, DocumentError, PartialError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.job_status import JobError
from rde_roto.values.preset import Preset

SaidOf: TypeAlias = Callable[[Preset], Mapping[str, str]]
"""What headers tell of mattes that are made under a preset."""

Make: TypeAlias = Callable[[OpenedShot], tuple[RotoNode, SaidOf]]
"""Makes the node of a shot. Raises WeightsError for a model that cannot be loaded."""


class _SameJobRunsError(Exception):
    """Another worker is at a job that delivers the very same."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass
class Worker:
    """Takes jobs of a hot folder until it is stopped.

    Args:
        lookout: knows what waits in the folder.
        opener: understands the jobs.
        make: makes what tracks them.
        owner: who this one is.
        clock: seconds that only go up.
    """

    lookout: Lookout
    opener: Opener
    make: Make
    owner: Owner
    clock: Callable[[], float]
    failed: int = 0
    _waits: dict[str, str] = field(default_factory=dict)
    _trouble: str = ""

    def look(self) -> Iterator[str]:
        """The jobs to take, the next one first. Raises OSError when the folder cannot be listed."""
        waiting = self.lookout.look()
        return filter(self._is_free, waiting) if self._is_sound() else iter(())

    @property
    def waits(self) -> bool:
        """Whether anything lies in the inbox that is or may become a job."""
        return self.lookout.inbox.waiting

    def take(self, entry: str, stop: Event) -> None:
        """Does a job of the inbox, unless another worker was faster.

        Raises OSError when the folder cannot be changed.
        """
        folder, say = self.lookout.folder, self.lookout.say
        self.lookout.inbox.forget(entry)
        claim = folder.claim(entry, self.owner)
        if claim is None:
            return
        name = claim.status.name
        say(f"{name}: begun")
        with Beating(self.owner, claim.folder) as beating:
            done = _Doing(self, claim, lambda: stop.is_set() or beating.lost.is_set())
            end = done.to_its_end()
        claim = done.claim
        if not self.owner.has(claim.folder):
            self._was_moved(claim)
        elif end is None:
            folder.release(claim)
            say(f"{name}: {done.why}, it goes back to the inbox")
            if done.waits_for is not None:
                self._waits[name] = done.waits_for
        else:
            folder.finish(claim, end)
            self.failed += end == "failed"
            say(f"{name}: {end}, {done.why}")

    def _is_free(self, entry: str) -> bool:
        """Whether a job waits for no other one that does the same."""
        other = self._waits.get(entry)
        if other is None:
            return True
        if (self.lookout.folder.running / other).exists():
            return False
        del self._waits[entry]
        return True

    def _is_sound(self) -> bool:
        """Whether `defaults.yaml` can be read; else no job is taken, and none fails for it."""
        trouble = ""
        try:
            self.opener.defaults()
        except DocumentError as error:
            trouble = f"{error}; no job is begun until {DEFAULTS} is mended"
        if trouble and trouble != self._trouble:
            self.lookout.say(trouble)
        self._trouble = trouble
        return not trouble

    def _was_moved(self, claim: Claim) -> None:
        """Somebody took a job away: into `cancelled`, back into the inbox, or out."""
        name = claim.status.name
        cancelled = self.lookout.folder.root / "cancelled"
        moved = Claim(cancelled / claim.folder.name, claim.status)
        if status_of(moved.folder) is not None:
            with suppress(OSError):
                moved.telling(state="cancelled", tries=0, updated=now_text()).write()
        self.lookout.say(f"{name}: moved away while it ran, what is done stays")


class _Doing:
    """One job on its way to its end. `why` says in words how it came to that."""

    def __init__(self, worker: Worker, claim: Claim, cancel: Cancel) -> None:
        self.why = ""
        self.waits_for: str | None = None
        self._worker = worker
        self._told = told = Telling(claim, worker.owner, worker.clock)
        self._cancel = lambda: told.is_lost or cancel()

    @property
    def claim(self) -> Claim:
        """The job with what is told of it by now."""
        return self._told.claim

    def to_its_end(self) -> End | None:
        """Where the job goes; None for back to the inbox, because of nothing in itself."""
        try:
            self._check_tries()
            self._deliver()
        except CancelledError:
            self.why = "stopped"
            return None
        except _SameJobRunsError as error:
            self.why, self.waits_for = f"{error.name} is at the same", error.name
            return None
        except RotoError as error:
            return self._failed(error.exit_code, str(error))
        except Exception as error:  # a bug of ours, or a job that is none, ends no worker
            traceback.print_exc()
            return self._failed(1, f"{type(error).__name__}: {error}")
        status = self.claim.status
        again = f", the same as {status.same_as}" if status.same_as else ""
        self.why = f"{status.done - status.kept} mattes made, {status.kept} kept{again}"
        self._told.tell(state="done", tries=0, seconds_left=None)
        return "done"

    def _failed(self, code: int, sentence: str) -> End:
        self.why = sentence
        error = JobError(code=code, sentence=sentence)
        self._told.tell(state="failed", tries=0, seconds_left=None, error=error)
        return "failed"

    def _check_tries(self) -> None:
        status, most = self.claim.status, self._worker.opener.defaults().value.tries
        if status.tries > most:
            raise RotoError(
                f"its worker ended without a word {most} times, the last time with {status.done} "
                f"of {status.total} frames in place: see that worker's log, and put the job back "
                "into the inbox to try again"
            )

    def _deliver(self) -> None:
        worker = self._worker
        job = worker.opener.open(self.claim)
        node, said_of = worker.make(job.opened)
        frames = job.frames.intersection(job.opened.shot.range)
        output = self._output(job, node, frames)
        origin, settings = job.opened.origin, job.opened.preset.output

        def open_writer(node: RotoNode) -> MatteWriter:
            said = said_of(node.preset)
            writer = open_matte_writer(output, origin, node.shot.names, settings, said)
            targets = (path for frame in frames for path in writer.files(frame))
            refuse_to_overwrite(job.opened.shot.plate, job.opened.inputs, targets)
            return writer

        def watched(_: MatteWriter) -> AbstractContextManager[OnFrame]:
            self._told.begin()
            return nullcontext(self._told)

        deliver_within_memory(node, frames, open_writer, watched, self._cancel)
        skipped = job.frames.intersection(job.opened.skipped)
        if skipped:
            sentence = f"{job.opened.shot.plate.name} lacks {skipped}: skipped, not delivered"
            raise PartialError(sentence, skipped)

    def _output(self, job: Job, node: RotoNode, frames: FrameRange) -> str:
        """The pattern of the mattes; of one job, where there are several that deliver the same."""
        folder, name = self._worker.lookout.folder, self.claim.status.name
        settings = job.opened.preset.output
        digest = digest_of(
            job.output, settings.model_dump_json(), *(node.digest(frame) for frame in frames)
        )
        suffix = ".png" if settings.format == "labels" else ".exr"
        output = job.output or f"{self._worker.opener.mattes(name)}{suffix}"
        first = folder.first_of(digest, name)
        if first != name:
            done = status_of(folder.root / "done" / first)
            if done is None or done.mattes is None:
                raise _SameJobRunsError(first)
            output = done.mattes
        self._told.tell(
            frames=str(job.frames),
            total=len(frames),
            mattes=output,
            digest=digest,
            same_as=None if first == name else first,
            error=None,
        )
        return output
