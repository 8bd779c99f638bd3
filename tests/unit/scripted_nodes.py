"""Nodes whose every step waits for the test's word, to run an engine without luck or sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Queue
from typing import TYPE_CHECKING

import numpy as np

from rde_roto.engine import Engine
from rde_roto.engine.requests import Priority
from rde_roto.values.errors import CancelledError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.shot import Shot

if TYPE_CHECKING:
    from rde_roto.values.cancel import Cancel

PATIENCE_S = 30.0
"""How long a test waits for what should come at once, before it fails."""


class NoPlate:
    """A plate that nobody looks at."""

    name = "none"
    format = PlateFormat(Window(0, 0, 2, 2), Window(0, 0, 2, 2))
    input_transform = None

    def __init__(self, frames: FrameRange) -> None:
        self.range = frames

    def digest(self, frame: int) -> str:
        raise AssertionError(frame)

    def read(self, frame: int) -> FloatArray:
        raise AssertionError(frame)


def a_shot(frames: str, name: str) -> Shot:
    wanted = FrameRange.parse(frames)
    return Shot(NoPlate(wanted), wanted, elements_named(name), ())


Word = str | Exception
STEP, FINISH = "step", "finish"


class Device:
    """What all nodes of a test run on: it tells what it begins, and does what the test says.

    STEP asks whether to stop, FINISH answers without asking, an error is raised.
    """

    def __init__(self) -> None:
        self._begun: Queue[str] = Queue()
        self._stopped: Queue[bool] = Queue()
        self._words: Queue[Word] = Queue()
        self._busy = threading.Lock()

    def run(self, digest: str, cancel: Cancel) -> None:
        """A computation; its caller's thread waits for words."""
        assert self._busy.acquire(blocking=False), "the device is one"
        try:
            self._begun.put(digest)
            while (word := self._words.get(timeout=PATIENCE_S)) != FINISH:
                if isinstance(word, Exception):
                    raise word
                stop = cancel()
                self._stopped.put(stop)
                if stop:
                    raise CancelledError("cancelled")
        finally:
            self._busy.release()

    def begins(self) -> str:
        """Waits until something is begun, and says what."""
        return self._begun.get(timeout=PATIENCE_S)

    def has_begun(self) -> bool:
        """Whether there is something more that was begun."""
        return not self._begun.empty()

    def say(self, word: Word) -> None:
        self._words.put(word)

    def stops(self) -> bool:
        """Does a step, and says whether the work stopped then."""
        self.say(STEP)
        return self._stopped.get(timeout=PATIENCE_S)


@dataclass(eq=False)
class ScriptedNode:
    """Its mattes are named ``{name}{frame}``, or as ``digests`` has it."""

    device: Device
    name: str = "a"
    frames: str = "1-9"
    digests: dict[int, str] = field(default_factory=dict)
    less: ScriptedNode | None = None
    made: dict[str, Matte] = field(default_factory=dict)
    hash_plates: Callable[[int], None] = lambda _frame: None

    def __post_init__(self) -> None:
        self.shot = a_shot(self.frames, self.name)

    def digest(self, frame: int) -> str:
        self.hash_plates(frame)
        return self.digests.get(frame, f"{self.name}{frame}")

    def stored(self, frame: int) -> Matte | None:
        return self.made.get(self.digest(frame))

    def matte(self, frame: int, cancel: Cancel, on_second: Callable[[int], None]) -> Matte:
        digest = self.digest(frame)
        self.device.run(digest, cancel)
        matte = Matte(frame, np.full((1, 2, 2), 0.5, np.float32), self.shot.names, digest)
        self.made[digest] = matte
        return matte

    def smaller(self) -> ScriptedNode | None:
        return self.less


def wait_until_named(engine: Engine, *priorities: Priority) -> None:
    """Wait until all requests of some priorities (default: all) have their digest."""
    end = time.monotonic() + PATIENCE_S
    for priority in priorities or Priority:
        while not engine._resolvers[priority].is_idle:
            assert time.monotonic() < end
            time.sleep(0)  # lets another thread run
