"""Background jobs of a host: mattes into the stores or into files, and lessons."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from types import TracebackType
from typing import Literal, TypeAlias

from rde_roto.background import WriteBehind
from rde_roto.delivery import Passes, check_delivered, claimed
from rde_roto.doors.learner.lesson_process import LessonProcess, LessonRequest
from rde_roto.engine import Engine, Priority
from rde_roto.frames_to_push import error_with_all_frames
from rde_roto.images.mattes import MatteWriter
from rde_roto.node import RotoNode
from rde_roto.values.errors import FramesNotPushedError, RotoError, UsageError, shown_error
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.plain_text import counted

State: TypeAlias = Literal["running", "done", "cancelled", "failed"]

_MOST_ENDED = 256  # jobs whose result can still be asked for
_MOST_UNFINISHED = 64  # each holds its shot
_MOST_AT_ONCE = 8  # renders, and prefetches; the device does one frame at a time anyway
_REQUESTED_AHEAD = 3  # keeps the device busy; a frame's neighbours come with it


@dataclass
class Job:
    """The state of a job that makes some frames of a shot."""

    frames: FrameRange
    kept: FrameRange = field(default_factory=lambda: FrameRange.of(()))
    made: list[int] = field(default_factory=list)
    share: float = 0.0
    """How much of all passes of the network is done, 0..1."""
    state: State = "running"
    error: RotoError | None = None
    _stopped: Event = field(default_factory=Event)
    _waiting: list[Future[Matte]] = field(default_factory=list)

    def advance(self, share: float) -> None:
        """Record how much of all passes of the network is done."""
        self.share = share

    def stop(self) -> None:
        """Stop before the next step of the network. A file that is being written is finished."""
        self._stopped.set()
        for future in list(self._waiting):
            future.cancel()

    def wait_for(self, future: Future[Matte]) -> None:
        """Add a matte for `next_matte` to wait for. Raises CancelledError once the job is
        stopped.
        """
        self._waiting.append(future)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise CancelledError once the job is stopped."""
        if self._stopped.is_set():
            raise FutureCancelled

    @property
    def waits_for(self) -> int:
        """The number of mattes that the job waits for."""
        return len(self._waiting)

    def next_matte(self) -> Matte:
        """Return the first of those mattes. Raises what making it raised."""
        matte = self._waiting[0].result()
        del self._waiting[0]
        return matte

    def cancel_waiting(self) -> None:
        """Cancel the mattes that the job still waits for."""
        for future in self._waiting:
            future.cancel()


class Jobs:
    """The jobs of all hosts. A few run at the same time, each in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._jobs: dict[str, Job | LessonProcess] = {}
        self._renders = ThreadPoolExecutor(_MOST_AT_ONCE, "rde-roto-render")
        self._prefetches = ThreadPoolExecutor(_MOST_AT_ONCE, "rde-roto-prefetch")

    def __enter__(self) -> Jobs:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop all jobs. A matte that is being written is finished."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop()
        for pool in (self._renders, self._prefetches):
            pool.shutdown(wait=False, cancel_futures=True)

    def start(
        self,
        node: RotoNode,
        frames: FrameRange,
        writer: MatteWriter | None = None,
        request: str = "own",
    ) -> str:
        """Start a job and return its name, which no other job of any engine ever has.

        The name begins as `request` does, the digest of what was asked for. With a writer the
        mattes become files, and files that are written stay. Raises UsageError while too many
        others are unfinished.
        """
        job = Job(frames)
        name = _name_for(request)
        with self._lock:
            unfinished = sum(job.state == "running" for job in self._jobs.values())
            if unfinished >= _MOST_UNFINISHED:
                raise UsageError(
                    f"the engine has {counted(unfinished, 'job')} already: wait for some, or "
                    "cancel them"
                )
            self._forget_ended()
            self._jobs[name] = job
        (self._prefetches if writer is None else self._renders).submit(self._run, job, node, writer)
        return name

    def learn(self, lesson: LessonRequest, request: str = "own") -> str:
        """Start a lesson in its own process and return its name, as `start` does.

        Raises UsageError while another lesson runs: each takes as much memory as the engine.
        """
        name = _name_for(request)
        with self._lock:
            if any(job.state == "running" for job in self._lessons):
                raise UsageError("the engine is already learning a shot: wait for it, or cancel it")
            self._forget_ended()
            self._jobs[name] = LessonProcess(lesson)
        return name

    @property
    def _lessons(self) -> list[LessonProcess]:
        return [job for job in self._jobs.values() if isinstance(job, LessonProcess)]

    def get(self, name: str) -> Job | LessonProcess | None:
        """Return a job; None if there is none of that name."""
        with self._lock:
            return self._jobs.get(name)

    @property
    def running(self) -> bool:
        """Whether any job runs."""
        with self._lock:
            return any(job.state == "running" for job in self._jobs.values())

    def _forget_ended(self) -> None:
        ended = [name for name, job in self._jobs.items() if job.state != "running"]
        for name in ended[: max(0, len(ended) - _MOST_ENDED)]:
            del self._jobs[name]

    def _run(self, job: Job, node: RotoNode, writer: MatteWriter | None) -> None:
        try:
            self._make(job, node, writer)
        except FutureCancelled:
            job.state = "cancelled"
        except Exception as error:  # of any kind: a host waits for the job's end
            job.error, job.state = shown_error(error), "failed"
        else:
            job.state = "done"

    def _make(self, job: Job, node: RotoNode, writer: MatteWriter | None) -> None:
        passes = Passes(node, job.frames, job.advance)

        def done(matte: Matte) -> None:
            job.made.append(matte.frame)
            passes.finish(matte.frame)

        if writer is None:
            self._request(job, node, passes, done)
            return

        def write(matte: Matte) -> None:
            writer.write(matte)
            done(matte)

        with claimed(node, job.frames, writer):
            job.kept = FrameRange.of(_kept(job, node, writer))
            for frame in job.kept:
                passes.finish(frame)
            with WriteBehind(write) as write_behind:
                self._request(job, node, passes, write_behind)
            check_delivered(node, job.frames, writer)

    def _request(
        self, job: Job, node: RotoNode, passes: Passes, take: Callable[[Matte], None]
    ) -> None:
        due = job.frames.difference(job.kept)
        rest, taken = iter(due), 0
        try:
            while True:
                for frame in rest:
                    job.wait_for(
                        self._engine.submit(
                            node, frame, Priority.BATCH, on_second=passes.count_second
                        )
                    )
                    if job.waits_for == _REQUESTED_AHEAD:
                        break
                if not job.waits_for:
                    return
                take(job.next_matte())
                taken += 1
        except FramesNotPushedError as error:
            raise error_with_all_frames(node, list(due)[taken:], error) from error
        finally:
            job.cancel_waiting()


def _name_for(request: str) -> str:
    """Return a job name that no other job ever has."""
    return f"{request[:16]}-{secrets.token_hex(8)}"


def _kept(job: Job, node: RotoNode, writer: MatteWriter) -> Iterator[int]:
    """Yield the frames whose files exist already."""
    try:
        for frame in job.frames:
            job.raise_if_stopped()
            if writer.is_written(frame, node.digest(frame)):
                yield frame
    except FramesNotPushedError as error:
        raise error_with_all_frames(node, job.frames, error) from error
