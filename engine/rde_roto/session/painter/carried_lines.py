"""Lines of keyframes, carried to the frames between them by what the element's matte does there.

They are derived, never stored: what is stored is a line on its keyframe and the mask drawn with it.
Only frames that are tracked without a gap from the keyframe get them; the network is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np

from rde_roto.node import RotoNode
from rde_roto.session.document.draft import Draft
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.mattes.backend import Post
from rde_roto.session.mattes.followed_mattes import FollowedMattes
from rde_roto.shapes.carrying import Carrier
from rde_roto.shapes.shape import Points
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import CancelledError

_MOST_CHAINS = 8
"""A chain of two hundred frames holds a few megabytes."""

_Key: TypeAlias = "tuple[str, tuple[Plane, ...]]"
"""What the lines at a frame depend on: the digest of its matte, and the keyframes beside it that
have lines."""


@dataclass(frozen=True, eq=False)
class Carried:
    """Lines at a frame, and the drawing of the keyframe that they come from."""

    lines: tuple[Line, ...] = ()
    source: Plane | None = None


class CarriedLines:
    """The lines at frames that are not drawn. Used on the thread that ``post`` leads to; must be
    closed.

    Args:
        editor: holds the draft and its mattes.
        post: leads from other threads to that of the session.
        changed: called when there are other lines.
    """

    def __init__(self, editor: ShotEditor, post: Post, changed: Callable[[], None]) -> None:
        self._editor, self._post, self._changed = editor, post, changed
        self._executor = ThreadPoolExecutor(1, "rde-roto-lines")
        self._known: dict[tuple[int, str], tuple[_Key, Carried]] = {}
        self._wanted: object = None
        self._is_closed = False
        self._worker = _Worker()

    def at(self, frame: int, element: str) -> Carried:
        """Return the lines at a frame as far as they are known, and have them made for the shot as
        it is now. As a matte does, they stay until newer ones have come.
        """
        draft, live = self._editor.draft, self._editor.live
        sources = _sources(draft, frame, element)
        is_drawn = draft.drawn(frame, element) is not None or element in draft.locked(frame)
        if is_drawn or not sources or live.newest(frame) is None:
            return Carried()
        digest, known = live.digest(frame), self._known.get((frame, element))
        if live.node is not None and live.is_settled and digest is not None:
            key = digest, tuple(draft.drawings[at][element] for at in sources)
            is_new = known is None or known[0] != key
            if is_new and any(self._reaches(at, frame, live.node) for at in sources):
                self._request(frame, element, key, live.node)
        return Carried() if known is None else known[1]

    def close(self) -> None:
        """Stop what is being made, and end the thread."""
        self._wanted, self._is_closed = None, True
        self._executor.shutdown(cancel_futures=True)

    def _reaches(self, start: int, frame: int, node: RotoNode) -> bool:
        """Whether all frames from a keyframe to a frame are tracked."""
        is_made = self._editor.live.is_made
        return all(at == start or is_made(at) for at in node.shot.range.walk(start, frame))

    def _request(self, frame: int, element: str, key: _Key, node: RotoNode) -> None:
        wanted = frame, element, key
        if wanted == self._wanted or self._is_closed:
            return
        self._wanted = wanted
        draft = self._editor.draft

        def is_superseded() -> bool:
            return self._wanted is not wanted

        def make() -> None:
            with suppress(CancelledError):
                carried = self._worker.carried(draft, node, element, frame, is_superseded)
                found = None if carried is None else (key, carried)
                self._post(partial(self._came, (frame, element), found))

        self._executor.submit(self._editor.reported, make)

    def _came(self, place: tuple[int, str], found: tuple[_Key, Carried] | None) -> None:
        """Show lines in place of older ones, or none if they do not reach the frame any more."""
        self._known.pop(place, None)
        if found is not None:
            self._known[place] = found
        self._changed()


@dataclass(eq=False)
class _Chain:
    """Lines that are carried from one keyframe in one direction, as far as they were needed:
    `frames` has the digest of each frame's matte, and the lines there or None.
    """

    source: Plane
    last: int
    carrier: Carrier
    frames: dict[int, tuple[str, Carried | None]] = field(default_factory=dict)

    def holds(self, source: Plane, node: RotoNode) -> bool:
        """Whether all of it is that of the shot as it is now."""
        same = (node.digest(at) == digest for at, (digest, _) in self.frames.items())
        return self.source is source and all(same)


class _Worker:
    """Carries lines. Used on one thread."""

    def __init__(self) -> None:
        self._nodes: tuple[RotoNode, RotoNode] | None = None  # the session's, and the one used here
        self._chains: dict[tuple[str, int, bool], _Chain] = {}

    def carried(
        self, draft: Draft, node: RotoNode, element: str, frame: int, cancel: Cancel
    ) -> Carried | None:
        """Return the lines at a frame, from the nearest keyframe from which they reach it."""
        if self._nodes is None or self._nodes[0] is not node:
            self._nodes = node, node.edited()  # a node must not be used from two threads
        mattes = FollowedMattes(self._nodes[1], element, cancel)
        for start in _sources(draft, frame, element):
            found = self._from(start, draft.drawings[start][element], mattes, frame)
            if found is not None:
                return found
        return None

    def _from(
        self, start: int, source: Plane, mattes: FollowedMattes, frame: int
    ) -> Carried | None:
        node = mattes.node
        if not mattes.is_drawn(start):
            return None
        place = mattes.element, start, frame > start
        chain = self._chains.pop(place, None)
        if chain is None or not chain.holds(source, node):
            places = np.concatenate([line.places for line in source.lines])
            points = mattes.scaled(places.reshape(-1, 2))
            carrier = Carrier(points, mattes.outlines(start), mattes.window)
            chain = _Chain(source, start, carrier)
        self._chains[place] = chain
        while len(self._chains) > _MOST_CHAINS:
            del self._chains[next(iter(self._chains))]
        frames = node.shot.range.walk(chain.last, frame) if frame not in chain.frames else ()
        for at in frames:
            if at == chain.last:
                continue
            if not mattes.is_there(at):
                return None
            points_there = chain.carrier.add(mattes.outlines(at))
            there = None if points_there is None else _lines(mattes.on_plate(points_there), source)
            chain.frames[at], chain.last = (node.digest(at), there), at
        return chain.frames[frame][1]


def _sources(draft: Draft, frame: int, element: str) -> list[int]:
    """The keyframes with lines of an element on both sides of a frame, the nearest first."""
    drawn = [at for at, by in draft.drawings.items() if element in by and by[element].outlines]
    before, after = [at for at in drawn if at < frame], [at for at in drawn if at > frame]
    beside = [max(before)] if before else []
    beside += [min(after)] if after else []
    return sorted(beside, key=lambda at: (abs(at - frame), at))


def _lines(points: Points, source: Plane) -> Carried:
    """Return the lines of a keyframe with other points and handles, [3P, 2], without those beside
    the plate.
    """
    drawn = source.lines
    ends = np.cumsum([len(line.points) for line in drawn])[:-1]
    places = np.split(points.reshape(-1, 3, 2), ends)
    lines = (line.at(there) for line, there in zip(drawn, places, strict=True))
    return Carried(tuple(one for one in lines if one.box(source.shape)), source)
