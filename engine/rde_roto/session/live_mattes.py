"""The mattes of a draft: which frames have one, which are being made, which to correct next.

Every edit makes a new node. That happens on a separate thread, since the first node hashes the
plate. Frames that were requested and are not there yet are requested from the new node. Frames that
the edit does not affect keep their digests, and come from the stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rde_roto.advice import Advice, advise
from rde_roto.engine import Priority
from rde_roto.node import RotoNode
from rde_roto.session.backend import Backend, Post
from rde_roto.values.errors import CancelledError, RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

_SUBMITTED_AHEAD = 3
"""Frames requested at a time, so that the device stays busy between answers."""
_VIEWER = "rde-roto view"


@dataclass(frozen=True, eq=False)
class FrameMattes:
    """A frame's mattes by element id, float32 [H, W], read-only.

    `is_current` is false for mattes that an edit has made out of date.
    """

    digest: str
    planes: Mapping[str, FloatArray]
    is_current: bool


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
        self.total = 0
        self._backend = backend
        self._post = post
        self._changed = changed
        self._executor = ThreadPoolExecutor(1, "rde-roto-nodes")
        self._edition = 0
        self._node_edition = self._digests_edition = 0
        self._last: tuple[Path | None, RotoNode] | None = None  # learned weights, and their node
        self._ids: tuple[str, ...] = ()
        self._versions: list[RotoNode] = []  # that mattes were requested from, the newest last
        self._digests: dict[int, str] = {}
        self._made: set[int] = set()
        self._newest: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._pending: dict[int, None] = {}  # in order
        self._submitted: dict[int, Future[Matte]] = {}
        self._closed = False
        self._step = 0
        self._steps: dict[tuple[int, str], int] = {}  # of a frame's mattes: the first that had it
        self._forgets_after: int | None = None  # the step from which the mattes of others go
        self._when_settled: list[Callable[[RotoNode], None]] = []
        self._failure: tuple[int, str] | None = None  # of the last edit that has no node, and why

    def set_shot(
        self,
        shot: Callable[[], Shot | None],
        preset: Preset,
        learned: Path | None = None,
        *,
        step: int = 0,
        forgets: bool = False,
    ) -> None:
        """Continue with another shot, another preset, or other learned weights.

        ``shot`` is called on another thread, one call after the other. It returns None while
        nothing is drawn. ``step`` says how many changes led to it. With ``forgets``, after undo or
        redo, what was requested is dropped, and so are mattes that only later steps had.
        """
        self._edition += 1
        self._step = step
        if forgets:
            known = self._forgets_after
            self._forgets_after = step if known is None else min(known, step)
        self._pending = {} if forgets else dict.fromkeys([*self._submitted, *self._pending])
        self._cancel_submitted()
        self._executor.submit(self._build_node, self._edition, shot, preset, learned)

    def newest(self, frame: int) -> FrameMattes | None:
        """Return the newest matte of a frame that is in memory."""
        if self.node is None:
            return None
        digest = self._digests.get(frame)
        known = [] if digest is None else [(digest, self._ids)]
        known += [self._newest[frame]] if frame in self._newest else []
        for candidate, ids in known:
            kept = self.node.stores.mattes.get(candidate)
            if kept is not None and len(kept.planes) == len(ids):
                self._newest[frame] = candidate, ids
                if candidate == digest and self.is_settled:
                    self._steps.setdefault((frame, candidate), self._step)
                planes = dict(zip(ids, kept.planes, strict=True))
                return FrameMattes(candidate, planes, candidate == digest)
        return None

    def digest(self, frame: int) -> str | None:
        """Return the digest of a frame's matte; None as long as it is not known."""
        return self._digests.get(frame)

    def is_made(self, frame: int) -> bool:
        """Whether a frame's matte, for the shot as it is now, needs no more steps of the
        network.
        """
        return frame in self._made

    def is_stale(self, frame: int) -> bool:
        """Whether a frame has a matte, but not that of the shot as it is now."""
        return self.node is not None and frame not in self._made and frame in self._newest

    def is_waiting(self, frame: int) -> bool:
        """Whether a frame's matte is being made or will be."""
        return frame in self._submitted or frame in self._pending

    @property
    def is_settled(self) -> bool:
        """Whether the states of frames are those of the shot as it is now."""
        return self._digests_edition == self._edition

    @property
    def has_failed(self) -> bool:
        """Whether the states of frames will not come, because keyframes overlap, say."""
        return self._failure is not None and self._failure[0] == self._edition

    @property
    def previous(self) -> RotoNode | None:
        """The version that was propagated before the one that is shown now."""
        return next((one for one in reversed(self._versions) if one is not self.node), None)

    def when_settled(self, use: Callable[[RotoNode], None]) -> None:
        """Call `use` with the node of the shot as it is now, at once or when there is one."""
        self._when_settled.append(use)
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
        if self.node is not None and self._is_newest and frame in self._made and not is_there:
            engine = self._backend.engine
            self._receive_later(
                engine.submit(self.node, frame, Priority.INTERACTIVE, _VIEWER), frame
            )

    def propagate(self, frames: Iterable[int]) -> None:
        """Have mattes made in this order. Returns at once."""
        self._pending = dict.fromkeys(frame for frame in frames if frame not in self._submitted)
        self.total = self.remaining
        self._start_pending()

    def track_first(self, frame: int) -> None:
        """Have a frame's matte made before all others that are waiting."""
        if frame not in self._submitted:
            self._pending = {frame: None} | self._pending
            self.total = max(self.total, self.remaining)
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
        self._edition += 1
        self._pending.clear()
        self._cancel_submitted()
        self._executor.shutdown(cancel_futures=True)

    # On the thread that builds nodes.

    def _build_node(
        self,
        edition: int,
        make_shot: Callable[[], Shot | None],
        preset: Preset,
        learned: Path | None,
    ) -> None:
        """Make the node, then compute the digests of all of its frames."""
        if edition != self._edition:
            return
        try:
            shot = make_shot()
            if shot is None:
                self._post(partial(self._set_empty, edition))
                return
            node = self._node_of(shot, preset, learned)
            self._post(partial(self._set_node, edition, node))
            digests, made, is_stored = {}, set(), node.stores.raws.lister()
            for frame in shot.range:
                if edition != self._edition:
                    return
                digests[frame] = node.digest(frame)
                if node.is_made(frame, is_stored):
                    made.add(frame)
            self._post(partial(self._set_digests, edition, digests, made))
        except Exception as error:  # of any kind: a thread that dies is silent
            self._post(partial(self._set_failure, edition, _sentence(error)))

    def _node_of(self, shot: Shot, preset: Preset, learned: Path | None) -> RotoNode:
        known = self._last
        if known is None or known[0] != learned:
            node = self._backend.make(shot, preset, learned)
        else:
            node = known[1].edited(shot, preset)
        self._last = learned, node
        return node

    def _advise(self, edition: int, node: RotoNode, made: frozenset[int]) -> None:
        """Compute advice on a node of its own: a node must not be used from two threads."""
        if edition != self._edition or not made:
            return
        try:
            advice = advise(node.edited(), FrameRange.of(made), lambda: edition != self._edition)
            self._post(partial(self._set_advice, edition, advice))
        except CancelledError:
            pass
        except RotoError as error:
            self._post(partial(self._changed, str(error)))

    # On the session's thread.

    @property
    def _is_newest(self) -> bool:
        """Whether the node is that of the last edit."""
        return self._node_edition == self._edition

    def _set_failure(self, edition: int, sentence: str) -> None:
        self._failure = edition, sentence
        if self._is_newest or not self._refuse():
            self._changed(sentence)

    def _refuse(self) -> bool:
        """Drop what was requested and say why, if the last edit has failed; whether it has."""
        if not self.has_failed or self._failure is None:
            return False
        self._pending.clear()
        self._cancel_submitted()
        self._when_settled.clear()
        self._changed(self._failure[1])
        return True

    def _set_empty(self, edition: int) -> None:
        if edition == self._edition:
            self._digests_edition = edition
            self.node, self.advice = None, None
            self._digests, self._made, self._pending = {}, set(), {}
            self._changed(None)

    def _set_node(self, edition: int, node: RotoNode) -> None:
        if edition == self._edition:
            self.node, self._node_edition = node, edition
            if node.shot.ids != self._ids:
                self._ids, self._digests, self._made = node.shot.ids, {}, set()
            self._submit_next()

    def _set_digests(self, edition: int, digests: dict[int, str], made: set[int]) -> None:
        if edition == self._edition:
            self._digests_edition, step = edition, self._step
            came = {f for f, (name, _) in self._newest.items() if digests.get(f) == name}
            self._digests, self._made = digests, made | came
            for one in ((frame, digests[frame]) for frame in came):
                self._steps[one] = min(self._steps.get(one, step), step)
            after, self._forgets_after = self._forgets_after, None
            if after is not None:
                self._newest = {
                    frame: (name, ids)
                    for frame, (name, ids) in self._newest.items()
                    if frame in self._made or self._steps.get((frame, name), 0) <= after
                }
            self._call_waiting()
            self._settle()

    def _call_waiting(self) -> None:
        if self.is_settled and self.node is not None:
            waiting, self._when_settled = self._when_settled, []
            for use in waiting:
                use(self.node)

    def _set_advice(self, edition: int, advice: Advice) -> None:
        if edition == self._edition:
            self.advice = advice
            self._changed(None)

    def _receive(self, frame: int, edition: int, future: Future[Matte]) -> None:
        if self._closed:
            return
        if self._submitted.get(frame) is future:
            del self._submitted[frame]
        try:
            matte = future.result()
        except (FutureCancelled, CancelledError):
            return
        except Exception as error:  # of any kind: the artist gets a message, and continues
            self._pending.clear()
            self._cancel_submitted()
            self._changed(_sentence(error))
            return
        if edition == self._edition and self.node is not None:
            self._digests[frame] = matte.digest
            self._made.add(frame)
            self._steps.setdefault((frame, matte.digest), self._step)
            self._newest[frame] = matte.digest, self.node.shot.ids
        self._submit_next()
        if self.remaining:
            self._changed(None)
        else:
            self._settle()

    def _settle(self) -> None:
        """Compute advice once all frames have arrived."""
        self._submit_next()
        if self.node is not None and not self.remaining:
            self._executor.submit(self._advise, self._edition, self.node, frozenset(self._made))
        self._changed(None)

    def _start_pending(self) -> None:
        """Submit what was requested, or refuse it if the last edit has no node."""
        if self._is_newest or not self._refuse():
            self._submit_next()
            self._changed(None)

    def _submit_next(self) -> None:
        if not self._is_newest:
            return  # the next node submits
        while self.node is not None and self._pending and len(self._submitted) < _SUBMITTED_AHEAD:
            frame = next(iter(self._pending))
            del self._pending[frame]
            if frame in self.node.shot.range and frame not in self._submitted:
                self._remember(self.node)
                future = self._backend.engine.submit(self.node, frame, Priority.BATCH)
                self._submitted[frame] = future
                self._receive_later(future, frame)

    def _remember(self, node: RotoNode) -> None:
        """Keep a version that mattes were requested from, and the one before it."""
        if not self._versions or self._versions[-1] is not node:
            self._versions = [*self._versions[-1:], node]

    def _receive_later(self, future: Future[Matte], frame: int) -> None:
        edition = self._edition
        future.add_done_callback(
            lambda done: self._post(partial(self._receive, frame, edition, done))
        )

    def _cancel_submitted(self) -> None:
        asked, self._submitted = self._submitted, {}
        for future in asked.values():
            future.cancel()


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, RotoError) else f"{type(error).__name__}: {error}"
