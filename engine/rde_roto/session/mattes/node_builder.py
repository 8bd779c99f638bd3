"""The nodes of a shot that changes, built and asked on a thread of their own.

The first node of a shot hashes its plate, which takes a while; the digests of all frames take a
moment after every edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol

from rde_roto.advice import Advice, advise
from rde_roto.drift import StoredDrift, stored_drift
from rde_roto.node import RotoNode
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import NodeMaker, Post
from rde_roto.values.errors import CancelledError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

P = ParamSpec("P")


@dataclass(frozen=True, eq=False)
class Edition:
    """A shot after an edit. ``shot`` is called on the builder's thread; it returns None while
    nothing is drawn. ``learned`` are the weights that its model has learned, if any.
    """

    shot: Callable[[], Shot | None]
    preset: Preset
    learned: Path | None = None


class NodeListener(Protocol):
    """Hears of the newest edition, on the session's thread."""

    def nothing_drawn(self) -> None:
        """There is no node, since nothing is drawn."""

    def node_came(self, node: RotoNode) -> None:
        """The node is there; the digests of its frames are being computed."""

    def digests_came(self, digests: dict[int, str], made: set[int]) -> None:
        """The digests of all frames, and the frames that need no steps of the network."""

    def node_failed(self, sentence: str) -> None:
        """There will be no node, or no digests."""

    def advice_came(self, advice: Advice) -> None:
        """The advice that was asked for."""

    def drift_came(self, drift: Mapping[int, Mapping[str, float]]) -> None:
        """The distances from the keyframes (`drift.StoredDrift`), after the advice."""

    def advice_failed(self, sentence: str) -> None:
        """There will be no advice."""


class NodeBuilder:
    """Builds a node for each edition. What is asked of an older one is dropped.

    Args:
        make: makes the first node, and one for other learned weights.
        post: leads back to the session's thread.
        listener: hears what came of it.
    """

    def __init__(self, make: NodeMaker, post: Post, listener: NodeListener) -> None:
        self.edition = 0
        self._make, self._post, self._listener = make, post, listener
        self._executor = ThreadPoolExecutor(1, "rde-roto-nodes")
        self._drift = StoredDrift()  # what was measured last; used by the thread alone
        self._last: tuple[Path | None, RotoNode] | None = None  # learned weights, and their node

    def build(self, shot: Edition) -> None:
        """Make the node of another edition, and compute the digests of all of its frames."""
        self.edition += 1
        self._executor.submit(self._build, self.edition, shot)

    def advise(self, node: RotoNode, frames: frozenset[int]) -> None:
        """Assess frames whose mattes are made, and measure how far they have drifted."""
        self._executor.submit(self._advise, self.edition, node, frames)

    def close(self) -> None:
        """End the thread. Nothing is heard of any more."""
        self.edition += 1
        self._executor.shutdown(cancel_futures=True)

    # On the builder's thread.

    def _build(self, edition: int, wanted: Edition) -> None:
        if edition != self.edition:
            return
        try:
            shot = wanted.shot()
            if shot is None:
                self._tell(edition, self._listener.nothing_drawn)
                return
            node = self._node_of(shot, wanted)
            self._tell(edition, self._listener.node_came, node)
            digests, made, is_stored = {}, set(), node.stores.raws.lister()
            for frame in shot.range:
                if edition != self.edition:
                    return
                digests[frame] = node.digest(frame)
                if node.is_made(frame, is_stored):
                    made.add(frame)
            self._tell(edition, self._listener.digests_came, digests, made)
        except Exception as error:  # of any kind: a thread that dies is silent
            self._tell(edition, self._listener.node_failed, sentence(error))

    def _node_of(self, shot: Shot, wanted: Edition) -> RotoNode:
        known = self._last
        if known is None or known[0] != wanted.learned:
            node = self._make(shot, wanted.preset, wanted.learned)
        else:
            node = known[1].edited(shot, wanted.preset)
        self._last = wanted.learned, node
        return node

    def _advise(self, edition: int, node: RotoNode, made: frozenset[int]) -> None:
        """Compute advice on a node of its own: a node must not be used from two threads."""
        if edition != self.edition or not made:
            return
        try:
            own, frames = node.edited(), FrameRange.of(made)

            def cancel() -> bool:
                return edition != self.edition

            self._tell(edition, self._listener.advice_came, advise(own, frames, cancel))
            self._drift = stored_drift(own, frames, self._drift, cancel)
            self._tell(edition, self._listener.drift_came, self._drift.distances)
        except CancelledError:
            pass
        except Exception as error:  # of any kind: a thread that dies is silent
            self._tell(edition, self._listener.advice_failed, sentence(error))

    def _tell(
        self,
        edition: int,
        hear: Callable[P, None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Report on the session's thread, unless there is a newer edition by then."""

        def on_thread() -> None:
            if edition == self.edition:
                hear(*args, **kwargs)

        self._post(on_thread)
