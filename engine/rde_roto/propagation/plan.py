"""The steps to the raw mattes of some frames of a span, with their plate frames decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic

from rde_roto.model.network_view import Picture
from rde_roto.model.tracker import State
from rde_roto.propagation.digests import DigestChain
from rde_roto.stores import StoredPlanes, Stores
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray
from rde_roto.values.spans import Span


@dataclass(frozen=True, eq=False)
class Stored:
    """Raw mattes that are stored already."""

    raws: list[tuple[int, StoredPlanes]]


@dataclass(frozen=True, eq=False)
class Step:
    """Plate frames to be read from the state after ``index`` memory frames.

    A step is either one memory frame or a batch of the frames between two. ``views`` are their
    pixels, padded to a fixed length by repeating the last one; it is empty for a memory frame that
    the plate lacks, which leaves the state unchanged. ``frames`` are the frames of the first views,
    ``wanted`` those that were requested.
    """

    index: int
    is_memory: bool
    views: list[FloatArray] = field(default_factory=list)
    frames: tuple[int, ...] = ()
    wanted: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Start(Generic[State]):
    """The state from which the walk continues; None to begin at the keyframe."""

    state: State | None


class Plan(Generic[State]):
    """Plans the steps to frames of one shot, using what is stored.

    Args:
        chain: the shot and its digests.
        stores: where states and raw mattes are stored.
        pictures: gives the frames of the shot's plate.
        restore: builds a state from its two saved halves (``Tracker.restore``).
    """

    def __init__(
        self,
        chain: DigestChain,
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
        """Return the steps to the raw mattes of some frames, which come in walking order."""
        index: int | None = None  # how many memory frames the walker's state has seen
        for batch, group in groupby(frames, lambda frame: self._chain.batch(span, frame)):
            wanted = tuple(group)
            target = self._chain.index(span, wanted[0])
            is_memory = self._chain.is_memory_frame(span, wanted[0])
            stored = [(f, self._stores.raws.get(self._chain.raw(span, f))) for f in wanted]
            there = [(f, raw) for f, raw in stored if raw is not None]
            if len(there) == len(wanted):
                yield Stored(there)
                continue
            yield from self.steps_between(span, index, target)
            if is_memory:
                yield self._memory_step(span, target, frozenset(wanted))
            else:
                yield self._between_step(span, target, batch, frozenset(wanted))
            index = target + is_memory

    def steps_between(
        self, span: Span, index: int | None, target: int
    ) -> Iterator[Start[State] | Step]:
        """Return the steps from the state after ``index`` memory frames to that after ``target``.

        With index None there is no state yet. A stored state that is closer is used instead.
        """
        if index == target:
            return
        found = self._stores.snapshots.newest(
            self._chain.state(span, 0),
            range(target, -1 if index is None else index, -1),
            lambda at: self._chain.state(span, at),
            self._restore,
        )
        if found is not None:
            index, state = found
            yield Start(state)
        elif index is None:
            index = 0
            yield Start(None)
        for at in range(index, target):
            yield self._memory_step(span, at, frozenset())

    def stored_states(self, span: Span, indices: Iterable[int]) -> Iterator[tuple[int, State]]:
        """Yield those states that are stored, with how many memory frames each has seen."""
        chain = self._chain
        return self._stores.snapshots.each(
            chain.state(span, 0), indices, lambda at: chain.state(span, at), self._restore
        )

    def _memory_step(self, span: Span, index: int, wanted: frozenset[int]) -> Step:
        frame = self._chain.memory_frame(span, index + 1)
        if frame not in self._shot.plate.range:
            return Step(index, is_memory=True)
        return Step(index, True, [self._pictures(frame).pixels], (frame,), wanted)

    def _between_step(self, span: Span, index: int, batch: range, wanted: frozenset[int]) -> Step:
        """Read the other frames of the batch too: they cost nothing more and are wanted next."""
        views: dict[int, FloatArray] = {}
        for frame in batch:
            if frame in wanted:
                views[frame] = self._pictures(frame).pixels
            elif frame in self._shot.range and 0 < span.distance(frame) <= span.distance(span.stop):
                self._add_if_readable(views, frame)
        pictures = list(views.values())
        padded = pictures + pictures[-1:] * (self._chain.batch_size - len(pictures))
        return Step(index, False, padded, tuple(views), wanted)

    def _add_if_readable(self, views: dict[int, FloatArray], frame: int) -> None:
        try:
            self._chain.plates(frame)
            views[frame] = self._pictures(frame).pixels
        except InputError:
            pass  # nobody has requested it yet
