"""The engine: many clients request frames, one device makes them, the most urgent first.

Each request first gets its digest, on threads of its priority: the first digest of a shot hashes
plate files, and an interactive request must not wait while a batch or another shot hashes its own.
A matte in RAM is returned at once. Everything else waits for the one device thread.

Work is interrupted between two network steps when more urgent work waits or when nobody wants the
result any more. Interrupted work keeps its place in the queue and loses hardly a step, because the
stores keep every state it reached. For the same reason a viewer's newer request interrupts its
older one: the way to a far frame can be long, and an artist who scrubs wants only the last frame.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from threading import Lock
from types import TracebackType
from weakref import WeakKeyDictionary

from rde_roto.engine.lanes import Lanes
from rde_roto.engine.requests import (
    ENGINE_ITSELF,
    Node,
    OnSecond,
    Priority,
    Request,
    RequestQueue,
    Work,
)
from rde_roto.values.arguments import frame_number, refuse
from rde_roto.values.errors import CancelledError, OutOfMemoryError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.shot import Shot

_SHOTS_RESOLVED_AT_ONCE = 4  # of each priority


def _ignore(_frame: int) -> None:
    pass


class Engine:
    """The queue of one device. All requests for frames on the device go here, from any thread.

    Args: neighbours, how many frames on either side of an interactive one are prefetched while the
        queue is empty; any new request drops them.
    """

    def __init__(self, neighbours: int = 4) -> None:
        self.steps = 0
        """A progress counter: it grows as long as the engine makes progress of any kind."""
        self._neighbours = neighbours
        # Guards what follows. Never call a node, answer a future or cancel one while holding it.
        self._lock = Lock()
        self._requests = RequestQueue()
        self._smaller: WeakKeyDictionary[Node, Node] = WeakKeyDictionary()
        self._closed = False
        self._resolvers = {
            priority: Lanes(_SHOTS_RESOLVED_AT_ONCE, f"rde-roto-{priority.name.lower()}")
            for priority in Priority
        }
        self._device = ThreadPoolExecutor(1, "rde-roto-device")

    def submit(
        self,
        node: Node,
        frame: int,
        priority: Priority,
        viewer: Hashable = None,
        on_second: OnSecond = _ignore,
    ) -> Future[Matte]:
        """Request a frame's matte; returns at once.

        The future can be cancelled until it is done, and raises what the node raises. Its callbacks
        run on a thread of the engine: keep them short. Mattes of one digest share their alpha.
        ``viewer`` identifies the client of an INTERACTIVE request. A viewer shows one frame at a
        time, so its newer request cancels its older ones, unless the work in progress answers both.
        With None nothing is cancelled. ``on_second`` is called on a thread of the engine for each
        frame that is tracked from its second keyframe on the way.

        Raises RuntimeError when the engine is closed, TypeError for a frame that is no whole number
        and ValueError for a priority that there is not.
        """
        frame, priority = frame_number(frame), Priority(priority)
        refuse(node, Shot, "a RotoNode of the shot")
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed: it takes no more requests")
            request = self._add(node, frame, priority, viewer, on_second)
            # whether the running work is replaced too depends on the digest, known later
            replaced_by = self._requests.replaced_by(request, but=self._requests.running)
        _cancel(replaced_by)
        return request.future

    def serving(self, node: Node) -> Node:
        """Return the node that makes this one's mattes: a smaller one once memory has run out."""
        with self._lock:
            while (smaller := self._smaller.get(node)) is not None:
                node = smaller
        return node

    def close(self) -> None:
        """Cancel waiting requests, stop running work before its next step, and end the threads.

        Returns when the threads have ended; a plate file that is being hashed is finished first.
        """
        with self._lock:
            self._closed = True
            requests = list(self._requests)
        _cancel(requests)
        for lanes in self._resolvers.values():
            lanes.close()
        self._device.shutdown(cancel_futures=True)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Called with the lock held.

    def _add(
        self, node: Node, frame: int, priority: Priority, viewer: Hashable, on_second: OnSecond
    ) -> Request:
        request = self._requests.add(node, frame, priority, viewer, on_second)
        # by its number: a reference cycle of future and request would keep the matte alive
        request.future.add_done_callback(partial(self._on_done, priority, request.number))
        self._resolve_later(request)
        return request

    def _resolve_later(self, request: Request) -> None:
        if not self._closed:
            self._resolvers[request.priority].submit(request.node, partial(self._resolve, request))

    def _run_later(self) -> None:
        if not self._closed:
            self._device.submit(self._run)

    # Called by a future, on any thread.

    def _on_done(self, priority: Priority, number: int, future: Future[Matte]) -> None:
        if future.cancelled():
            future.set_running_or_notify_cancel()  # wakes up concurrent.futures.wait
        with self._lock:
            self._requests.remove(priority, number)

    # On the resolver threads.

    def _resolve(self, request: Request) -> None:
        """Find the digest of a request; answer it if the matte is in RAM, else queue it."""
        if request.future.done():
            return
        try:
            node = self.serving(request.node)
            digest = node.digest(request.frame)
            self.steps += 1
            matte = node.stored(request.frame)
        except BaseException as error:  # of any kind: no client may wait for ever
            _fail([request], error)
            return
        with self._lock:
            if request not in self._requests:
                return
            if node in self._smaller:  # memory ran out in the meantime
                self._resolve_later(request)
                return
            if matte is None:
                self._requests.enqueue(request, node, digest)
                self._run_later()
            replaced_by = self._requests.replaced_by(request, but=request.work)
        _cancel(replaced_by)
        if matte is not None:
            self._answer([request], matte)

    # On the device thread.

    def _run(self) -> None:
        """Do the most urgent work; called at least once for each waiting request."""
        with self._lock:
            work = self._requests.begin()
        if work is None:
            return
        self.steps += 1
        try:
            matte = self._make(work)
        except BaseException as error:  # of any kind: no client may wait for ever
            _fail(self._end(work), error)
        else:
            if matte is not None:
                self._answer(self._end(work), matte)

    def _make(self, work: Work) -> Matte | None:
        """Make the matte of a work; None if it was interrupted or goes to a smaller node."""
        stops = False

        def cancel() -> bool:
            nonlocal stops
            self.steps += 1
            stops = stops or self._is_to_stop(work)
            return stops

        def on_second(frame: int) -> None:
            with self._lock:
                requests = list(work.requests)
            for request in requests:
                request.on_second(frame)

        try:
            return work.node.matte(work.frame, cancel, on_second)
        except CancelledError:
            if not stops:
                raise
            with self._lock:
                self._requests.end(work)
                self._run_later()
        except OutOfMemoryError:
            smaller = work.node.smaller()
            if smaller is None:
                raise
            self._switch_to(work, smaller)
        return None

    def _is_to_stop(self, work: Work) -> bool:
        with self._lock:
            first = self._requests.first()
            return first is None or not work.requests or first.priority < work.priority

    def _switch_to(self, work: Work, smaller: Node) -> None:
        """Move all requests of a node to a smaller one, so that no shot mixes the two."""
        with self._lock:
            self._requests.end(work)
            self._smaller[work.node] = smaller
            for request in self._requests.of(work.node):
                self._requests.dequeue(request)
                self._resolve_later(request)

    def _end(self, work: Work) -> list[Request]:
        with self._lock:
            return self._requests.end(work)

    # On resolver threads and the device thread.

    def _answer(self, requests: list[Request], matte: Matte) -> None:
        for request in requests:
            # equal pixels, but the frame number (of a held plate) or an element's name may differ
            own = replace(matte, frame=request.frame, elements=request.node.shot.names)
            with suppress(InvalidStateError):  # just cancelled
                request.future.set_result(own)
        for request in requests:
            if request.priority is Priority.INTERACTIVE:
                self._prefetch_around(request)

    def _prefetch_around(self, request: Request) -> None:
        """Prefetch the neighbours of an interactive frame if the queue is empty."""
        with self._lock:
            if self._closed or self._requests:
                return
            node, frame = request.node, request.frame
            for near in _around(node.shot.range, frame, request.heading, self._neighbours):
                self._add(node, near, Priority.PREFETCH, ENGINE_ITSELF, _ignore)


def _around(frames: FrameRange, frame: int, heading: int, each: int) -> list[int]:
    """The next frames of a range in the direction of ``heading``, then those on the other side."""
    sides = (range(frame + 1, frames.last + 1), range(frame - 1, frames.first - 1, -1))
    near = (islice(filter(frames.__contains__, side), each) for side in sides[::heading])
    return list(chain.from_iterable(near))


def _cancel(requests: Iterable[Request]) -> None:
    for request in requests:
        request.future.cancel()


def _fail(requests: list[Request], error: BaseException) -> None:
    for request in requests:
        with suppress(InvalidStateError):  # just cancelled
            request.future.set_exception(error)
