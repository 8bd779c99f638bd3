"""What the engine knows of a draft: which frames have a matte, which wait, which want a look.

An edit makes another node, on a thread of its own, since the first one hashes the plate. What was
asked for and is not there yet is asked of the new node; what the edit does not touch has the same
name there, and is answered from the stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rde_roto.advice import Advice, advise
from rde_roto.engine import Engine, Priority
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.values.errors import CancelledError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

Post: TypeAlias = Callable[[Callable[[], None]], None]
"""Has something done soon, on the thread of whoever works. May be called from any thread."""

NodeMaker: TypeAlias = Callable[[Shot, Preset, Path | None], RotoNode]
"""Makes the first node of a shot, with what its model has learned; later ones are edits of it until
something else is learned. Called on a thread of its own.
"""

_ASKED_AHEAD = 3
"""So that the device has something to do while an answer is on its way."""
_VIEWER = "rde-roto view"


@dataclass(frozen=True, eq=False)
class Backend:
    """Where mattes come from; `said` is what the headers of files say of how they came to be."""

    engine: Engine
    make: NodeMaker
    said: Callable[[OpenedShot], Mapping[str, str]]


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame's mattes by element id, float32 [H, W], read-only; `is_current` is false for what an
    edit has made stale. `digest` is their name.
    """

    digest: str
    planes: Mapping[str, FloatArray]
    is_current: bool


