"""What a host has made without waiting for it: mattes into the stores, or into files as well."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Thread
from typing import Literal, TypeAlias

from rde_roto.engine import Engine, Priority
from rde_roto.images.mattes import MatteWriter
from rde_roto.lacking import all_lacking
from rde_roto.node import RotoNode
from rde_roto.streams import WriteBehind
from rde_roto.values.errors import LacksError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte

State: TypeAlias = Literal["running", "done", "cancelled", "failed"]

_MOST_JOBS = 256
_ASKED_AHEAD = 3  # so that the device has something to do; a frame's neighbours come with it


@dataclass
class Job:
    """Some frames of a shot, on their way."""

    frames: FrameRange
    kept: FrameRange = field(default_factory=lambda: FrameRange.of(()))
    made: list[int] = field(default_factory=list)
    state: State = "running"
    error: RotoError | None = None
    stopped: Event = field(default_factory=Event)

    def take(self, matte: Matte) -> None:
        """A frame is in place."""
        self.made.append(matte.frame)


class Jobs:
    """The jobs of all hosts, each with a thread that waits for its mattes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._jobs: dict[str, Job] = {}
        self._numbers = count(1)

    def start(self, node: RotoNode, frames: FrameRange, writer: MatteWriter | None = None) -> str:
        """Begins a job; its name. With a writer mattes become files; what is written stays."""
        job = Job(frames)
        with self._lock:
            name = str(next(self._numbers))
            self._forget_ended()
            self._jobs[name] = job
        Thread(target=self._run, args=(job, node, writer), daemon=True).start()
        return name

    def get(self, name: str) -> Job | None:
        """A job; None where there is none of that name."""
        with self._lock:
            return self._jobs.get(name)

    @property
    def running(self) -> bool:
        """Whether any job is."""
        with self._lock:
            return any(job.state == "running" for job in self._jobs.values())

    def _forget_ended(self) -> None:
        ended = [name for name, job in self._jobs.items() if job.state != "running"]
        for name in ended[: max(0, len(self._jobs) - _MOST_JOBS)]:
            del self._jobs[name]

    def _run(self, job: Job, node: RotoNode, writer: MatteWriter | None) -> None:
        try:
            if writer is None:
                self._make(job, node, job.take)
            else:
                self._write(job, node, writer)
        except FutureCancelled:
            job.state = "cancelled"
        except RotoError as error:
            job.error, job.state = error, "failed"
        except Exception as error:  # of whatever kind: a host waits for the end of it
            job.error, job.state = RotoError(f"{type(error).__name__}: {error}"), "failed"
        else:
            job.state = "done"

    def _write(self, job: Job, node: RotoNode, writer: MatteWriter) -> None:
        def write(matte: Matte) -> None:
            writer.write(matte)
            job.take(matte)

        job.kept = job.frames.difference(_due(node, job.frames, writer))
        with WriteBehind(write) as write_behind:
            self._make(job, node, write_behind)

    def _make(self, job: Job, node: RotoNode, take: Callable[[Matte], None]) -> None:
        waiting: list[Future[Matte]] = []
        due = job.frames.difference(job.kept)
        rest, taken = iter(due), 0
        try:
            while True:
                for frame in rest:
                    waiting.append(self._engine.submit(node, frame, Priority.BATCH))
                    if len(waiting) == _ASKED_AHEAD:
                        break
                if not waiting:
                    return
                if job.stopped.is_set():
                    raise FutureCancelled
                take(waiting.pop(0).result())
                taken += 1
        except LacksError as error:
            raise all_lacking(node, list(due)[taken:], error) from error
        finally:
            for future in waiting:
                future.cancel()


def _due(node: RotoNode, frames: FrameRange, writer: MatteWriter) -> FrameRange:
    """The frames whose files are not there yet."""
    try:
        return FrameRange.of(f for f in frames if not writer.is_written(f, node.digest(f)))
    except LacksError as error:
        raise all_lacking(node, frames, error) from error
