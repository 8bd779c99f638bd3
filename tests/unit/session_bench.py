"""A session without a window, over the toy: what other threads send is done when a test waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import numpy as np
from scripted_nodes import PATIENCE_S
from toy_shots import ToyNode

from rde_roto.engine import Engine
from rde_roto.session.document.opening import open_draft
from rde_roto.session.drawing.painting import Brush, Point, shared
from rde_roto.session.drawing.selection import Change, Hints
from rde_roto.session.drawing.tools import PenEvent
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.session import Session
from rde_roto.stores import Stores
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray, MaskMode, MaskModeError
from rde_roto.values.plate import Plate, Window
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

FRAMES = range(1001, 1031)
"""Of the document in `session_fixtures`."""


DISC_PX = 12


@dataclass
class ToySelector:
    """Selects a disc around each click, and all of a box. Notes what it was given."""

    plate: Plate
    noted: list[Hints] = field(default_factory=list)
    finds_nothing: bool = False
    looked_at: list[int] = field(default_factory=list)

    def look_at(self, frame: int) -> None:
        self.looked_at.append(frame)

    def select(self, frame: int, before: FloatArray, hints: Hints) -> Change | None:
        self.noted.append(hints)
        if self.finds_nothing:
            return None
        whole = Window(0, 0, before.shape[1], before.shape[0])
        if hints.box is not None:
            box = shared(hints.box, whole)
            if box is None:
                raise UsageError("that is outside the picture")
            full = np.ones(box.shape, np.float32)
            return Change("replaces", box, full, full)
        rows, columns = np.mgrid[: before.shape[0], : before.shape[1]] + 0.5
        near = [
            (rows - y) ** 2 + (columns - x) ** 2 <= DISC_PX**2
            for x, y in (click.point for click in hints.clicks)
        ]
        share = np.any(near, axis=0).astype(np.float32)
        return Change(hints.kind, whole, np.full_like(share, hints.adds), share)


@dataclass
class Log:
    """What a session told its listener."""

    sentences: list[str] = field(default_factory=list)
    boxes: list[Window | None] = field(default_factory=list)
    changes: int = 0
    flashes: int = 0

    def picture_changed(self, box: Window | None) -> None:
        self.boxes.append(box)

    def shot_changed(self) -> None:
        self.changes += 1

    def frame_changed_elsewhere(self) -> None:
        self.flashes += 1

    def show_message(self, sentence: str) -> None:
        self.sentences.append(sentence)


class Toys:
    """Toy nodes that share their stores; ``steps`` counts what went through all of them."""

    def __init__(self) -> None:
        self.stores = Stores.in_ram()
        self.nodes: list[ToyNode] = []

    def make(self, shot: Shot, preset: Preset, _learned: Path | None = None) -> ToyNode:
        node = ToyNode(shot, preset, self.stores)
        self.nodes.append(node)
        return node

    @property
    def steps(self) -> int:
        return sum(node.steps for node in self.nodes)


class Bench:
    """A session, its log, and the queue of what came back from other threads."""

    def __init__(self, text: str, toys: Toys, engine: Engine) -> None:
        self.log, self.toys = Log(), toys
        self._queue: Queue[Callable[[], None]] = Queue()
        backend = Backend(engine, toys.make, lambda _opened: {}, ToySelector)
        self.session = Session(open_draft(text), backend, self._queue.put, self.log)

    def until(self, holds: Callable[[], bool]) -> None:
        """Does what comes back until that is so; fails when nothing comes any more."""
        while not holds():
            self._queue.get(timeout=PATIENCE_S)()

    def done_with(self, name: str) -> None:
        """Waits for the threads of a name, and does all that has come back."""
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(PATIENCE_S)
        while not self._queue.empty():
            self._queue.get()()

    def named(self) -> None:
        """Waits until every frame of the shot as it is now has its name."""
        self.until(lambda: self.session.live.is_settled)

    def propagated(self) -> None:
        """Waits until all that was asked for is there."""
        self.until(lambda: self.session.live.is_settled and self.session.live.remaining == 0)

    def import_file(self, path: Path) -> None:
        """Imports a file, and waits until it is drawn or refused."""
        self.session.paint.import_file(path, not_asked)
        self.done_with("rde-roto-aside")

    def stroke(self, *points: Point, subtracts: bool = False, alternate: bool = False) -> None:
        """The pen touches at the first point, moves along, and is lifted at the last."""
        events = [PenEvent(point, reverses=subtracts, alternate=alternate) for point in points]
        self.session.paint.press(events[0])
        for hand in events[1:]:
            self.session.paint.drag(hand)
        self.session.paint.release(events[-1])


@contextmanager
def working_on(path: str | Path, toys: Toys | None = None) -> Iterator[Bench]:
    """A session over an engine of its own."""
    with Engine(neighbours=0) as engine:
        bench = Bench(str(path), toys or Toys(), engine)
        try:
            yield bench
        finally:
            bench.session.close()


def paint(bench: Bench, frame: int, x: float = 20.0) -> None:
    """Draws a stroke at a frame, from nothing if there is no matte yet."""
    session = bench.session
    session.go_to(frame)
    session.paint.brush = Brush(8, 0.8)
    bench.stroke((x, 20.0), (x + 20, 24.0))
    if session.paint.start.from_nothing():
        bench.stroke((x, 20.0), (x + 20, 24.0))


def not_asked(error: MaskModeError, _choose: Callable[[MaskMode], None]) -> None:
    """For a mask that can be read in one way only."""
    raise error


def set_points(bench: Bench, points: Sequence[Point], *, subtracts: bool = False) -> None:
    """Draws a polygon."""
    bench.session.paint.choose_tool("polygon")
    for point in points:
        bench.stroke(point, subtracts=subtracts)
    bench.session.paint.confirm()
