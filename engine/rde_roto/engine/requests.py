"""Who asks for what, and who comes first: the engine's books, without a thread or a lock.

An ask is one caller's; a work is one digest's, and answers all asks for it. A work is as urgent as
the most urgent of its asks, which may join and leave at any time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import chain, count
from typing import Final, Protocol

from rde_roto.values.cancel import Cancel
from rde_roto.values.matte import Matte
from rde_roto.values.shot import Shot

NOBODY: Final = object()
"""The viewer of frames that the engine makes of its own accord."""


_MOST_VIEWERS = 256  # whose direction is known


class Priority(IntEnum):
    """How urgent an ask is; the lowest goes first."""

    INTERACTIVE = 0
    """Somebody sits before the screen and waits."""
    PREFETCH = 1
    """Somebody may look at it next."""
    BATCH = 2
    """It has to be done by and by."""


class Node(Protocol):
    """What the engine asks of a node, as ``node.RotoNode`` does it. Two nodes are never equal."""

    @property
    def shot(self) -> Shot:
        """Whose mattes the node makes."""

    def digest(self, frame: int) -> str:
        """The name of a frame's matte: equal names, equal alpha. Called from several threads."""

    def stored(self, frame: int) -> Matte | None:
        """A frame's matte if it is in RAM, finished. Called from several threads."""

    def matte(self, frame: int, cancel: Cancel) -> Matte:
        """A frame's matte, made where it is not stored. Called from the device's thread alone.

        Raises CancelledError between two steps once ``cancel`` says so, OutOfMemoryError.
        """

    def smaller(self) -> Node | None:
        """A node of the same shot that needs less memory; None where there shall be none."""


@dataclass(eq=False)
class Request:
    """Somebody's wish for a frame. ``heading`` is the way its viewer moves: 1, or -1 backwards.

    ``work`` is what will answer it, None before it is named and after it has left.
    """

    node: Node
    frame: int
    priority: Priority
    viewer: Hashable
    number: int
    heading: int
    future: Future[Matte] = field(default_factory=Future)
    work: Work | None = None

    def replaces(self, other: Request) -> bool:
        """Whether the other has no purpose any more now that there is this one.

        Nobody waits for what the engine began of its own accord, and a viewer looks at one frame.
        """
        if other.viewer is NOBODY:
            return self.viewer is not NOBODY
        looks = self.priority is other.priority is Priority.INTERACTIVE
        same = self.viewer is not None and self.viewer == other.viewer
        return looks and same and other.number < self.number


@dataclass(eq=False)
class Work:
    """A matte to be made, and all asks that wait for it."""

    node: Node
    frame: int
    digest: str
    asks: set[Request] = field(default_factory=set)

    @property
    def priority(self) -> Priority:
        """That of its most urgent ask; ValueError when nobody waits for it any more."""
        return min(ask.priority for ask in self.asks)


class RequestQueue:
    """All asks that are neither answered nor cancelled. Iterating gives them; falsy without any.

    ``running`` is the work that has begun, None between two.
    """

    def __init__(self) -> None:
        self.running: Work | None = None
        self._numbers = count()
        self._asks: dict[Priority, dict[int, Request]] = {priority: {} for priority in Priority}
        self._works: dict[str, Work] = {}
        # A place may outlive its ask, which would hold a matte: hence the number alone.
        self._queue: list[tuple[Priority, int]] = []
        self._headings: dict[Hashable, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[Request]:
        return chain.from_iterable(asks.values() for asks in self._asks.values())

    def __bool__(self) -> bool:
        return any(self._asks.values())

    def __contains__(self, ask: Request) -> bool:
        return ask.number in self._asks[ask.priority]

    def add(self, node: Node, frame: int, priority: Priority, viewer: Hashable) -> Request:
        """Notes an ask, which is yet to be named."""
        heading = self._turned(viewer, frame) if priority is Priority.INTERACTIVE else 1
        ask = Request(node, frame, priority, viewer, next(self._numbers), heading)
        self._asks[priority][ask.number] = ask
        return ask

    def name(self, ask: Request, node: Node, digest: str) -> None:
        """Puts an ask in the queue, to be answered by the work of that digest."""
        ask.work = self._works.setdefault(digest, Work(node, ask.frame, digest))
        ask.work.asks.add(ask)
        heappush(self._queue, (ask.priority, ask.number))

    def unname(self, ask: Request) -> None:
        """Takes an ask from its work, if it has one, and from the queue."""
        work, ask.work = ask.work, None
        if work is not None:
            work.asks.remove(ask)
            # what runs can still be joined, until it has stopped
            if not work.asks and work is not self.running:
                del self._works[work.digest]

    def leave(self, priority: Priority, number: int) -> None:
        """Crosses an ask out that is answered or cancelled."""
        self.unname(self._asks[priority].pop(number))

    def first(self) -> Work | None:
        """The work to be done first; it keeps its place for as long as it has asks."""
        while self._queue:
            priority, number = self._queue[0]
            ask = self._asks[priority].get(number)
            if ask is not None and ask.work is not None:
                return ask.work
            heappop(self._queue)
        return None

    def begin(self) -> Work | None:
        """The work to be done now, from here on ``running``."""
        self.running = self.first()
        return self.running

    def end(self, work: Work) -> list[Request]:
        """Those who wait, oldest first, for what has ended or stopped; it keeps its place."""
        self.running = None
        if not work.asks:
            del self._works[work.digest]
        return _oldest_first(work.asks)

    def of(self, node: Node) -> list[Request]:
        """The asks that a node is to answer, oldest first."""
        works = (work for work in self._works.values() if work.node is node)
        return _oldest_first(chain.from_iterable(work.asks for work in works))

    def replaced(self, ask: Request, but: Work | None) -> list[Request]:
        """The asks that this one replaces; those of one work are spared."""
        looking, prefetch = self._asks[Priority.INTERACTIVE], self._asks[Priority.PREFETCH]
        return [
            other
            for other in chain(looking.values(), prefetch.values())
            if ask.replaces(other) and (but is None or other.work is not but)
        ]

    def _turned(self, viewer: Hashable, frame: int) -> int:
        """The way a viewer moves who now looks at a frame."""
        last, heading = self._headings.pop(viewer, (frame, 1))
        if frame != last:
            heading = 1 if frame > last else -1
        self._headings[viewer] = (frame, heading)
        if len(self._headings) > _MOST_VIEWERS:
            del self._headings[next(iter(self._headings))]
        return heading


def _oldest_first(asks: Iterable[Request]) -> list[Request]:
    return sorted(asks, key=lambda ask: ask.number)
