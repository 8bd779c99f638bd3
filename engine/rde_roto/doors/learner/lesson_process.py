"""A lesson in a separate process, seen from the process that started it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, Literal, TypeAlias

from rde_roto.doors.hosts.errors import error_of
from rde_roto.values.errors import OutOfMemoryError, RotoError, UnexpectedError

LessonState: TypeAlias = Literal["running", "done", "cancelled", "failed"]

_KILLED: Final = -9  # by SIGKILL, which Windows does not have

ENOUGH = b"enough\n"
"""Tells the process to end early. The end of its input ends it at once."""


def _ignore() -> None:
    return None


@dataclass(frozen=True)
class LessonRequest:
    """What to learn.

    shot: as the engine's protocol has it, with absolute paths. into: the folder of a `LessonStore`.
    device: what the network learns on. view: a PNG that is kept up to date, before | after.
    """

    shot: Mapping[str, Any]
    into: Path
    device: str
    view: Path | None = None

    @property
    def line(self) -> bytes:
        """The request as the process reads it."""
        view = None if self.view is None else str(self.view)
        request = {"shot": self.shot, "into": str(self.into), "device": self.device, "view": view}
        return json.dumps(request).encode() + b"\n"


@dataclass(frozen=True)
class LessonStatus:
    """The progress of a lesson.

    share: 0..1 of all; seconds_left: at this pace, None before the first step; views: how often the
    picture was written. In the state `done`, learned is the file, None if nothing was kept; why
    is the reason if the tracker stays as it was, and edges a sentence about the shot's edges;
    before and after are J, 0..1, on held-out frames, by kind.
    """

    state: LessonState = "running"
    steps: int = 0
    share: float = 0.0
    seconds_left: float | None = None
    views: int = 0
    waits: bool = False
    learned: Path | None = None
    why: str = ""
    edges: str = ""
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    error: RotoError | None = None

    def sentence(self, of_error: Callable[[RotoError], str] = str) -> str:
        """Return the status as a sentence for an artist; `of_error` has that of an error."""
        if self.error is not None:
            return of_error(self.error)
        if self.state == "cancelled":
            return "stopped: nothing has changed"
        if self.state == "done":
            pairs = [f"{kind} {j:.2f} → {self.after[kind]:.2f}" for kind, j in self.before.items()]
            edges = f"; {self.edges}" if self.edges else ""
            return f"{self.why or 'learned'}: {', '.join(pairs)} on held-out frames{edges}"
        if self.waits:
            return "another process is learning this shot: waiting"
        if self.seconds_left is None:
            return "preparing…"
        return f"step {self.steps}, {self.seconds_left:.0f} s left"


class LessonProcess:
    """Start a lesson. Thread-safe.

    The process ends when this one does, and leaves nothing half-written whenever it is killed.

    Args:
        request: what to learn.
        on_change: called on another thread when ``status`` has changed.
    """

    def __init__(self, request: LessonRequest, on_change: Callable[[], None] = _ignore) -> None:
        self._on_change = on_change
        self._lock = Lock()
        self._status = LessonStatus()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rde_roto.doors.learner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._send(request.line)
        self._reader = Thread(target=self._read, name="rde-roto-learning", daemon=True)
        self._reader.start()

    @property
    def status(self) -> LessonStatus:
        """The progress of the lesson."""
        with self._lock:
            return self._status

    @property
    def state(self) -> LessonState:
        """Whether the lesson runs, or how it ended."""
        return self.status.state

    def finish_early(self) -> None:
        """Stop after this step. What was learned by then is kept, if it is better."""
        self._send(ENOUGH)

    def stop(self) -> None:
        """Stop at once and keep nothing."""
        with self._lock:
            if self._status.state == "running":
                self._status = replace(self._status, state="cancelled")
        self._process.kill()

    def wait(self) -> LessonStatus:
        """Wait for the process to end, and return the final status."""
        self._reader.join()
        return self.status

    def _send(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended already
            assert self._process.stdin is not None
            self._process.stdin.write(line)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process:
            for line in self._process.stdout:
                self._receive(json.loads(line))
            code = self._process.wait()
        with self._lock:
            if self._status.state == "running":
                error: RotoError = UnexpectedError(
                    f"learning failed with code {code}: nothing has changed, try again"
                )
                if code == _KILLED:  # what a system does that has no memory left
                    error = OutOfMemoryError(
                        "learning was killed, most likely because memory ran out: nothing has "
                        "changed; close other programs, and try again"
                    )
                self._status = replace(self._status, state="failed", error=error)
        self._on_change()

    def _receive(self, event: dict[str, Any]) -> None:
        with self._lock:
            if self._status.state == "running":
                self._status = _after(self._status, event)
        self._on_change()


def _after(status: LessonStatus, event: dict[str, Any]) -> LessonStatus:
    """Return the status after one more event of the process."""
    kind = event.pop("event")
    if kind == "view":
        return replace(status, views=status.views + 1)
    if kind == "failed":
        return replace(status, state="failed", error=error_of(event["error"]))
    if kind == "done":
        event["learned"] = None if event["learned"] is None else Path(event["learned"])
        event["state"] = "done"
    return replace(status, **event)