class LiveMattes:
    """The mattes of a shot that changes. Used on one thread, that which ``post`` leads to.

    Args:
        backend: where they come from.
        post: leads back to that thread.
        changed: told that states or mattes are others; with a sentence where something failed.
    """

    def __init__(self, backend: Backend, post: Post, changed: Callable[[str | None], None]) -> None:
        self.node: RotoNode | None = None
        self.advice: Advice | None = None
        self.total = 0
        self._backend = backend
        self._post = post
        self._changed = changed
        self._books = ThreadPoolExecutor(1, "rde-roto-books")
        self._edition = 0
        self._node_edition = self._names_edition = 0
        self._last: tuple[Path | None, RotoNode] | None = None  # what was learned; of the books
        self._ids: tuple[str, ...] = ()
        self._versions: list[RotoNode] = []  # that mattes were asked of, the newest last
        self._digests: dict[int, str] = {}
        self._made: set[int] = set()
        self._seen: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._todo: dict[int, None] = {}  # in their order
        self._asked: dict[int, Future[Matte]] = {}
        self._closed = False
        self._once_settled: list[Callable[[RotoNode], None]] = []

    def follow(
        self, shot: Callable[[], Shot | None], preset: Preset, learned: Path | None = None
    ) -> None:
        """Goes on with another shot, another preset, or what the model has learned of the shot.

        ``shot`` is called on another thread, one call after the other; it gives None while nothing
        is drawn.
        """
        self._edition += 1
        self._todo = dict.fromkeys([*self._asked, *self._todo])
        self._drop_asked()
        self._books.submit(self._look_up, self._edition, shot, preset, learned)

    def seen(self, frame: int) -> Seen | None:
        """The newest matte of a frame that is in RAM."""
        if self.node is None:
            return None
        digest = self._digests.get(frame)
        known = [] if digest is None else [(digest, self._ids)]
        known += [self._seen[frame]] if frame in self._seen else []
        for name, ids in known:
            kept = self.node.stores.mattes.get(name)
            if kept is not None and len(kept.planes) == len(ids):
                self._seen[frame] = name, ids
                planes = dict(zip(ids, kept.planes, strict=True))
                return Seen(name, planes, name == digest)
        return None

    def is_made(self, frame: int) -> bool:
        """Whether a frame's matte, as the shot is now, takes no step of the network any more."""
        return frame in self._made

    def is_stale(self, frame: int) -> bool:
        """Whether a frame has a matte, but not that of the shot as it is now."""
        return self.node is not None and frame not in self._made and frame in self._seen

    def is_waiting(self, frame: int) -> bool:
        """Whether a frame is being made, or will be."""
        return frame in self._asked or frame in self._todo

    @property
    def is_settled(self) -> bool:
        """Whether what is said of frames is true of the shot as it is now."""
        return self._names_edition == self._edition

    @property
    def before(self) -> RotoNode | None:
        """The version that was propagated before the one that is shown now."""
        return next((one for one in reversed(self._versions) if one is not self.node), None)

    def once_settled(self, use: Callable[[RotoNode], None]) -> None:
        """Calls with the node of the shot as it is now, at once or when there is one."""
        self._once_settled.append(use)
        self._call_waiting()

    @property
    def left(self) -> int:
        """How many frames of ``propagate`` are still to come, of ``total``."""
        return len(self._todo) + len(self._asked)

    def look(self, frame: int) -> None:
        """Has a frame's matte finished that the network has made already, ahead of all others."""
        seen = self.seen(frame)
        is_there = seen is not None and seen.is_current
        if self.node is not None and self._is_newest and frame in self._made and not is_there:
            engine = self._backend.engine
            self._listen(engine.submit(self.node, frame, Priority.INTERACTIVE, _VIEWER), frame)

    def propagate(self, frames: Iterable[int]) -> None:
        """Has mattes made, in this order; answers at once."""
        self._todo = dict.fromkeys(frame for frame in frames if frame not in self._asked)
        self.total = self.left
        self._ask()
        self._changed(None)

    def cancel(self) -> None:
        """Stops before the network's next step; what is made stays."""
        self._todo.clear()
        self._drop_asked()
        self._after()

    def close(self) -> None:
        """Waits for no matte; ends the thread of its own. What still comes back is not heeded."""
        self._closed = True
        self._edition += 1
        self._todo.clear()
        self._drop_asked()
        self._books.shutdown(cancel_futures=True)

    # On the thread of the books.

    def _look_up(
        self,
        edition: int,
        make_shot: Callable[[], Shot | None],
        preset: Preset,
        learned: Path | None,
    ) -> None:
        """Makes the node, then names all of its frames."""
        if edition != self._edition:
            return
        try:
            shot = make_shot()
            if shot is None:
                self._post(partial(self._take_nothing, edition))
                return
            node = self._node_of(shot, preset, learned)
            self._post(partial(self._take_node, edition, node))
            digests, made = {}, set()
            for frame in shot.range:
                if edition != self._edition:
                    return
                digests[frame] = node.digest(frame)
                if node.is_made(frame):
                    made.add(frame)
            self._post(partial(self._take_names, edition, digests, made))
        except Exception as error:  # of whatever kind: a thread that dies says nothing
            self._post(partial(self._changed, _sentence(error)))

    def _node_of(self, shot: Shot, preset: Preset, learned: Path | None) -> RotoNode:
        known = self._last
        if known is None or known[0] != learned:
            node = self._backend.make(shot, preset, learned)
        else:
            node = known[1].edited(shot, preset)
        self._last = learned, node
        return node

    def _advise(self, edition: int, node: RotoNode, made: frozenset[int]) -> None:
        """On a node of its own: makers of pixels are not to be asked from two threads."""
        if edition != self._edition or not made:
            return
        try:
            advice = advise(node.edited(), FrameRange.of(made), lambda: edition != self._edition)
            self._post(partial(self._take_advice, edition, advice))
        except CancelledError:
            pass
        except RotoError as error:
            self._post(partial(self._changed, str(error)))

    # Back on the thread of whoever works.

    @property
    def _is_newest(self) -> bool:
        """Whether the node is that of the last edit."""
        return self._node_edition == self._edition

    def _take_nothing(self, edition: int) -> None:
        if edition == self._edition:
            self._names_edition = edition
            self.node, self.advice = None, None
            self._digests, self._made, self._todo = {}, set(), {}
            self._changed(None)

    def _take_node(self, edition: int, node: RotoNode) -> None:
        if edition == self._edition:
            self.node, self._node_edition = node, edition
            if node.shot.ids != self._ids:
                self._ids, self._digests, self._made = node.shot.ids, {}, set()
            self._ask()

    def _take_names(self, edition: int, digests: dict[int, str], made: set[int]) -> None:
        if edition == self._edition:
            self._names_edition = edition
            came = {f for f, (name, _) in self._seen.items() if digests.get(f) == name}
            self._digests, self._made = digests, made | came
            self._call_waiting()
            self._after()

    def _call_waiting(self) -> None:
        if self.is_settled and self.node is not None:
            waiting, self._once_settled = self._once_settled, []
            for use in waiting:
                use(self.node)

    def _take_advice(self, edition: int, advice: Advice) -> None:
        if edition == self._edition:
            self.advice = advice
            self._changed(None)

    def _take(self, frame: int, edition: int, future: Future[Matte]) -> None:
        if self._closed:
            return
        if self._asked.get(frame) is future:
            del self._asked[frame]
        try:
            matte = future.result()
        except (FutureCancelled, CancelledError):
            return
        except Exception as error:  # of whatever kind: the artist is told, and goes on
            self._todo.clear()
            self._drop_asked()
            self._changed(_sentence(error))
            return
        if edition == self._edition and self.node is not None:
            self._digests[frame] = matte.digest
            self._made.add(frame)
            self._seen[frame] = matte.digest, self.node.shot.ids
        self._ask()
        if self.left:
            self._changed(None)
        else:
            self._after()

    def _after(self) -> None:
        """When there is time to think about what was made."""
        self._ask()
        if self.node is not None and not self.left:
            self._books.submit(self._advise, self._edition, self.node, frozenset(self._made))
        self._changed(None)

    def _ask(self) -> None:
        if not self._is_newest:
            return  # the next node asks
        while self.node is not None and self._todo and len(self._asked) < _ASKED_AHEAD:
            frame = next(iter(self._todo))
            del self._todo[frame]
            if frame in self.node.shot.range and frame not in self._asked:
                self._remember(self.node)
                future = self._backend.engine.submit(self.node, frame, Priority.BATCH)
                self._asked[frame] = future
                self._listen(future, frame)

    def _remember(self, node: RotoNode) -> None:
        """Keeps a version that mattes are asked of, and the one before it."""
        if not self._versions or self._versions[-1] is not node:
            self._versions = [*self._versions[-1:], node]

    def _listen(self, future: Future[Matte], frame: int) -> None:
        edition = self._edition
        future.add_done_callback(lambda done: self._post(partial(self._take, frame, edition, done)))

    def _drop_asked(self) -> None:
        asked, self._asked = self._asked, {}
        for future in asked.values():
            future.cancel()


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, RotoError) else f"{type(error).__name__}: {error}"
