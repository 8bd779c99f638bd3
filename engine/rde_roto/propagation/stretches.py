"""One raw matte for each frame of a stretch: blended from its spans and, if wanted, de-chattered.

De-chatter compares a frame with both neighbours, so these are tracked too, each once. At most three
frames are held in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any

from rde_roto.matte.blend import blend
from rde_roto.matte.dechatter import Neighbour, dechattered
from rde_roto.matte.raw import RawMatte
from rde_roto.model.network_view import Picture
from rde_roto.propagation.walker import OnRaw, Walker, tell_nobody
from rde_roto.values.cancel import Cancel
from rde_roto.values.spans import Span, Stretch


@dataclass(frozen=True, eq=False)
class BlendedMatte:
    """A frame's raw matte, blended from all spans that reach it, and its plate frame."""

    frame: int
    raw: RawMatte
    picture: Callable[[], Picture]
    """Reads the plate frame, unless it is still in memory."""


class BlendedMattes:
    """The blended mattes of one shot.

    Args:
        walker: makes the shot's raw mattes.
        dechatter: ``preset.Finish.dechatter``.
    """

    def __init__(self, walker: Walker[Any], dechatter: float) -> None:
        self._walker = walker
        self._shot = walker.shot
        self._dechatter = dechatter

    def of(
        self,
        stretch: Stretch,
        frames: Iterable[int],
        cancel: Cancel,
        on_second: OnRaw = tell_nobody,
    ) -> Iterator[BlendedMatte]:
        """Return the mattes of some frames of a stretch, in the walking order of its first span.

        ``on_second`` counts the raw mattes of its second span, if there is one. Raises as
        ``Walker.raws`` does.
        """
        if not self._dechatter:
            yield from self._blended(stretch, frames, cancel, on_second)
            return
        wanted: set[int] = set()
        widened = self._with_neighbour_frames(stretch, frames, wanted)
        blended = self._blended(stretch, widened, cancel, on_second)
        for before, own, after in _with_neighbours(blended):
            if own.frame in wanted:
                near = {matte.frame: matte for matte in (before, after) if matte}
                yield self._dechattered(stretch, own, near, cancel)

    def at(self, span: Span, frame: int, cancel: Cancel) -> BlendedMatte:
        """Return the matte of a frame from one span alone. Raises as ``Walker.raws`` does."""
        return self._matte(frame, self._walker.raw(span, frame, cancel))

    def _blended(
        self, stretch: Stretch, frames: Iterable[int], cancel: Cancel, on_second: OnRaw
    ) -> Iterator[BlendedMatte]:
        raws = self._walker.raws_of_stretch(stretch, frames, cancel, on_second)
        for frame, (raw, *others) in raws:
            for other in others:
                raw = blend(raw, other, stretch.share(frame))
            yield self._matte(frame, raw)

    def _with_neighbour_frames(
        self, stretch: Stretch, frames: Iterable[int], wanted: set[int]
    ) -> Iterator[int]:
        """Some frames and their neighbours, in walking order, each once.

        The walk may leave the range if the plate goes on, and ends at a keyframe. Each frame is
        added to ``wanted`` before any frame beyond it is yielded.
        """
        span = stretch.spans[0]
        reached = 0
        for frame in frames:
            wanted.add(frame)
            for near in sorted((frame, *self._shot.neighbours(frame)), key=span.distance):
                is_tracked = self._shot.keyframe_at(near) is None
                if is_tracked and span.distance(near) > reached:
                    reached = span.distance(near)
                    yield near

    def _dechattered(
        self, stretch: Stretch, own: BlendedMatte, near: dict[int, BlendedMatte], cancel: Cancel
    ) -> BlendedMatte:
        neighbours = [
            self._neighbour(
                stretch, near.get(frame) or self._keyframe_matte(stretch, frame, cancel)
            )
            for frame in self._shot.neighbours(own.frame)
        ]
        if not neighbours:
            return own
        return replace(own, raw=dechattered(own.raw, own.picture(), neighbours, self._dechatter))

    def _neighbour(self, stretch: Stretch, matte: BlendedMatte) -> Neighbour:
        existing = self._shot.existing(matte.frame)
        exists = tuple(element in existing for element in stretch.spans[0].elements)
        return Neighbour(matte.raw, matte.picture(), exists)

    def _keyframe_matte(self, stretch: Stretch, frame: int, cancel: Cancel) -> BlendedMatte:
        """The artist's mask of the keyframe at an end of the stretch."""
        keyframe = self._shot.keyframe_at(frame)
        assert keyframe is not None
        mask = self._walker.mask(keyframe, stretch.spans[0].elements, cancel)
        return self._matte(frame, RawMatte.from_mask(mask))

    def _matte(self, frame: int, raw: RawMatte) -> BlendedMatte:
        return BlendedMatte(frame, raw, cache(partial(self._walker.pictures, frame)))


def _with_neighbours(
    mattes: Iterable[BlendedMatte],
) -> Iterator[tuple[BlendedMatte | None, BlendedMatte, BlendedMatte | None]]:
    """Each matte with the one before and the one after it, None at the ends."""
    before, own = None, None
    for after in chain(mattes, [None]):
        if own is not None:
            yield before, own, after
        before, own = own, after
