"""The mattes of a draft: which frames have one, which are being made, which to correct next.

Every edit makes a new node (`node_builder`). Frames that were requested and are not there yet are
requested from the new node. Frames that the edit does not affect keep their digests, and come from
the stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from functools import partial
from itertools import chain

from rde_roto.advice import Advice
from rde_roto.engine import Priority
from rde_roto.node import RotoNode
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import Backend, Post
from rde_roto.session.mattes.known_mattes import FrameMattes, KnownMattes
from rde_roto.session.mattes.node_builder import Edition, NodeBuilder
from rde_roto.session.mattes.passes_done import PassesDone
from rde_roto.values.errors import CancelledError
from rde_roto.values.matte import Matte

_SUBMITTED_AHEAD = 3
"""Frames requested at a time, so that the device stays busy between answers."""
_VIEWER = "rde-roto view"
_NOTHING_DRAWN = "nothing is drawn yet: paint the element on one frame first"


class LiveMattes:
    """The mattes of a shot that changes. Used on one thread, the one that ``post`` leads to.

    Args:
        backend: where mattes come from.
        post: leads back to the session's thread.
        changed: called when states or mattes have changed, with a sentence if something failed.
    """

    def __init__(self, backend: Backend, post: Post, changed: Callable[[str | None], None]) -> None:
        self.node: RotoNode | None = None
        self.advice: Advice | None = None
        self.drift: Mapping[int, Mapping[str, float]] = {}
        self.total = 0
        self.passes_done = PassesDone(post, lambda: changed(None))
        self._advised: dict[int, str | None] = {}  # the digest of each suggested frame then
        self._backend = backend
        self._post = post
        self._changed = changed
        self._builder = NodeBuilder(backend.make, post, self)
        self._shot: Edition | None = None
        self._known = KnownMattes()
        self._node_edition = self._digests_edition = 0
        self._versions: list[RotoNode] = []  # that mattes were requested from, the newest last
        self._pending: dict[int, None] = {}  # in order
        self._submitted: dict[int, Future[Matte]] = {}
        self._closed = False
        self._when_settled: list[tuple[Callable[[RotoNode], None], Callable[[], None]]] = []
        self._failure = 0, ""  # of the last edit that has no node, and why

    def set_shot(self, shot: Edition, *, step: int = 0, forgets: bool = False) -> None:
        """Continue with another shot, another preset, or other learned weights.

        ``step`` says how many changes led to it. With ``forgets``, after undo or redo, what was
        requested is dropped, and so are mattes that only later steps had.
        """
        self._known.begin_step(step, forgets=forgets)
        self._shot = shot
        if forgets:
            self._pending.clear()
            self._cancel_submitted()
        self._build()

    def try_again(self) -> str:
        """Make the node of the last edit again if that has failed: a plate that was away may be
        back. Returns why it failed; "" if it did not.
        """
        why = self._why_failed
        if why:
            self._build()
        return why

    def newest(self, frame: int) -> FrameMattes | None:
        """Return the newest matte of a frame that is in memory."""
        return None if self.node is None else self._known.newest(frame, self.node.stores.mattes)

    def digest(self, frame: int) -> str | None:
        """Return the digest of a frame's matte; None as long as it is not known."""
        return self._known.digest(frame)

    def is_made(self, frame: int) -> bool:
        """Whether a frame's matte, for the shot as it is now, needs no more steps of the
        network.
        """
        return self._known.is_made(frame)

    def is_stale(self, frame: int) -> bool:
        """Whether a frame has a matte, but not that of the shot as it is now."""
        return self.node is not None and self._known.is_stale(frame)

    def is_as_advised(self, frame: int) -> bool:
        """Whether a suggested frame's matte is that which `advice` is about."""
        return self._advised.get(frame) == self.digest(frame)

    def is_waiting(self, frame: int) -> bool:
        """Whether a frame's matte is being made or will be."""
        return frame in self._submitted or frame in self._pending

    @property
    def is_settled(self) -> bool:
        """Whether the states of frames are those of the shot as it is now."""
        return self._digests_edition == self._builder.edition

    @property
    def has_failed(self) -> bool:
        """Whether the states of frames will not come, because keyframes overlap, say."""
        return bool(self._why_failed)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn that could be tracked: no frame has more than empty drawings."""
        return self.is_settled and self.node is None

    @property
    def previous(self) -> RotoNode | None:
        """The version that was propagated before the one that is shown now."""
        return next((one for one in reversed(self._versions) if one is not self.node), None)

    def when_settled(self, use: Callable[[RotoNode], None], refused: Callable[[], None]) -> None:
        """Call `use` with the node of the shot as it is now, at once or when there is one. If there
        will be none, it is said why, and `refused` is called.
        """
        self.try_again()
        self._when_settled.append((use, refused))
        if not self._refuse():
            self._call_waiting()

    @property
    def remaining(self) -> int:
        """How many frames of ``propagate`` are still to come, of ``total``."""
        return len(self._pending) + len(self._submitted)

    def request(self, frame: int) -> None:
        """Finish a frame's matte ahead of all others, if the network has tracked it already."""
        seen = self.newest(frame)
        is_there = seen is not None and seen.is_current
        is_made = self._known.is_made(frame)
        if self.node is not None and self._is_newest and is_made and not is_there:
            engine = self._backend.engine
            self._receive_later(
                engine.submit(self.node, frame, Priority.INTERACTIVE, _VIEWER), frame
            )

    def propagate(self, frames: Iterable[int]) -> None:
        """Have mattes made in this order, before others that are waiting, or say why that cannot
        be. Returns at once.
        """
        wanted = chain(frames, self._pending)
        self._pending = dict.fromkeys(frame for frame in wanted if frame not in self._submitted)
        self.total = self.remaining
        self.passes_done.begin()
        self._start_pending()

    def track_first(self, frame: int) -> None:
        """Have a frame's matte made before all others that are waiting."""
        if frame not in self._submitted:
            self._pending = {frame: None} | self._pending
            self.total = max(self.total, self.remaining)
            self.passes_done.go_on()
        self._start_pending()

    def drop(self, frame: int) -> None:
        """Have a frame's matte made no longer. Others stay requested."""
        self._pending.pop(frame, None)
        future = self._submitted.pop(frame, None)
        if future is not None:
            future.cancel()
        self._settle()

    def cancel(self) -> None:
        """Stop before the network's next step. Finished mattes stay."""
        self._pending.clear()
        self._cancel_submitted()
        self._settle()

    def close(self) -> None:
        """Cancel everything and end the thread. Results that still arrive are ignored."""
        self._closed = True
        self._pending.clear()
        self._cancel_submitted()
        self._builder.close()

    # What the builder reports (`node_builder.NodeListener`).

    def nothing_drawn(self) -> None:
        """See `NodeListener`."""
        self._digests_edition = self._builder.edition
        self.node, self.advice, self.drift = None, None, {}
        self._known.clear()
        is_awaited = bool(self._pending or self._when_settled)
        if not (is_awaited and self._refuse()):
            self._changed(None)

    def node_came(self, node: RotoNode) -> None:
        """See `NodeListener`."""
        self.node, self._node_edition = node, self._builder.edition
        self._known.set_ids(node.shot.ids)
        self._submit_next()

    def digests_came(self, digests: dict[int, str], made: set[int]) -> None:
        """See `NodeListener`."""
        self._digests_edition = self._builder.edition
        self._known.set_digests(digests, made)
        self._call_waiting()
        self._settle()

    def node_failed(self, sentence: str) -> None:
        """See `NodeListener`."""
        self._failure = self._builder.edition, sentence
        if self._is_newest or not self._refuse():  # frames of a node may still be made
            self._refuse_waiting()
            self._changed(sentence)

    def advice_came(self, advice: Advice) -> None:
        """See `NodeListener`."""
        self.advice = advice
        self._advised = {one.frame: self.digest(one.frame) for one in advice.ranked}
        self._changed(None)

    def drift_came(self, drift: Mapping[int, Mapping[str, float]]) -> None:
        """See `NodeListener`."""
        self.drift = drift
        self._changed(None)

    def advice_failed(self, sentence: str) -> None:
        """See `NodeListener`."""
        self._changed(sentence)

    # Private.

    def _build(self) -> None:
        """Make the node that all that was requested comes from."""
        assert self._shot is not None
        self._pending = dict.fromkeys([*self._submitted, *self._pending])
        self._cancel_submitted()
        self.passes_done.go_on()
        self._builder.build(self._shot)

    @property
    def _why_failed(self) -> str:
        """Why the last edit has no node, or no states of frames; "" if that has not failed."""
        edition, why = self._failure
        return why if edition == self._builder.edition else ""

    @property
    def _is_newest(self) -> bool:
        """Whether the node is that of the last edit."""
        return self._node_edition == self._builder.edition

    def _refuse(self) -> bool:
        """Drop what was requested and say why, if there will be no mattes of the last edit; whether
        that is so.
        """
        why = _NOTHING_DRAWN if self.is_empty else self._why_failed
        if not why:
            return False
        self._pending.clear()
        self._cancel_submitted()
        self._refuse_waiting()
        self._changed(why)
        return True

    def _refuse_waiting(self) -> None:
        waiting, self._when_settled = self._when_settled, []
        for _, refused in waiting:
            refused()

    def _call_waiting(self) -> None:
        if self.is_settled and self.node is not None:
            waiting, self._when_settled = self._when_settled, []
            for use, _ in waiting:
                use(self.node)

    def _receive(self, frame: int, edition: int, future: Future[Matte]) -> None:
        if self._closed:
            return
        if self._submitted.get(frame) is future:
            del self._submitted[frame]
            self.passes_done.finish(frame)
        try:
            matte = future.result()
        except (FutureCancelled, CancelledError):
            return
        except Exception as error:  # of any kind: the artist gets a message, and continues
            self._pending.clear()
            self._cancel_submitted()
            self._changed(sentence(error))
            return
        if edition == self._builder.edition and self.node is not None:
            self._known.add(frame, matte.digest)
        self._submit_next()
        if self.remaining:
            self._changed(None)
        else:
            self._settle()

    def _settle(self) -> None:
        """Compute advice once all frames have arrived."""
        self._submit_next()
        if self.node is not None and self.is_settled and not self.remaining:
            self._builder.advise(self.node, self._known.made)
        self._changed(None)

    def _start_pending(self) -> None:
        """Submit what was requested, or refuse it if the last edit has no node."""
        self.try_again()
        if self._is_newest or not self._refuse():
            self._submit_next()
            self._changed(None)

    def _submit_next(self) -> None:
        if not self._is_newest:
            return  # the next node submits
        while self.node is not None and self._pending and len(self._submitted) < _SUBMITTED_AHEAD:
            count = self.passes_done.of(self.node, chain(self._submitted, self._pending))
            frame = next(iter(self._pending))
            del self._pending[frame]
            if frame in self.node.shot.range and frame not in self._submitted:
                self._remember(self.node)
                future = self._backend.engine.submit(
                    self.node, frame, Priority.BATCH, on_second=count
                )
                self._submitted[frame] = future
                self._receive_later(future, frame)

    def _remember(self, node: RotoNode) -> None:
        """Keep a version that mattes were requested from, and the one before it."""
        if not self._versions or self._versions[-1] is not node:
            self._versions = [*self._versions[-1:], node]

    def _receive_later(self, future: Future[Matte], frame: int) -> None:
        edition = self._builder.edition
        future.add_done_callback(
            lambda done: self._post(partial(self._receive, frame, edition, done))
        )

    def _cancel_submitted(self) -> None:
        asked, self._submitted = self._submitted, {}
        for future in asked.values():
            future.cancel()
