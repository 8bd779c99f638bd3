"""Run one claimed job to its end. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final, TypeAlias

from rde_roto.advice import advise
from rde_roto.delivery import FrameReporter, Reporter
from rde_roto.documents.job_status import JobError
from rde_roto.doors.console import print_traceback
from rde_roto.doors.render_task import print_replaced, refuse_to_overwrite
from rde_roto.doors.rendering import Delivered, deliver_within_memory
from rde_roto.doors.watchfolder.held_folder import HeldFolder, HeldMatteWriter, hold_folder
from rde_roto.doors.watchfolder.hot_folder import End, names_from
from rde_roto.doors.watchfolder.job_folder import (
    REPORT,
    SHEET,
    Claim,
    status_of,
    write_atomically,
)
from rde_roto.doors.watchfolder.job_reader import Job, JobReader
from rde_roto.doors.watchfolder.status_writer import StatusWriter
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.report import report_page
from rde_roto.node import RotoNode
from rde_roto.report import report_on, sheet_of
from rde_roto.shot_files import OpenedShot
from rde_roto.values.cancel import Cancel
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import (
    CancelledError,
    OutputError,
    RotoError,
    UnexpectedError,
    shown_error,
)
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import counted, one_line
from rde_roto.values.preset import Preset
from rde_roto.values.report import Run

_MOST_REMARKS: Final = 8


@dataclass(frozen=True)
class PreparedNode:
    """The node of a job's shot, and what its mattes say about how they were made.

    `metadata_for` gives the header attributes of mattes made under a preset. `licence` is the line
    that names the model's licence.
    """

    node: RotoNode
    metadata_for: Callable[[Preset], Mapping[str, str]]
    licence: str


PrepareNode: TypeAlias = Callable[[OpenedShot, Cancel], PreparedNode]
"""Prepares the node of a shot. Raises WeightsError if the model cannot be loaded, and
CancelledError.
"""


class _SameJobRunsError(Exception):
    """Another worker runs a job that delivers the same mattes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class JobRun:
    """Run a claimed job.

    `why` says in words how it ended. `waits_for` names the running job that makes the same mattes,
    if there is one.

    Args:
        reader: reads what was dropped.
        prepare: loads the model and builds the node.
        status: writes the job's progress.
        cancel: whether to stop.
    """

    def __init__(
        self, reader: JobReader, prepare: PrepareNode, status: StatusWriter, cancel: Cancel
    ) -> None:
        self.why = ""
        self.waits_for: str | None = None
        self._elsewhere = ""
        self._reader = reader
        self._prepare = prepare
        self._status = status
        self._cancel = cancel

    @property
    def claim(self) -> Claim:
        """The job with its latest status."""
        return self._status.claim

    def run(self) -> End | None:
        """Run the job and return where it goes; None if it goes back to the inbox."""
        try:
            self._check_tries()
            self._deliver()
        except CancelledError:
            self.why = "stopped"
            return None
        except _SameJobRunsError as error:
            self.why, self.waits_for = f"{error.name} already makes the same mattes", error.name
            return None
        except Exception as error:  # a bug of ours or a hopeless job must not end the worker
            shown = shown_error(error)
            if not isinstance(shown, UnexpectedError):
                return self._fail(shown.exit_code, str(shown))
            if isinstance(error, OSError):  # in the hot folder itself, such as a full disk
                return self._fail(OutputError.exit_code, str(error))
            print_traceback()
            return self._fail(shown.exit_code, str(shown))
        status = self.claim.status
        again = f", the same as {status.same_as}" if status.same_as else ""
        self.why = (
            f"{counted(status.done - status.kept, 'matte')} made, {status.kept} kept{again}"
            f"{self._elsewhere}"
        )
        self._status.update(state="done", tries=0, seconds_left=None)
        return "done"

    def _fail(self, code: int, message: str) -> End:
        self.why = sentence = one_line(message)
        error = JobError(code=code, sentence=sentence)
        self._status.update(state="failed", tries=0, seconds_left=None, error=error)
        return "failed"

    def _check_tries(self) -> None:
        status, most = self.claim.status, self._reader.defaults().value.tries
        if status.tries > most:
            raise RotoError(
                f"its worker died {counted(most, 'time')} without an error, the last time with "
                f"{status.done} of {counted(status.total, 'frame')} in place: see that worker's "
                "log, and put the job back into the inbox to try again"
            )

    def _deliver(self) -> None:
        job, output = self._reader.open(self.claim), None
        # a lesson takes a minute: a place that cannot be written is found before
        tried = self._tried_place(job) if job.opened.learns else None
        prepared = self._prepare(job.opened, self._cancel)
        frames = job.frames.intersection(job.opened.shot.range)
        try:
            output = self._output(job, prepared.node, frames)
        finally:
            if tried is not None and (output is None or output.parent != tried):
                with suppress(OSError):  # it is not empty
                    tried.rmdir()  # the same mattes are, or will be, in another job's place
        with hold_folder(output.parent) as folder:
            delivered = self._deliver_into(folder, job, prepared, output.name)
        self._report(job, delivered, Run(job.frames, prepared.licence, delivered.delivery))
        job.check_complete()

    def _tried_place(self, job: Job) -> Path | None:
        """See that a job's mattes can be written; return their folder if it was made for that."""
        output = self._reader.output_pattern(self.claim.status.name, job)
        is_new = not output.parent.exists()
        with hold_folder(output.parent) as folder:
            _open_writer(folder, job, output.name, {})
        return output.parent if is_new else None

    def _deliver_into(
        self, folder: HeldFolder, job: Job, prepared: PreparedNode, name: str
    ) -> Delivered[MatteWriter]:
        """Deliver the mattes of a job into a folder, under a pattern of this name."""
        frames = job.frames.intersection(job.opened.shot.range)

        def open_writer(node: RotoNode) -> HeldMatteWriter:
            writer = _open_writer(folder, job, name, prepared.metadata_for(node.preset))
            print_replaced(writer, frames)
            return writer

        def watched(_: MatteWriter) -> AbstractContextManager[Reporter]:
            self._status.restart()
            return nullcontext(FrameReporter(self._status))

        return deliver_within_memory(prepared.node, frames, open_writer, watched, self._cancel)

    def _output(self, job: Job, node: RotoNode, frames: FrameRange) -> Path:
        """Return the pattern of the mattes: that of the first job, if several deliver the same."""
        folder, name = self._reader.folder, self.claim.status.name
        settings = job.opened.preset.output
        digest = digest_of(
            job.output, settings.model_dump_json(), *(node.digest(frame) for frame in frames)
        )
        first = folder.claim_digest(digest, name)
        if first == name:
            output = self._own_output(job, node, frames)
        else:
            done = status_of(folder.root / "done" / first)
            if done is None or done.mattes is None:
                raise _SameJobRunsError(first)
            output = self._reader.resolve_output(Path(done.mattes))
        self._status.update(
            frames=str(job.frames),
            total=len(frames),
            mattes=str(output),
            digest=digest,
            same_as=None if first == name else first,
            error=None,
        )
        return output

    def _own_output(self, job: Job, node: RotoNode, frames: FrameRange) -> Path:
        """Return the pattern that a job names, else one in the first of `mattes/NAME`,
        `mattes/NAME-2`, … that holds no other job's mattes: there may be those of a job of that
        name which was cleared since.
        """
        status, folder = self.claim.status, self._reader.folder
        if job.output is not None:
            return self._reader.output_pattern(status.name, job)
        # by its name alone: each worker may have the hot folder at another path
        before = None if status.mattes is None else PureWindowsPath(status.mattes).parent.name
        patterns = (
            self._reader.output_pattern(name, job)
            for name in names_from(status.name)
            if name == status.name or not folder.has_job(name)
        )
        own = next(p for p in patterns if p.parent.name == before or _is_free(p, job, node, frames))
        if own.parent.name != status.name:
            first = own.parent.with_name(status.name)
            self._elsewhere = f", in {own.parent}, since {first} has those of an earlier job"
        return own

    def _report(self, job: Job, delivered: Delivered[MatteWriter], run: Run) -> None:
        """Write a report and a contact sheet. A job does not fail if they cannot be written."""
        node, folder = delivered.node, self.claim.folder
        try:
            advice = advise(node, run.frames.intersection(node.shot.range), self._cancel)
            report = report_on(node, job.opened, advice, run, self._cancel)
            # neither call creates the folder: somebody may have moved the job just now
            write_atomically(folder / REPORT, report_page(report))
            write_atomically(folder / SHEET, sheet_of(report))
        except CancelledError:
            raise
        except Exception as error:
            if not folder.exists():  # somebody has moved the job: it is cancelled
                return
            reason: object = shown_error(error)
            if isinstance(reason, UnexpectedError):
                if not isinstance(error, OSError):
                    raise
                reason = error.strerror
            self._status.update(look_at=(one_line(f"the report could not be written: {reason}"),))
            return
        sure = [least for by in advice.confidences.values() for least in by.values()]
        warnings = [one_line(remark.sentence) for remark in report.remarks if remark.is_warning]
        self._status.update(
            confidence=round(min(sure), 3) if sure else None,
            look_at=tuple(warnings[:_MOST_REMARKS]),
        )


