"""Which frames of a pushed plate have to come before mattes can be made.

The way to them is planned as it would be walked, but for the frames that are not here: those stand
under a name that nothing is stored under, and their pictures are noted instead of read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rde_roto.images.missing_frames import FilledPlate, on_disk
from rde_roto.images.pushed import PushedPlate
from rde_roto.model.network_view import Picture
from rde_roto.node import RotoNode
from rde_roto.propagation.digests import Chain, PlateDigests
from rde_roto.propagation.plan import Plan, Start
from rde_roto.values.errors import LacksError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.spans import Span

_LACKING = "lacking"
_MOST_BYTES = 4 << 30
_MOST_FRAMES = 10_000  # whose numbers fit into a message
_LEAST_FRAMES = 4  # with which a walk goes on: those of two keyframes, or one between two others
_NO_PIXELS = np.zeros((0, 0, 3), np.float32)


def lacking(node: RotoNode, frames: Iterable[int]) -> tuple[int, ...]:
    """The frames that a host has to push for the mattes of some frames, in the order of their use.

    No more than the cache can hold at once: when those have come, the walk gets further, or other
    names are known, and the next are asked for. So a matte needs at most as many pushes as frames
    lie on its way. Frames that are read in the same step as one that is asked for come along.

    Raises UsageError for a frame out of range, InputError for an unreadable lock or mask.
    """
    plate = on_disk(node.shot.plate)
    if not isinstance(plate, PushedPlate):
        return ()
    pixels = plate.format.data.width * plate.format.data.height
    most_bytes = min(_MOST_BYTES, node.stores.pushed.room_bytes)
    most = min(_MOST_FRAMES, max(_LEAST_FRAMES, most_bytes // (12 * pixels)))
    way = _Way(node, plate)
    for frame in frames:
        way.go(frame)
        if len(way.lacking) >= most:
            break
    return tuple(way.lacking)[:most]


def all_lacking(node: RotoNode, frames: Iterable[int], error: LacksError) -> LacksError:
    """The error to answer where these frames were asked for and one on the way to them lacks."""
    plate = on_disk(node.shot.plate)
    found = lacking(node, frames)
    return plate.lacks(found) if found and isinstance(plate, PushedPlate) else error


class _Way:
    """The way to mattes of one node, and what lacks on it."""

    def __init__(self, node: RotoNode, plate: PushedPlate) -> None:
        self.lacking: dict[int, None] = {}
        self._node = node
        self._shot = node.shot
        self._plate = plate
        self._there: set[int] = set()
        tracker = node.walker.tracker
        plates = _Noting(node.chain.plates, self.lacking)
        self._names = Chain(node.shot, node.preset, tracker.digest, plates)
        self._plan: Plan[Any] = Plan(self._names, node.stores, self._picture, tracker.restore)

    def go(self, frame: int) -> None:
        """Notes what the matte of a frame lacks."""
        if self._node.stores.mattes.has(self._names.matte(frame)) or self._shot.is_locked(frame):
            return
        keyframe = self._shot.keyframe_at(frame)
        if keyframe is not None:
            self._carry(keyframe, self._shot.ids)
            return
        stretch = self._shot.stretch_at(frame)
        beside = self._shot.beside(frame) if self._node.preset.finish.dechatter else ()
        seen = sorted((frame, *beside))
        tracked = [near for near in seen if self._shot.keyframe_at(near) is None]
        for span in stretch.spans:
            self._walk(span, tracked)
        for near in seen:
            self._picture(near)

    def _walk(self, span: Span, frames: list[int]) -> None:
        for step in self._plan.steps(span, sorted(frames, key=span.distance)):
            if isinstance(step, Start) and step.state is None:
                for keyframe in (span.keyframe, span.far):
                    if keyframe is not None:
                        self._carry(keyframe, span.elements)
                        self._picture(keyframe.frame)

    def _carry(self, keyframe: Keyframe, elements: tuple[str, ...]) -> None:
        """What a keyframe does not draw itself is walked to."""
        carrying = self._shot.carrying(keyframe)
        if carrying is not None and not set(self._shot.drawn(keyframe)) >= set(elements):
            self._walk(carrying, [keyframe.frame])
            self._picture(keyframe.frame)

    def _picture(self, frame: int) -> Picture:
        plate = self._shot.plate
        shown = plate.shown(frame) if isinstance(plate, FilledPlate) else frame
        if shown is not None and shown not in self._there:
            if self._plate.frames.has(shown):
                self._there.add(shown)
            else:
                self.lacking[shown] = None
        return Picture(_NO_PIXELS)


class _Noting(PlateDigests):
    """Digests of a plate; frames that lack are noted and have a name all the same."""

    def __init__(self, known: PlateDigests, lacking: dict[int, None]) -> None:
        self._digests = known
        self._lacking = lacking

    def __call__(self, frame: int) -> str:
        try:
            return self._digests(frame)
        except LacksError as error:
            self._lacking.update(dict.fromkeys(error.frames))
            return _LACKING
