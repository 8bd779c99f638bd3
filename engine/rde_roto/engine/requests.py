"""The engine's requests and their order: plain bookkeeping, without threads or locks.

A request belongs to one client. A work belongs to one digest and answers all requests for it. A
work is as urgent as its most urgent request; requests may join and leave at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import chain, count
from typing import Final, Protocol

from rde_roto.values.cancel import Cancel
from rde_roto.values.matte import Matte
from rde_roto.values.shot import Shot

ENGINE_ITSELF: Final = object()
"""The viewer of frames that the engine prefetches by itself."""

OnSecond = Callable[[int], None]

_MOST_VIEWERS = 256  # whose direction is remembered


class Priority(IntEnum):
    """How urgent a request is; the lowest goes first."""

    INTERACTIVE = 0
    """Somebody is waiting in front of a screen."""
    PREFETCH = 1
    """Somebody may want it next."""
    BATCH = 2
    """It must be done, whenever the device is free."""


class Node(Protocol):
    """What the engine needs of a node, such as ``node.RotoNode``. Two nodes are never equal."""

    @property
    def shot(self) -> Shot:
        """The shot whose mattes the node makes."""

    def digest(self, frame: int) -> str:
        """Return the digest of a frame's matte: equal digests, equal alpha. Called on several
        threads.
        """

    def stored(self, frame: int) -> Matte | None:
        """Return a frame's finished matte if it is in RAM, else None. Called on several threads."""

    def matte(self, frame: int, cancel: Cancel, on_second: OnSecond) -> Matte:
        """Return a frame's matte, from the stores or made now. Called on the device thread only.

        ``on_second`` is told of each frame between two keyframes that has been tracked from the
        second one on the way.

        Raises CancelledError between two steps once ``cancel()`` is true, OutOfMemoryError.
        """

    def smaller(self) -> Node | None:
        """Return a node of the same shot that needs less memory; None if the preset forbids it."""


@dataclass(eq=False)
class Request:
    """A client's request for a frame.

    ``heading`` is the direction in which the viewer moves: 1 forwards, -1 backwards. ``work`` is
    the work that will answer it; None before its digest is known and after it has left the queue.
    ``on_second`` is told of what `Node.matte` tells while that work is done.
    """

    node: Node
    frame: int
    priority: Priority
    viewer: Hashable
    number: int
    heading: int
    on_second: OnSecond
    future: Future[Matte] = field(default_factory=Future)
    work: Work | None = None

    def replaces(self, other: Request) -> bool:
        """Return whether this request makes the other one pointless.

        Nobody waits for the engine's own prefetches, and a viewer shows one frame at a time.
        """
        if other.viewer is ENGINE_ITSELF:
            return self.viewer is not ENGINE_ITSELF
        both_interactive = self.priority is other.priority is Priority.INTERACTIVE
        same_viewer = self.viewer is not None and self.viewer == other.viewer
        return both_interactive and same_viewer and other.number < self.number


@dataclass(eq=False)
class Work:
    """A matte to be made, and all requests that wait for it."""

    node: Node
    frame: int
    digest: str
    requests: set[Request] = field(default_factory=set)

    @property
    def priority(self) -> Priority:
        """The priority of its most urgent request; ValueError when no request is left."""
        return min(request.priority for request in self.requests)


class RequestQueue:
    """All requests that are neither answered nor cancelled: iterable, and false when empty.

    ``running`` is the work in progress, None if there is none.
    """

    def __init__(self) -> None:
        self.running: Work | None = None
        self._numbers = count()
        self._requests: dict[Priority, dict[int, Request]] = {priority: {} for priority in Priority}
        self._works: dict[str, Work] = {}
        # Numbers only: an entry may outlive its request, and a request would keep a matte alive.
        self._queue: list[tuple[Priority, int]] = []
        self._headings: dict[Hashable, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[Request]:
        return chain.from_iterable(requests.values() for requests in self._requests.values())

    def __bool__(self) -> bool:
        return any(self._requests.values())

    def __contains__(self, request: Request) -> bool:
        return request.number in self._requests[request.priority]

    def add(
        self, node: Node, frame: int, priority: Priority, viewer: Hashable, on_second: OnSecond
    ) -> Request:
        """Add a request whose digest is not known yet."""
        heading = self._update_heading(viewer, frame) if priority is Priority.INTERACTIVE else 1
        number = next(self._numbers)
        request = Request(node, frame, priority, viewer, number, heading, on_second)
        self._requests[priority][request.number] = request
        return request

    def enqueue(self, request: Request, node: Node, digest: str) -> None:
        """Queue a request for the work of that digest."""
        request.work = self._works.setdefault(digest, Work(node, request.frame, digest))
        request.work.requests.add(request)
        heappush(self._queue, (request.priority, request.number))

    def dequeue(self, request: Request) -> None:
        """Take a request out of the queue, and from its work if it has one."""
        work, request.work = request.work, None
        if work is not None:
            work.requests.remove(request)
            # running work can still be joined until it has stopped
            if not work.requests and work is not self.running:
                del self._works[work.digest]

    def remove(self, priority: Priority, number: int) -> None:
        """Remove a request that is answered or cancelled."""
        self.dequeue(self._requests[priority].pop(number))

    def first(self) -> Work | None:
        """Return the most urgent work; it keeps its place as long as it has requests."""
        while self._queue:
            priority, number = self._queue[0]
            request = self._requests[priority].get(number)
            if request is not None and request.work is not None:
                return request.work
            heappop(self._queue)
        return None

    def begin(self) -> Work | None:
        """Take the most urgent work as the ``running`` one; None if there is none."""
        self.running = self.first()
        return self.running

    def end(self, work: Work) -> list[Request]:
        """Mark a work as ended or interrupted; returns its requests, oldest first.

        A work that still has requests keeps its place.
        """
        self.running = None
        if not work.requests:
            del self._works[work.digest]
        return _oldest_first(work.requests)

    def of(self, node: Node) -> list[Request]:
        """Return the requests that a node is to answer, oldest first."""
        works = (work for work in self._works.values() if work.node is node)
        return _oldest_first(chain.from_iterable(work.requests for work in works))

    def replaced_by(self, request: Request, but: Work | None) -> list[Request]:
        """Return the requests that this one replaces, except those of the work ``but``."""
        kinds = (self._requests[Priority.INTERACTIVE], self._requests[Priority.PREFETCH])
        return [
            other
            for other in chain.from_iterable(kind.values() for kind in kinds)
            if request.replaces(other) and (but is None or other.work is not but)
        ]

    def _update_heading(self, viewer: Hashable, frame: int) -> int:
        """Note that a viewer is now at a frame; returns the direction in which it moves."""
        last, heading = self._headings.pop(viewer, (frame, 1))
        if frame != last:
            heading = 1 if frame > last else -1
        self._headings[viewer] = (frame, heading)
        if len(self._headings) > _MOST_VIEWERS:
            del self._headings[next(iter(self._headings))]
        return heading


def _oldest_first(requests: Iterable[Request]) -> list[Request]:
    return sorted(requests, key=lambda request: request.number)
