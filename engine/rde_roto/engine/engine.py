"""The engine: many ask, one device answers, the most urgent first.

An ask is named first, on threads of its priority: the first digest of a shot hashes plates, and
neither the caller nor somebody who looks shall wait for what a batch or another shot hashes. What
is in RAM is answered from there. The rest waits for the device's one thread.

Between two steps of the network the work stops when a more urgent one waits, or when nobody wants
it any more. It keeps its place, and since the node's stores keep every state it came to, hardly a
step is lost. That is also why a viewer's newer look stops the older one that has begun: the walk to
a far frame can be long, and an artist who drags along the timeline wants the last frame alone.
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
from rde_roto.engine.requests import NOBODY, Node, Priority, Request, RequestQueue, Work
from rde_roto.values.errors import CancelledError, OutOfMemoryError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte

_SHOTS_NAMED_AT_ONCE = 4  # of each priority


class Engine:
    """One device's queue: whoever has frames made on the device asks here, from any thread.

    Args: neighbours, how many frames on either side of one that was looked at are made while
        nothing is asked for; they are dropped as soon as anything is.
    """

    def __init__(self, neighbours: int = 4) -> None:
        self.steps = 0
        """How far the work has come, of whatever kind: it grows while the engine gets on."""
        self._neighbours = neighbours
        # Guards what follows. No node is called under it, and no future is answered or cancelled.
        self._lock = Lock()
        self._asks = RequestQueue()
        self._smaller: WeakKeyDictionary[Node, Node] = WeakKeyDictionary()
        self._closed = False
        self._naming = {
            priority: Lanes(_SHOTS_NAMED_AT_ONCE, f"rde-roto-{priority.name.lower()}")
            for priority in Priority
        }
        self._device = ThreadPoolExecutor(1, "rde-roto-device")

    def submit(
        self, node: Node, frame: int, priority: Priority, viewer: Hashable = None
    ) -> Future[Matte]:
        """Asks for a frame's matte, without waiting for anything.

        The future can be cancelled until it is done, and raises what the node raises. Its callbacks
        run on a thread of the engine: keep them short. Mattes of one digest share their alpha.
        ``viewer`` names who is LOOKING, at one frame at a time: a newer look cancels the older
        ones, unless what is being made answers both. None replaces nothing.

        Raises RuntimeError when the engine is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed: nothing can be asked of it any more")
            ask = self._ask(node, frame, priority, viewer)
            # whether the running work is replaced too depends on the digest
            replaced = self._asks.replaced(ask, but=self._asks.running)
        _cancel(replaced)
        return ask.future

    def serving(self, node: Node) -> Node:
        """The node that answers for this one: a smaller one once memory has run out."""
        with self._lock:
            while (smaller := self._smaller.get(node)) is not None:
                node = smaller
        return node

    def close(self) -> None:
        """Cancels what waits, stops what runs before its next step, and ends the threads.

        Returns when they have ended: a plate that is being hashed is hashed to its end.
        """
        with self._lock:
            self._closed = True
            asks = list(self._asks)
        _cancel(asks)
        for lanes in self._naming.values():
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

    # With the lock held.

    def _ask(self, node: Node, frame: int, priority: Priority, viewer: Hashable) -> Request:
        ask = self._asks.add(node, frame, priority, viewer)
        # by its number: future and ask in a circle would keep the matte after its last user
        ask.future.add_done_callback(partial(self._leave, priority, ask.number))
        self._name_later(ask)
        return ask

    def _name_later(self, ask: Request) -> None:
        if not self._closed:
            self._naming[ask.priority].submit(ask.node, partial(self._name, ask))

    def _run_later(self) -> None:
        if not self._closed:
            self._device.submit(self._run)

    # Called by a future, on any thread.

    def _leave(self, priority: Priority, number: int, future: Future[Matte]) -> None:
        if future.cancelled():
            future.set_running_or_notify_cancel()  # wakes those in concurrent.futures.wait
        with self._lock:
            self._asks.leave(priority, number)

    # On the threads that name.

    def _name(self, ask: Request) -> None:
        """Finds out what an ask is for; answers it if that is in RAM."""
        if ask.future.done():
            return
        node = self.serving(ask.node)
        try:
            digest = node.digest(ask.frame)
            self.steps += 1
            matte = node.stored(ask.frame)
        except BaseException as error:  # of whatever kind: nobody shall wait for ever
            _fail([ask], error)
            return
        with self._lock:
            if ask not in self._asks:
                return
            if node in self._smaller:  # memory ran out meanwhile
                self._name_later(ask)
                return
            if matte is None:
                self._asks.name(ask, node, digest)
                self._run_later()
            replaced = self._asks.replaced(ask, but=ask.work)
        _cancel(replaced)
        if matte is not None:
            self._answer([ask], matte)

    # On the device's thread.

    def _run(self) -> None:
        """Does the most urgent work; called at least once for each that waits."""
        with self._lock:
            work = self._asks.begin()
        if work is None:
            return
        self.steps += 1
        try:
            matte = self._make(work)
        except BaseException as error:  # of whatever kind: nobody shall wait for ever
            _fail(self._end(work), error)
        else:
            if matte is not None:
                self._answer(self._end(work), matte)

    def _make(self, work: Work) -> Matte | None:
        """The matte of a work; None when it was put off."""
        told = False

        def cancel() -> bool:
            nonlocal told
            self.steps += 1
            told = told or self._is_to_stop(work)
            return told

        try:
            return work.node.matte(work.frame, cancel)
        except CancelledError:
            if not told:
                raise
            with self._lock:
                self._asks.end(work)
                self._run_later()
        except OutOfMemoryError:
            smaller = work.node.smaller()
            if smaller is None:
                raise
            self._replace(work, smaller)
        return None

    def _is_to_stop(self, work: Work) -> bool:
        with self._lock:
            first = self._asks.first()
            return first is None or not work.asks or first.priority < work.priority

    def _replace(self, work: Work, smaller: Node) -> None:
        """Has a smaller node answer all that waits for a node, so that no shot mixes the two."""
        with self._lock:
            self._asks.end(work)
            self._smaller[work.node] = smaller
            for ask in self._asks.of(work.node):
                self._asks.unname(ask)
                self._name_later(ask)

    def _end(self, work: Work) -> list[Request]:
        with self._lock:
            return self._asks.end(work)

    # On either.

    def _answer(self, asks: list[Request], matte: Matte) -> None:
        for ask in asks:
            # the pixels are the same, the frame (of a held plate) or a name may be another
            own = replace(matte, frame=ask.frame, elements=ask.node.shot.names)
            with suppress(InvalidStateError):  # cancelled this moment
                ask.future.set_result(own)
        for ask in asks:
            if ask.priority is Priority.INTERACTIVE:
                self._look_around(ask)

    def _look_around(self, ask: Request) -> None:
        """Has the neighbours of a frame made that was looked at, if nothing else is asked for."""
        with self._lock:
            if self._closed or self._asks:
                return
            for frame in _around(ask.node.shot.range, ask.frame, ask.heading, self._neighbours):
                self._ask(ask.node, frame, Priority.PREFETCH, NOBODY)


def _around(frames: FrameRange, frame: int, heading: int, each: int) -> list[int]:
    """The next frames of a range in the direction of ``heading``, then those on the other side."""
    sides = (range(frame + 1, frames.last + 1), range(frame - 1, frames.first - 1, -1))
    near = (islice(filter(frames.__contains__, side), each) for side in sides[::heading])
    return list(chain.from_iterable(near))


def _cancel(asks: Iterable[Request]) -> None:
    for ask in asks:
        ask.future.cancel()


def _fail(asks: list[Request], error: BaseException) -> None:
    for ask in asks:
        with suppress(InvalidStateError):  # cancelled this moment
            ask.future.set_exception(error)
