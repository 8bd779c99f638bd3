"""Other mattes to compare with: the previous version, or one keyframe alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from dataclasses import replace
from enum import Enum
from functools import partial

from rde_roto.engine import Engine, Priority
from rde_roto.node import RotoNode
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import Post
from rde_roto.session.mattes.known_mattes import FrameMattes
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.values.errors import CancelledError, UsageError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import Matte


class Against(Enum):
    """What the other side of a wipe shows."""

    PLATE = "the plate"
    BEFORE = "the version before"
    EARLIER = "the keyframe before, alone"
    LATER = "the keyframe after, alone"


class Comparison:
    """Mattes to compare the current ones with. Used on one thread, the one that ``post`` leads to.

    Those of the previous version are shown where they were made. Those of one keyframe alone are
    made when they are looked at.

    Args:
        live: the current mattes.
        engine: makes what is missing.
        post: leads back to the session's thread.
        changed: called when there are other mattes, with a sentence if something failed.
    """

    def __init__(
        self, live: LiveMattes, engine: Engine, post: Post, changed: Callable[[str | None], None]
    ) -> None:
        self.against = Against.PLATE
        self._live, self._engine = live, engine
        self._post, self._changed = post, changed
        # the full node, the keyframe's frame, and the node of that keyframe alone
        self._alone: tuple[RotoNode, int, RotoNode | None] | None = None
        self._asked: dict[tuple[RotoNode, int], Future[Matte]] = {}

    def compare_with(self, against: Against, frame: int) -> None:
        """Compare with something else.

        Raises UsageError if there is nothing of that kind at this frame.
        """
        before, self.against = self.against, against
        if against is not Against.PLATE and self._node(frame) is None:
            self.against = before
            raise UsageError(_NOTHING[against])
        self.request(frame)

    def mattes(self, frame: int) -> FrameMattes | None:
        """Return the other mattes of a frame; None if there are none or they are not ready yet."""
        node = self._node(frame)
        matte = None if node is None else node.stored(frame)
        if node is None or matte is None:
            return None
        planes = dict(zip(node.shot.ids, matte.alpha, strict=True))
        return FrameMattes(matte.digest, planes, is_current=False)

    def words(self, frame: int) -> str:
        """Return what the other side shows at a frame, or why it shows no matte."""
        if self.against is Against.PLATE or self.mattes(frame) is not None:
            return self.against.value
        is_asked = any(at == frame for _, at in self._asked)
        return f"{self.against.value}: {'being made…' if is_asked else 'no matte here'}"

    def request(self, frame: int) -> None:
        """Have the other mattes of a frame made. Requests for other frames are cancelled."""
        node = self._node(frame)
        for key in [key for key in self._asked if key != (node, frame)]:
            self._asked.pop(key).cancel()
        if node is None or (node, frame) in self._asked or self.mattes(frame) is not None:
            return
        if self.against is Against.BEFORE and not node.is_made(frame):
            return
        future = self._engine.submit(node, frame, Priority.INTERACTIVE)
        self._asked[node, frame] = future
        future.add_done_callback(
            lambda done: self._post(partial(self._came, node, frame, done)),
        )

    def close(self) -> None:
        """Cancel all requests."""
        for future in self._asked.values():
            future.cancel()
        self._asked.clear()

    def _came(self, node: RotoNode, frame: int, future: Future[Matte]) -> None:
        if self._asked.get((node, frame)) is not future:
            return
        del self._asked[node, frame]
        try:
            future.result()
        except (FutureCancelled, CancelledError):
            return
        except Exception as error:  # of any kind: the artist gets a message
            self.against = Against.PLATE  # otherwise it would be requested again and again
            self._changed(f"nothing to compare with: {sentence(error)}")
            return
        self._changed(None)

    def _node(self, frame: int) -> RotoNode | None:
        """Return the node that makes the other mattes at a frame."""
        node = self._live.node
        if self.against is Against.PLATE or node is None or not self._live.is_settled:
            return None
        if self.against is Against.BEFORE:
            return self._live.previous
        keyframes = [k.frame for k in node.shot.ordered]
        if self.against is Against.EARLIER:
            near = max((at for at in keyframes if at < frame), default=None)
        else:
            near = min((at for at in keyframes if at > frame), default=None)
        if near is None:
            return None
        if self._alone is None or self._alone[:2] != (node, near):
            self._alone = node, near, _of_one(node, near)
        return self._alone[2]


def _of_one(node: RotoNode, frame: int) -> RotoNode | None:
    """Return a node of the elements that a keyframe draws, from that keyframe alone and without
    locks.

    Elements that are empty there are left out, since there is nothing to track. None if none is
    left.
    """
    shot, keyframe = node.shot, node.shot.keyframe_at(frame)
    if keyframe is None:
        return None
    drawn = shot.drawn_elements(keyframe)
    places = [place for place in range(len(drawn)) if keyframe.alpha[place].any()]
    if not places:
        return None
    ids = tuple(drawn[place] for place in places)
    elements = tuple(replace(e, in_point=None) for e in shot.elements if e.id in ids)
    alone = Keyframe(frame, keyframe.alpha[places], ids)
    return node.edited(replace(shot, elements=elements, keyframes=(alone,), locks=()))


_NOTHING = {
    Against.BEFORE: "there is no version before: propagate, correct, propagate again",
    Against.EARLIER: "no keyframe lies before this frame",
    Against.LATER: "no keyframe lies after this frame",
}