def _is_free(output: Path, job: Job, node: RotoNode, frames: FrameRange) -> bool:
    """Whether the folder of a pattern is empty or missing, or has mattes of this very job."""
    try:
        if all(path.name.startswith(".") for path in output.parent.iterdir()):
            return True
    except OSError:  # missing, or the error is told when it is opened
        return True
    opened = job.opened
    names, settings = opened.shot.names, opened.preset.output
    writer = open_matte_writer(str(output), opened.origin, names, settings, {})
    there = [frame for frame in frames if any(path.exists() for path in writer.files(frame))]
    return bool(there) and all(writer.has_digest(frame, node.digest(frame)) for frame in there)


def _open_writer(
    folder: HeldFolder, job: Job, name: str, metadata: Mapping[str, str]
) -> HeldMatteWriter:
    """Open the writer of a job's mattes under a pattern of this name.

    Raises UsageError or OutputError for a place that cannot be written, or that is an input's.
    """
    opened, pattern = job.opened, str(folder.alias / name)
    with folder.naming_real_path():
        plain = open_matte_writer(
            pattern, opened.origin, opened.shot.names, opened.preset.output, metadata
        )
    writer, frames = HeldMatteWriter(plain, folder), job.frames.intersection(opened.shot.range)
    targets = (path for frame in frames for path in writer.files(frame))
    refuse_to_overwrite(opened.shot.plate, opened.inputs, targets)
    return writer
