"""What has to be done for the raw mattes of some frames of a span, in steps, plates decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic

from rde_roto.model.network_view import Picture
from rde_roto.model.tracker import State
from rde_roto.propagation.digests import Chain
from rde_roto.stores import StoredPlanes, Stores
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray
from rde_roto.values.spans import Span


@dataclass(frozen=True, eq=False)
class Stored:
    """Raw mattes that are there already."""

    raws: list[tuple[int, StoredPlanes]]


@dataclass(frozen=True, eq=False)
class Step:
    """Plates to be read from the state after ``index`` memory frames, of which it is one or not.

    ``views`` has the fixed length of its kind, the last view repeated; it is empty for a memory
    frame that the plate lacks, which leaves the state as it is. ``frames`` are those of the first
    views, ``wanted`` those of them that were asked for.
    """

    index: int
    is_memory: bool
    views: list[FloatArray] = field(default_factory=list)
    frames: tuple[int, ...] = ()
    wanted: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Start(Generic[State]):
    """The state a walk goes on from; None to make it at the keyframe."""

    state: State | None


class Plan(Generic[State]):
    """The steps to frames of one shot, from what is stored of it.

    Args:
        chain: names what is made, and has the shot.
        stores: where states and raw mattes are kept.
        pictures: the shot's plate.
        restore: the state whose two saved halves these are, as of a ``Tracker``.
    """

    def __init__(
        self,
        chain: Chain,
        stores: Stores,
        pictures: Callable[[int], Picture],
        restore: Callable[[Any, Any], State],
    ) -> None:
        self._chain = chain
        self._shot = chain.shot
        self._stores = stores
        self._pictures = pictures
        self._restore = restore

    def steps(self, span: Span, frames: Iterable[int]) -> Iterator[Stored | Start[State] | Step]:
        """What has to be done for the raw mattes of some frames, plates decoded."""
        index: int | None = None  # how many memory frames the walker's state has seen
        for (place, is_memory), group in groupby(frames, lambda frame: self._place(span, frame)):
            wanted = tuple(group)
            stored = [(f, self._stores.raws.get(self._chain.raw(span, f))) for f in wanted]
            there = [(f, raw) for f, raw in stored if raw is not None]
            if len(there) == len(wanted):
                yield Stored(there)
                continue
            yield from self.way(span, index, place)
            if is_memory:
                yield self._memory_step(span, place, frozenset(wanted))
            else:
                yield self._between_step(span, place, frozenset(wanted))
            index = place + is_memory

    def way(self, span: Span, index: int | None, place: int) -> Iterator[Start[State] | Step]:
        """From the state after ``index`` memory frames, if any, to that after ``place``."""
        if index == place:
            return
        found = self._stores.snapshots.newest(
            self._chain.state(span, 0),
            place,
            lambda at: self._chain.state(span, at),
            self._restore,
        )
        if found is not None and (index is None or found[0] > index):
            index = found[0]
            yield Start(found[1])
        elif index is None:
            index = 0
            yield Start(None)
        for passed in range(index, place):
            yield self._memory_step(span, passed, frozenset())

    def _place(self, span: Span, frame: int) -> tuple[int, bool]:
        return self._chain.index(span, frame), self._chain.is_memory_frame(span, frame)

    def _memory_step(self, span: Span, index: int, wanted: frozenset[int]) -> Step:
        frame = self._chain.memory_frame(span, index + 1)
        if frame not in self._shot.plate.range:
            return Step(index, is_memory=True)
        return Step(index, True, [self._pictures(frame).pixels], (frame,), wanted)

    def _between_step(self, span: Span, index: int, wanted: frozenset[int]) -> Step:
        """Also reads the wanted frames' neighbours, which cost no more: they are asked for next."""
        size = self._chain.memory_every - 1
        first = self._chain.memory_frame(span, index) + span.step
        views: dict[int, FloatArray] = {}
        for frame in range(first, first + size * span.step, span.step):
            if frame in wanted:
                views[frame] = self._pictures(frame).pixels
            elif frame in self._shot.range and 0 < span.distance(frame) <= span.distance(span.stop):
                self._add_if_readable(views, frame)
        pictures = list(views.values())
        padded = pictures + pictures[-1:] * (size - len(pictures))
        return Step(index, False, padded, tuple(views), wanted)

    def _add_if_readable(self, views: dict[int, FloatArray], frame: int) -> None:
        try:
            self._chain.plates(frame)
            views[frame] = self._pictures(frame).pixels
        except InputError:
            pass  # nobody has asked for it yet
