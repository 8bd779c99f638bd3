"""The walk of a memory along a span: the only place where the recurrence advances.

Every ``memory_every``-th frame from the keyframe is a memory frame: it is encoded and read alone,
then absorbed. The frames between two memory frames are encoded and read together, in batches of a
fixed size of at most four, because some layers give different last bits with another batch size.
``plan`` decides the next step and reads its plate frames ahead, on a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.background import Later, WriteBehind, at_once, read_ahead
from rde_roto.matte.raw import RawMatte
from rde_roto.model.crop import is_cut_off
from rde_roto.model.network_view import Pictures
from rde_roto.model.tracker import State, Tracker, TrackState
from rde_roto.propagation.digests import DigestChain
from rde_roto.propagation.plan import Plan, Start, Step, Stored
from rde_roto.stores import SnapshotKey, StoredPlanes, Stores
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import CancelledError, NotFiniteError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import beside
from rde_roto.values.plate import Window
from rde_roto.values.spans import Span, Stretch

RawPlanes: TypeAlias = NDArray[np.uint16]
"""A raw matte as it is stored: [K, H, W] at the padded working size; ``_RAW_WHITE`` means 1."""

_RAW_WHITE = 65535

_STEPS_AHEAD = 1

_WRITES_BEHIND = 4
"""Raw mattes and states that wait for the disk while the network goes on."""

OnRaw: TypeAlias = Callable[[int], None]
"""Called on the walking thread with the frame of each raw matte that is made."""


def tell_nobody(_frame: int) -> None:
    """An ``OnRaw``."""


@dataclass(frozen=True)
class _Walk:
    """A walk in progress: its span, who may stop it, who writes its results and who counts them."""

    span: Span
    cancel: Cancel
    later: Later = at_once
    on_raw: OnRaw = tell_nobody


class Walker(Generic[State]):
    """Walks the spans of one shot. It stores whatever it makes and never makes what is stored.

    Args:
        chain: the shot and its digests.
        tracker: the model.
        stores: where states and raw mattes are stored.
        pictures: the plate's frames; others may use them too.
        snapshot_every: after how many memory frames a state also goes to disk.
    """

    def __init__(
        self,
        chain: DigestChain,
        tracker: Tracker[State, Any],
        stores: Stores,
        pictures: Pictures,
        snapshot_every: int,
    ) -> None:
        self.chain = chain
        self.shot = chain.shot
        self.tracker = tracker
        self.geometry = tracker.geometry(chain.shot.plate.format.data.shape)
        self.pictures = pictures
        # of three steps: one is finished, one goes through the network, one is read ahead
        pictures.keep(3 * max(1, chain.batch_size) + 1)
        self._stores = stores
        self._snapshot_every = snapshot_every
        self._plan: Plan[State] = Plan(chain, stores, self.pictures, tracker.restore)

    def raw(self, span: Span, frame: int, cancel: Cancel = never) -> RawMatte:
        """Return the raw matte of one frame. Raises as ``raws``."""
        stored = self._stores.raws.get(self.chain.raw(span, frame))
        if stored is not None:
            return self._raw_matte(stored)
        ((_, raw),) = self.raws(span, [frame], cancel)
        return raw

    def raws(
        self,
        span: Span,
        frames: Iterable[int],
        cancel: Cancel = never,
        on_raw: OnRaw = tell_nobody,
    ) -> Generator[tuple[int, RawMatte], None, None]:
        """Yield the raw mattes of some frames, which come in walking order.

        ``frames`` is iterated on another thread. What is made is on disk at the latest when the
        generator has ended, however it ends. Raises InputError when a plate frame cannot be read,
        CancelledError between two steps, NotFiniteError where the network's output overflows.
        """
        state: State | None = None
        with (
            WriteBehind(at_once, _WRITES_BEHIND) as later,
            closing(read_ahead(self._plan.steps(span, frames), _STEPS_AHEAD)) as steps,
        ):
            walk = _Walk(span, cancel, later, on_raw)
            for step in steps:
                self.check_cancelled(cancel)
                if isinstance(step, Stored):
                    yield from ((frame, self._raw_matte(stored)) for frame, stored in step.raws)
                else:
                    state, made = self._perform(walk, state, step)
                    yield from made

    def states(self, span: Span, indices: range, cancel: Cancel = never) -> Iterator[State]:
        """Yield the states of a span after each number of memory frames in ``indices`` (step 1).

        A memory frame that the plate lacks leaves the state unchanged. Raises as ``raws``.
        """
        walk = _Walk(span, cancel)
        state: State | None = None
        reached: int | None = None
        for index in indices:
            for step in self._plan.steps_between(span, reached, index):
                self.check_cancelled(cancel)
                state, _ = self._perform(walk, state, step)
            reached = index
            if state is None:
                raise self._not_finite_error("the memory", self.chain.memory_frame(span, index))
            yield state

    def stored_states(self, span: Span, indices: Iterable[int]) -> Iterator[tuple[int, State]]:
        """Yield those of ``states`` that are stored, with how many memory frames each has seen.
        Takes no step.
        """
        return self._plan.stored_states(span, indices)

    def raws_of_stretch(
        self,
        stretch: Stretch,
        frames: Iterable[int],
        cancel: Cancel = never,
        on_second: OnRaw = tell_nobody,
    ) -> Iterator[tuple[int, tuple[RawMatte, ...]]]:
        """Yield the raw mattes of some frames of a stretch, one for each of its spans.

        The frames come in the walking order of the first span. ``on_second`` counts the raw mattes
        of the second span, which come first and are not yielded alone. Raises as ``raws``.

        Between two keyframes they are made in blocks. The first block takes the backward walk to
        it, of memory frames alone; the others then begin at a stored state.
        """
        span, *others = stretch.spans
        if not others:
            yield from ((frame, (raw,)) for frame, raw in self.raws(span, frames, cancel))
            return
        (other,) = others
        for _, block in groupby(frames, lambda frame: self._durable_index(other, frame)):
            own = list(block)
            # backwards first: these mattes are stored when the forward walk needs them
            for _ in self.raws(other, reversed(own), cancel, on_second):
                pass
            for frame, raw in self.raws(span, own, cancel):
                yield frame, (raw, self.raw(other, frame, cancel))

    def mask(
        self, keyframe: Keyframe, elements: tuple[str, ...], cancel: Cancel = never
    ) -> FloatArray:
        """Return the mask of some elements at a keyframe: float32 [len(elements), H, W] at plate
        size.

        An element that the keyframe draws has the artist's pixels. One that it does not draw is
        carried over: tracked from the keyframe to the left alone, and limited to what the drawn
        ones among these elements leave free. Before an element is known its mask is empty. Raises
        as ``raws``.
        """
        drawn: dict[str, FloatArray] = dict(
            zip(self.shot.drawn_elements(keyframe), keyframe.alpha, strict=True)
        )
        carrying = self.shot.carrying_span(keyframe)
        carried: dict[str, FloatArray] = {}
        if carrying is not None and not drawn.keys() >= set(elements):
            planes = self.raw(carrying, keyframe.frame, cancel).at_plate()
            in_front = [plane for element, plane in drawn.items() if element in elements]
            planes = beside(planes, np.stack(in_front)) if in_front else planes
            carried = dict(zip(carrying.elements, planes, strict=True))
        empty = np.zeros(self.shot.plate.format.data.shape, np.float32)
        return np.stack([drawn.get(e, carried.get(e, empty)) for e in elements])

    def _durable_index(self, span: Span, frame: int) -> int:
        """Which of a span's states on disk is the last one before a frame."""
        return self.chain.index(span, frame) // self._snapshot_every

    def _begin(self, walk: _Walk) -> State:
        """Make and store the state at a span's keyframe."""
        span, anchors = walk.span, []
        for keyframe in (span.keyframe, span.far):
            if keyframe is not None:
                mask = self.mask(keyframe, span.elements, walk.cancel)
                view = self.pictures(keyframe.frame).pixels
                anchors.append((self.tracker.encode([view], self.tracker.box(mask)), mask))
        state = self.tracker.begin(anchors)
        if not _are_finite(state.anchors().values()):
            raise self._not_finite_error("the memory", span.keyframe.frame)
        self._store(walk, 0, state)
        return state

    def check_cancelled(self, cancel: Cancel) -> None:
        """Raise CancelledError once ``cancel()`` is true."""
        if cancel():
            raise CancelledError(f"cancelled while tracking {self.shot.plate.name}")

    def _perform(
        self, walk: _Walk, state: State | None, step: Start[State] | Step
    ) -> tuple[State | None, list[tuple[int, RawMatte]]]:
        """Perform a step; returns the state after it and the requested raw mattes that it made.

        The state is None if its numbers overflowed; continuing from it raises NotFiniteError.
        """
        if isinstance(step, Start):
            return self._begin(walk) if step.state is None else step.state, []
        if not step.views:
            return state, []
        if state is None:
            frame = self.chain.memory_frame(walk.span, step.index)
            raise self._not_finite_error("the memory", frame)
        return self._advance(walk, state, step)

    def _advance(
        self, walk: _Walk, state: State, step: Step
    ) -> tuple[State | None, list[tuple[int, RawMatte]]]:
        """Read a step's frames and absorb its memory frame; returns as ``_perform``.

        If the state's box cuts off an element, the frame is read again from the whole plate, in a
        step of the same shape, so that no frame depends on its neighbours.

        Raises NotFiniteError if a matte overflows. Such a matte or state is not stored.
        """
        encoded, probabilities = self._read(state, step.views, state.box)
        stored = [
            StoredPlanes(planes, state.box) for planes in self._to_stored(step, probabilities)
        ]
        there = self.geometry.within(state.box)
        # on the stored planes, which are on the CPU: no second wait for the device
        seen = (torch.from_numpy(self._raw_matte(one).planes) for one in stored[: len(step.frames)])
        missed = [is_cut_off(planes, there) for planes in seen]
        if any(missed):
            encoded, probabilities = self._read(state, step.views, None)
            whole = map(StoredPlanes, self._to_stored(step, probabilities))
            stored = [w if m else k for k, w, m in zip(stored, whole, missed, strict=False)]
        after = self.tracker.absorb(state, encoded, probabilities) if step.is_memory else state
        is_finite = _are_finite(_new_tensors(after, state))
        made = []
        for frame, one in zip(step.frames, stored, strict=False):
            digest = self.chain.raw(walk.span, frame)
            self._stores.raws.put(digest, one.planes, one.box, walk.later)
            walk.on_raw(frame)
            if frame in step.wanted:
                made.append((frame, self._raw_matte(one)))
        if step.is_memory:
            if not is_finite:  # checked last: a GPU computes it while the mattes are stored
                return None, made
            self._store(walk, step.index + 1, after)
        return after, made

    def _read(
        self, state: State, views: list[FloatArray], box: Window | None
    ) -> tuple[Any, Tensor]:
        encoded = self.tracker.encode(views, box)
        return encoded, self.tracker.read(state, encoded)

    def _raw_matte(self, stored: StoredPlanes) -> RawMatte:
        planes: FloatArray = stored.planes.astype(np.float32) / np.float32(_RAW_WHITE)
        return RawMatte(planes, self.geometry.within(stored.box))

    def _to_stored(self, step: Step, probabilities: Tensor) -> RawPlanes:
        """[F, K + 1, H, W] -> uint16 [F, K, H, W] without the background."""
        scaled = (probabilities[:, 1:].float() * _RAW_WHITE).round_()
        finite = scaled.abs().amax(dim=(1, 2, 3)).isfinite()  # the maximum is NaN if any is
        planes: RawPlanes = scaled.to(torch.uint16).cpu().numpy()  # here we wait for the device
        for frame, is_finite in zip(step.frames, finite.tolist(), strict=False):
            if not is_finite:
                raise self._not_finite_error("the matte", frame)
        return planes

    def _not_finite_error(self, what: str, frame: int) -> NotFiniteError:
        return NotFiniteError(
            f"{what} of frame {frame} of {self.shot.plate.name} holds values that are not finite: "
            "set tracking.state_dtype=float32 and tracking.precision=float32, or use other weights"
        )

    def _store(self, walk: _Walk, index: int, state: State) -> None:
        span = walk.span
        key = SnapshotKey(self.chain.state(span, 0), index, self.chain.state(span, index))
        durable = index % self._snapshot_every == 0
        self._stores.snapshots.put(key, state, durable, walk.later)


def _new_tensors(after: TrackState, before: TrackState) -> list[Tensor]:
    """The tensors that a state does not share with the one before it, as a growing memory does."""
    known = {id(tensor) for tensor in before.moving().values()}
    return [tensor for tensor in after.moving().values() if id(tensor) not in known]


def _are_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether all numbers are finite: a bool tensor on their device, not waited for yet."""
    # the maximum costs a tenth of testing each number, and it is NaN if any is
    largest = (tensor.abs().amax() for tensor in tensors if tensor.is_floating_point())
    flags = [most.isfinite() for most in largest]
    return torch.stack(flags).all() if flags else torch.tensor(True)
