"""What the network says of each frame of a stretch, in one matte: blended, and steadied over time.

A frame that is de-chattered is set beside its neighbours, so they are walked to as well: each once,
and no more than three frames are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any

from rde_roto.matte.blend import blended
from rde_roto.matte.dechatter import Neighbour, steadied
from rde_roto.matte.raw import RawMatte
from rde_roto.model.network_view import Picture
from rde_roto.propagation.walker import Walker
from rde_roto.values.cancel import Cancel
from rde_roto.values.spans import Span, Stretch


@dataclass(frozen=True, eq=False)
class BlendedMatte:
    """A frame's raw matte, of all spans that reach it, and its picture."""

    frame: int
    raw: RawMatte
    picture: Callable[[], Picture]
    """Reads the plate, unless it was read a moment ago."""


class BlendedMattes:
    """Tracks of one shot.

    Args:
        walker: has the shot, and its raw mattes.
        dechatter: ``preset.Finish.dechatter``.
    """

    def __init__(self, walker: Walker[Any], dechatter: float) -> None:
        self._walker = walker
        self._shot = walker.shot
        self._dechatter = dechatter

    def of(self, stretch: Stretch, frames: Iterable[int], cancel: Cancel) -> Iterator[BlendedMatte]:
        """Some frames of a stretch, in the walking order of its first span, as they come.

        Raises as ``Walker.raws`` does.
        """
        if not self._dechatter:
            yield from self._blended(stretch, frames, cancel)
            return
        asked: set[int] = set()
        widened = self._widened(stretch, frames, asked)
        for before, own, behind in _in_threes(self._blended(stretch, widened, cancel)):
            if own.frame in asked:
                near = {track.frame: track for track in (before, behind) if track}
                yield self._steadied(stretch, own, near, cancel)

    def at(self, span: Span, frame: int, cancel: Cancel) -> BlendedMatte:
        """A frame as one span sees it, beside no other. Raises as ``Walker.raws`` does."""
        return self._track(frame, self._walker.raw(span, frame, cancel))

    def _blended(
        self, stretch: Stretch, frames: Iterable[int], cancel: Cancel
    ) -> Iterator[BlendedMatte]:
        for frame, (raw, *others) in self._walker.tracks(stretch, frames, cancel):
            for other in others:
                raw = blended(raw, other, stretch.share(frame))
            yield self._track(frame, raw)

    def _widened(self, stretch: Stretch, frames: Iterable[int], asked: set[int]) -> Iterator[int]:
        """Some frames and those beside them, in walking order, each once.

        The walk goes on past the range where the plate does, and ends at a keyframe. A frame is put
        among the ``asked`` before any comes that lies beyond it.
        """
        span = stretch.spans[0]
        reached = 0
        for frame in frames:
            asked.add(frame)
            for near in sorted((frame, *self._shot.beside(frame)), key=span.distance):
                is_tracked = self._shot.keyframe_at(near) is None
                if is_tracked and span.distance(near) > reached:
                    reached = span.distance(near)
                    yield near

    def _steadied(
        self, stretch: Stretch, own: BlendedMatte, near: dict[int, BlendedMatte], cancel: Cancel
    ) -> BlendedMatte:
        neighbours = [
            self._neighbour(stretch, near.get(frame) or self._drawn(stretch, frame, cancel))
            for frame in self._shot.beside(own.frame)
        ]
        if not neighbours:
            return own
        return replace(own, raw=steadied(own.raw, own.picture(), neighbours, self._dechatter))

    def _neighbour(self, stretch: Stretch, track: BlendedMatte) -> Neighbour:
        existing = self._shot.existing(track.frame)
        exists = tuple(element in existing for element in stretch.spans[0].elements)
        return Neighbour(track.raw, track.picture(), exists)

    def _drawn(self, stretch: Stretch, frame: int, cancel: Cancel) -> BlendedMatte:
        """A keyframe at an end of the stretch, in the artist's words."""
        keyframe = self._shot.keyframe_at(frame)
        assert keyframe is not None
        mask = self._walker.mask(keyframe, stretch.spans[0].elements, cancel)
        return self._track(frame, RawMatte.drawn(mask))

    def _track(self, frame: int, raw: RawMatte) -> BlendedMatte:
        return BlendedMatte(frame, raw, cache(partial(self._walker.pictures, frame)))


def _in_threes(
    tracks: Iterable[BlendedMatte],
) -> Iterator[tuple[BlendedMatte | None, BlendedMatte, BlendedMatte | None]]:
    """Every track between the one before it and the one behind it, None at the ends."""
    before, own = None, None
    for behind in chain(tracks, [None]):
        if own is not None:
            yield before, own, behind
        before, own = own, behind
