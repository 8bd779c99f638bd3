"""A lesson in a process of its own, as whoever has started it sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Literal, TypeAlias

from rde_roto.doors.server.errors import error_of
from rde_roto.values.errors import RotoError

LearningState: TypeAlias = Literal["running", "done", "cancelled", "failed"]

ENOUGH = b"enough\n"
"""What the process is told to end early; the end of its input ends it at once."""


def _nobody() -> None:
    return None


@dataclass(frozen=True)
class Request:
    """What is to be studied.

    shot: as the engine's protocol has it, every path from the root. into: the folder of `Lessons`.
    device: where the network learns. view: a PNG that is kept up to date, before | after.
    """

    shot: Mapping[str, Any]
    into: Path
    device: str
    view: Path | None = None

    @property
    def line(self) -> bytes:
        """As the process reads it."""
        view = None if self.view is None else str(self.view)
        said = {"shot": self.shot, "into": str(self.into), "device": self.device, "view": view}
        return json.dumps(said).encode() + b"\n"


@dataclass(frozen=True)
class LearningStatus:
    """How far a lesson is.

    share: 0..1 of all; seconds_left: at this pace, None before the first step; views: how often the
    picture was written. In the state `done` learned is the file, None where it is not kept, why is
    the reason then, and before and after are J, 0..1, on what was held out, by kind.
    """

    state: LearningState = "running"
    steps: int = 0
    share: float = 0.0
    seconds_left: float | None = None
    views: int = 0
    waits: bool = False
    learned: Path | None = None
    why: str = ""
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    error: RotoError | None = None

    @property
    def sentence(self) -> str:
        """What there is to tell an artist."""
        if self.error is not None:
            return str(self.error)
        if self.state == "cancelled":
            return "stopped: nothing has changed"
        if self.state == "done":
            pairs = [f"{kind} {j:.2f} → {self.after[kind]:.2f}" for kind, j in self.before.items()]
            how = "learned" if self.learned else self.why
            return f"{how}: {', '.join(pairs)} on held-out frames"
        if self.waits:
            return "another process is learning this shot: waiting"
        if self.seconds_left is None:
            return "preparing…"
        return f"step {self.steps}, {self.seconds_left:.0f} s left"


class Learning:
    """Begins a lesson. Safe to ask from any thread.

    Its process ends when this one does, and leaves nothing half-written whenever it is killed.

    Args: heard, called on another thread when ``status`` has changed.
    """

    def __init__(self, request: Request, heard: Callable[[], None] = _nobody) -> None:
        self._heard = heard
        self._lock = Lock()
        self._status = LearningStatus()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rde_roto.doors.learner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._tell(request.line)
        self._reader = Thread(target=self._read, name="rde-roto-learning", daemon=True)
        self._reader.start()

    @property
    def status(self) -> LearningStatus:
        """How far it is."""
        with self._lock:
            return self._status

    @property
    def state(self) -> LearningState:
        """Whether it runs, or how it ended."""
        return self.status.state

    def enough(self) -> None:
        """Ends it after this step; what was learned by then is kept, if it is better."""
        self._tell(ENOUGH)

    def stop(self) -> None:
        """Ends it at once; nothing is kept."""
        with self._lock:
            if self._status.state == "running":
                self._status = replace(self._status, state="cancelled")
        self._process.kill()

    def wait(self) -> LearningStatus:
        """How it ended, once its process has."""
        self._reader.join()
        return self.status

    def _tell(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended already
            assert self._process.stdin is not None
            self._process.stdin.write(line)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process:
            for line in self._process.stdout:
                self._hear(json.loads(line))
            code = self._process.wait()
        with self._lock:
            if self._status.state == "running":
                why = "was killed (out of memory?)" if code == -9 else f"failed with code {code}"
                error = RotoError(f"learning {why}: nothing has changed, try again")
                self._status = replace(self._status, state="failed", error=error)
        self._heard()

    def _hear(self, said: dict[str, Any]) -> None:
        with self._lock:
            if self._status.state == "running":
                self._status = _after(self._status, said)
        self._heard()


def _after(status: LearningStatus, said: dict[str, Any]) -> LearningStatus:
    """A status after one more line of the process."""
    event = said.pop("event")
    if event == "view":
        return replace(status, views=status.views + 1)
    if event == "failed":
        return replace(status, state="failed", error=error_of(said["error"]))
    if event == "done":
        said["learned"] = None if said["learned"] is None else Path(said["learned"])
        said["state"] = "done"
    return replace(status, **said)
