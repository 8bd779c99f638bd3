"""One job on its way to its end. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from rde_roto.advice import advise
from rde_roto.delivery import OnFrame
from rde_roto.documents.job_status import JobError
from rde_roto.doors.console import say_bug
from rde_roto.doors.inputs import refuse_to_overwrite
from rde_roto.doors.rendering import Delivered, deliver_within_memory
from rde_roto.doors.watchfolder.held_folder import HeldFolder, HeldWriter, held
from rde_roto.doors.watchfolder.hot_folder import End
from rde_roto.doors.watchfolder.job_folder import (
    REPORT,
    SHEET,
    Claim,
    status_of,
    write_whole,
)
from rde_roto.doors.watchfolder.job_reader import Job, Opener
from rde_roto.doors.watchfolder.status_writer import Telling
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.report import report_page
from rde_roto.node import RotoNode
from rde_roto.report import report_on, sheet_of
from rde_roto.shot_files import OpenedShot
from rde_roto.values.cancel import Cancel
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError, OutputError, PartialError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import one_line
from rde_roto.values.preset import Preset
from rde_roto.values.report import Run

_MOST_REMARKS: Final = 8


@dataclass(frozen=True)
class Made:
    """The node of a shot, what headers tell of mattes that it makes under a preset, and the line
    that says the model's licence.
    """

    node: RotoNode
    said_of: Callable[[Preset], Mapping[str, str]]
    licence: str


Make: TypeAlias = Callable[[OpenedShot, Cancel], Made]
"""Makes the node of a shot. Raises WeightsError for a model that cannot be loaded, CancelledError.
"""


class _SameJobRunsError(Exception):
    """Another worker is at a job that delivers the very same."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Doing:
    """A job that is claimed. `why` says in words how it came to its end, `waits_for` which job
    delivers the same just now.

    Args:
        opener: understands it.
        make: makes what tracks it.
        told: is told how far it is.
        cancel: whether to stop.
    """

    def __init__(self, opener: Opener, make: Make, told: Telling, cancel: Cancel) -> None:
        self.why = ""
        self.waits_for: str | None = None
        self._opener = opener
        self._make = make
        self._told = told
        self._cancel = cancel

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
        except OSError as error:  # of the hot folder itself: a full disk, for example
            return self._failed(OutputError.exit_code, str(error))
        except Exception as error:  # a bug of ours, or a job that is none, ends no worker
            say_bug()
            return self._failed(1, f"{type(error).__name__}: {error}")
        status = self.claim.status
        again = f", the same as {status.same_as}" if status.same_as else ""
        self.why = f"{status.done - status.kept} mattes made, {status.kept} kept{again}"
        self._told.tell(state="done", tries=0, seconds_left=None)
        return "done"

    def _failed(self, code: int, said: str) -> End:
        self.why = sentence = one_line(said)
        error = JobError(code=code, sentence=sentence)
        self._told.tell(state="failed", tries=0, seconds_left=None, error=error)
        return "failed"

    def _check_tries(self) -> None:
        status, most = self.claim.status, self._opener.defaults().value.tries
        if status.tries > most:
            raise RotoError(
                f"its worker died {most} times without an error, the last time with {status.done} "
                f"of {status.total} frames in place: see that worker's log, and put the job back "
                "into the inbox to try again"
            )

    def _deliver(self) -> None:
        job = self._opener.open(self.claim)
        made = self._make(job.opened, self._cancel)
        frames = job.frames.intersection(job.opened.shot.range)
        output = self._output(job, made.node, frames)
        with held(output.parent) as folder:
            delivered = self._delivered(job, made, folder, output.name)
        self._report(job, delivered, Run(job.frames, made.licence, delivered.delivery))
        skipped = job.frames.intersection(job.opened.skipped)
        if skipped:
            sentence = f"{job.opened.shot.plate.name} lacks {skipped}: skipped, not delivered"
            raise PartialError(sentence, skipped)

    def _delivered(
        self, job: Job, made: Made, folder: HeldFolder, name: str
    ) -> Delivered[MatteWriter]:
        """Delivers the mattes of a job into a folder, under a pattern of this name."""
        frames = job.frames.intersection(job.opened.shot.range)
        origin, settings = job.opened.origin, job.opened.preset.output

        def open_writer(node: RotoNode) -> MatteWriter:
            said, pattern = made.said_of(node.preset), str(folder.alias / name)
            with folder.named():
                plain = open_matte_writer(pattern, origin, node.shot.names, settings, said)
            writer = HeldWriter(plain, folder)
            targets = (path for frame in frames for path in writer.files(frame))
            refuse_to_overwrite(job.opened.shot.plate, job.opened.inputs, targets)
            return writer

        def watched(_: MatteWriter) -> AbstractContextManager[OnFrame]:
            self._told.begin()
            return nullcontext(self._told)

        return deliver_within_memory(made.node, frames, open_writer, watched, self._cancel)

    def _output(self, job: Job, node: RotoNode, frames: FrameRange) -> Path:
        """The pattern of the mattes; of one job, where there are several that deliver the same."""
        folder, name = self._opener.folder, self.claim.status.name
        settings = job.opened.preset.output
        digest = digest_of(
            job.output, settings.model_dump_json(), *(node.digest(frame) for frame in frames)
        )
        first = folder.first_of(digest, name)
        if first == name:
            output = self._opener.place(name, job)
        else:
            done = status_of(folder.root / "done" / first)
            if done is None or done.mattes is None:
                raise _SameJobRunsError(first)
            output = self._opener.real(Path(done.mattes))
        self._told.tell(
            frames=str(job.frames),
            total=len(frames),
            mattes=str(output),
            digest=digest,
            same_as=None if first == name else first,
            error=None,
        )
        return output

    def _report(self, job: Job, delivered: Delivered[MatteWriter], run: Run) -> None:
        """Leaves a report and a contact sheet; a job does not fail for want of them."""
        node, folder = delivered.node, self.claim.folder
        try:
            advice = advise(node, run.frames.intersection(node.shot.range), self._cancel)
            report = report_on(node, job.opened, advice, run, self._cancel)
            # neither makes the folder anew, should somebody have moved the job this moment
            write_whole(folder / REPORT, report_page(report))
            write_whole(folder / SHEET, sheet_of(report))
        except CancelledError:
            raise
        except (RotoError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self._told.tell(look_at=(one_line(f"there is no report: {reason}"),))
            return
        sure = [least for by in advice.confidences.values() for least in by.values()]
        warnings = [one_line(remark.sentence) for remark in report.remarks if remark.is_warning]
        self._told.tell(
            confidence=round(min(sure), 3) if sure else None,
            look_at=tuple(warnings[:_MOST_REMARKS]),
        )
