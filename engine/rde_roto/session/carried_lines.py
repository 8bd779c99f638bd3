"""Lines of keyframes, carried to the frames between them by what the element's matte does there.

They are derived, never stored: what is stored is a line on its keyframe and the mask drawn with it.
Only frames that are tracked without a gap from the keyframe get them; the network is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch

from rde_roto.matte.raw import RawMatte
from rde_roto.node import RotoNode
from rde_roto.propagation.stretches import BlendedMattes
from rde_roto.session.backend import Post
from rde_roto.session.draft import Draft
from rde_roto.session.editor import ShotEditor
from rde_roto.session.lines import Line
from rde_roto.session.planes import Plane
from rde_roto.shapes.carrying import Carrier, found_outlines
from rde_roto.shapes.outlines import Outline
from rde_roto.shapes.shape import Points
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import CancelledError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

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
                if carried is not None:
                    self._post(partial(self._came, (frame, element), (key, carried)))

        self._executor.submit(self._editor.reported, make)

    def _came(self, place: tuple[int, str], found: tuple[_Key, Carried]) -> None:
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
        mattes = _Mattes(self._nodes[1], element, cancel)
        for start in _sources(draft, frame, element):
            found = self._from(start, draft.drawings[start][element], mattes, frame)
            if found is not None:
                return found
        return None

    def _from(self, start: int, source: Plane, mattes: _Mattes, frame: int) -> Carried | None:
        node = mattes.node
        if not mattes.is_drawn(start):
            return None
        place = mattes.element, start, frame > start
        chain = self._chains.pop(place, None)
        if chain is None or not chain.holds(source, node):
            places = [outline.line.places.reshape(-1, 2) for outline in source.outlines]
            found = mattes.outlines(start)
            carrier = Carrier(mattes.scaled(np.concatenate(places)), found, mattes.window)
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
            there = None if points_there is None else mattes.lines(points_there, source)
            chain.frames[at], chain.last = (node.digest(at), there), at
        return chain.frames[frame][1]


@dataclass(frozen=True, eq=False)
class _Mattes:
    """The mattes of one element as the network makes them, small and quick to follow. Points are
    in square pixels of the network's picture of the whole plate.
    """

    node: RotoNode
    element: str
    cancel: Cancel

    @property
    def window(self) -> Window:
        """The whole picture."""
        height, width = self.node.walker.geometry.working
        return Window(0, 0, width, height)

    @property
    def _scale(self) -> Points:
        (height, width), (rows, columns) = (
            self.node.walker.geometry.plate,
            self.node.walker.geometry.working,
        )
        return np.array([columns / width, rows / height])

    def scaled(self, points: Points) -> Points:
        """Return points of the plate as such of the network's picture, [P, 2]."""
        result: Points = points * self._scale
        return result

    def lines(self, points: Points, source: Plane) -> Carried:
        """Return the lines of a keyframe with other points and handles, without those beside the
        plate.
        """
        drawn = [outline.line for outline in source.outlines]
        ends = np.cumsum([len(line.points) for line in drawn])[:-1]
        places = np.split((points / self._scale).reshape(-1, 3, 2), ends)
        lines = (line.at(there) for line, there in zip(drawn, places, strict=True))
        return Carried(tuple(one for one in lines if one.box(source.shape)), source)

    def is_drawn(self, frame: int) -> bool:
        """Whether the frame is a keyframe of the element in the shot as it is tracked."""
        keyframe = self.node.shot.keyframe_at(frame)
        return keyframe is not None and self.element in self.node.shot.drawn_elements(keyframe)

    def is_there(self, frame: int) -> bool:
        """Whether the element has a matte at a frame that needs no step of the network."""
        node, shot = self.node, self.node.shot
        exists = frame in shot.range and self.element in shot.existing(frame)
        return exists and node.is_made(frame)

    def outlines(self, frame: int) -> list[Outline]:
        """Return the outlines at a frame. Raises CancelledError."""
        if self.cancel():
            raise CancelledError("lines of another frame are wanted")
        return list(self._scaled_outlines(self._raw(frame)))

    def _raw(self, frame: int) -> RawMatte:
        """The element's matte at a frame, [1, h, w]."""
        node, shot, walker = self.node, self.node.shot, self.node.walker
        keyframe = shot.keyframe_at(frame)
        if keyframe is not None:
            return self._reduced(walker.mask(keyframe, (self.element,), self.cancel))
        if shot.is_locked(frame):
            place = shot.ids.index(self.element)
            return self._reduced(node.matte(frame, self.cancel).alpha[place : place + 1])
        stretch = shot.stretch_at(frame)
        (blended,) = BlendedMattes(walker, dechatter=0).of(stretch, [frame], self.cancel)
        place = stretch.spans[0].elements.index(self.element)
        return replace(blended.raw, planes=blended.raw.planes[place : place + 1])

    def _reduced(self, mask: FloatArray) -> RawMatte:
        geometry = self.node.walker.geometry
        planes = geometry.to_network(torch.from_numpy(mask.copy())[None])[0].numpy()
        return RawMatte(planes, geometry)

    def _scaled_outlines(self, raw: RawMatte) -> Iterator[Outline]:
        """The outlines of a matte that may show a part of the plate alone."""
        (plane,) = raw.geometry.unpadded(torch.from_numpy(raw.planes)).numpy()
        part, (height, width) = raw.geometry.window, plane.shape
        scale = self._scale * (part.width / width, part.height / height)
        shift = self._scale * (part.x, part.y)
        for one in found_outlines(plane):
            points = one.points * scale + shift
            yield Outline(points, one.area_px * float(scale.prod()), one.is_hole)


def _sources(draft: Draft, frame: int, element: str) -> list[int]:
    """The keyframes with lines of an element on both sides of a frame, the nearest first."""
    drawn = [at for at, by in draft.drawings.items() if element in by and by[element].outlines]
    before, after = [at for at in drawn if at < frame], [at for at in drawn if at > frame]
    beside = [max(before)] if before else []
    beside += [min(after)] if after else []
    return sorted(beside, key=lambda at: (abs(at - frame), at))
