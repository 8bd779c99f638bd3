"""The walk of a memory along a span: the only place where the recurrence advances.

Every ``memory_every``-th frame from the keyframe is a memory frame: it is encoded and read alone,
then absorbed. The frames between two of them are encoded and read together, as one batch of fixed
size: some layers give other last bits with another batch size. ``plan`` says what comes next, and
reads the plate for it, ahead on a thread.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Generic, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.background import read_ahead
from rde_roto.matte.raw import RawMatte
from rde_roto.model.crop import misses
from rde_roto.model.network_view import Pictures
from rde_roto.model.tracker import State, Tracker, TrackState
from rde_roto.propagation.digests import Chain
from rde_roto.propagation.plan import Plan, Start, Step, Stored
from rde_roto.stores import SnapshotKey, StoredPlanes, Stores
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import CancelledError, NotFiniteError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.spans import Span, Stretch

RawPlanes: TypeAlias = NDArray[np.uint16]
"""A raw matte as it is kept: [K, H, W] at the padded working size, ``_ONE`` for 1."""

_ONE = 65535

_STEPS_AHEAD = 1

_MOST_PICTURES = 6
"""Of the plate, kept until they are finished: as it comes, those of two steps and what is ahead."""


class Walker(Generic[State]):
    """Walks the spans of one shot; whatever it makes is stored, whatever is stored is not made.

    Args:
        chain: names what is made, and has the shot.
        tracker: the model.
        stores: where states and raw mattes are kept.
        snapshot_every: after how many memory frames a state is also kept on disk.
    """

    def __init__(
        self, chain: Chain, tracker: Tracker[State, Any], stores: Stores, snapshot_every: int
    ) -> None:
        self.chain = chain
        self.shot = chain.shot
        self.tracker = tracker
        self.geometry = tracker.geometry(chain.shot.plate.format.data.shape)
        self.pictures = Pictures(chain.shot.plate, min(2 * chain.memory_every, _MOST_PICTURES))
        self._stores = stores
        self._snapshot_every = snapshot_every
        self._plan: Plan[State] = Plan(chain, stores, self.pictures, tracker.restore)

    def raw(self, span: Span, frame: int, cancel: Cancel = never) -> RawMatte:
        """The network's own matte of one frame."""
        stored = self._stores.raws.get(self.chain.raw(span, frame))
        if stored is not None:
            return self._raw(stored)
        ((_, raw),) = self.raws(span, [frame], cancel)
        return raw

    def raws(
        self, span: Span, frames: Iterable[int], cancel: Cancel = never
    ) -> Iterator[tuple[int, RawMatte]]:
        """The raw mattes of some frames, which come in walking order, one after the other.

        ``frames`` is taken from on another thread. Raises InputError when a plate cannot be read,
        CancelledError between two steps, NotFiniteError where the network's numbers have run out.
        """
        state: State | None = None
        with closing(read_ahead(self._plan.steps(span, frames), _STEPS_AHEAD)) as steps:
            for step in steps:
                self._heed(cancel)
                if isinstance(step, Stored):
                    yield from ((frame, self._raw(kept)) for frame, kept in step.raws)
                else:
                    state, made = self._taken(span, state, step, cancel)
                    yield from made

    def states(self, span: Span, indices: range, cancel: Cancel = never) -> Iterator[State]:
        """The states after so many memory frames of a span, which go up by one; raises as ``raws``.

        A memory frame that the plate lacks leaves the state as it is.
        """
        state: State | None = None
        reached: int | None = None
        for index in indices:
            for step in self._plan.way(span, reached, index):
                self._heed(cancel)
                state, _ = self._taken(span, state, step, cancel)
            reached = index
            if state is None:
                raise self._not_finite("the memory", self.chain.memory_frame(span, index))
            yield state

    def tracks(
        self, stretch: Stretch, frames: Iterable[int], cancel: Cancel = never
    ) -> Iterator[tuple[int, tuple[RawMatte, ...]]]:
        """The raw mattes of some frames of a stretch, one of each of its spans.

        The frames come in the walking order of the first span. Raises as ``raws`` does.
        """
        span, *others = stretch.spans
        for other in others:
            # from behind first: what is made of it is stored when the walk ahead comes by
            frames = array("q", frames)  # no objects: a long shot has tens of thousands
            for _ in self.raws(other, reversed(frames), cancel):
                pass
        for frame, raw in self.raws(span, frames, cancel):
            yield frame, (raw, *(self.raw(other, frame, cancel) for other in others))

    def mask(
        self, keyframe: Keyframe, elements: tuple[str, ...], cancel: Cancel = never
    ) -> FloatArray:
        """What a keyframe says of some elements: float32 [len(elements), H, W] at plate size.

        The artist's pixels where an element is drawn there; where it is not, what a walk from the
        keyframe to the left alone brings along; nothing before an element is known.
        """
        drawn: dict[str, FloatArray] = dict(
            zip(self.shot.drawn(keyframe), keyframe.alpha, strict=True)
        )
        carrying = self.shot.carrying(keyframe)
        carried: dict[str, FloatArray] = {}
        if carrying is not None and not drawn.keys() >= set(elements):
            planes = self.raw(carrying, keyframe.frame, cancel).at_plate()
            carried = dict(zip(carrying.elements, planes, strict=True))
        empty = np.zeros(self.shot.plate.format.data.shape, np.float32)
        return np.stack([drawn.get(e, carried.get(e, empty)) for e in elements])

    def _begun(self, span: Span, cancel: Cancel) -> State:
        """The state at a span's keyframe, which is stored."""
        anchors = []
        for keyframe in (span.keyframe, span.far):
            if keyframe is not None:
                mask = self.mask(keyframe, span.elements, cancel)
                view = self.pictures(keyframe.frame).pixels
                anchors.append((self.tracker.encode([view], self.tracker.box(mask)), mask))
        state = self.tracker.begin(anchors)
        if not _are_finite(state.anchors().values()):
            raise self._not_finite("the memory", span.keyframe.frame)
        self._store(span, 0, state)
        return state

    def _heed(self, cancel: Cancel) -> None:
        if cancel():
            raise CancelledError(f"cancelled while tracking {self.shot.plate.name}")

    def _taken(
        self, span: Span, state: State | None, step: Start[State] | Step, cancel: Cancel
    ) -> tuple[State | None, list[tuple[int, RawMatte]]]:
        """The state after a step of any kind, and what was asked for of the raw mattes it made.

        The state is None where its numbers have run out: who goes on from it is refused.
        """
        if isinstance(step, Start):
            return self._begun(span, cancel) if step.state is None else step.state, []
        if not step.views:
            return state, []
        if state is None:
            raise self._not_finite("the memory", self.chain.memory_frame(span, step.index))
        return self._walked(span, state, step)

    def _walked(
        self, span: Span, state: State, step: Step
    ) -> tuple[State | None, list[tuple[int, RawMatte]]]:
        """As ``_taken``.

        Where the state's box misses a part of an element, the frame is read again, from the whole
        plate: in a step of the same shape, so that no frame depends on its neighbours.

        Raises NotFiniteError where there is no matte. It is not stored, nor is such a state.
        """
        encoded, probabilities = self._read(state, step.views, state.box)
        kept = [StoredPlanes(planes, state.box) for planes in self._as_kept(step, probabilities)]
        there = self.geometry.within(state.box)
        # asked of what is kept, which is on the CPU: no device is waited for again
        seen = (torch.from_numpy(self._raw(one).planes) for one in kept[: len(step.frames)])
        missed = [misses(planes, there) for planes in seen]
        if any(missed):
            encoded, probabilities = self._read(state, step.views, None)
            whole = map(StoredPlanes, self._as_kept(step, probabilities))
            kept = [w if m else k for k, w, m in zip(kept, whole, missed, strict=False)]
        after = self.tracker.absorb(state, encoded, probabilities) if step.is_memory else state
        is_finite = _are_finite(_new_in(after, state))
        made = []
        for frame, one in zip(step.frames, kept, strict=False):
            self._stores.raws.put(self.chain.raw(span, frame), one.planes, one.box)
            if frame in step.wanted:
                made.append((frame, self._raw(one)))
        if step.is_memory:
            if not is_finite:  # asked last: a GPU has worked it out while the mattes were kept
                return None, made
            self._store(span, step.index + 1, after)
        return after, made

    def _read(
        self, state: State, views: list[FloatArray], box: Window | None
    ) -> tuple[Any, Tensor]:
        encoded = self.tracker.encode(views, box)
        return encoded, self.tracker.read(state, encoded)

    def _raw(self, kept: StoredPlanes) -> RawMatte:
        planes: FloatArray = kept.planes.astype(np.float32) / np.float32(_ONE)
        return RawMatte(planes, self.geometry.within(kept.box))

    def _as_kept(self, step: Step, probabilities: Tensor) -> RawPlanes:
        """[F, K + 1, H, W] -> uint16 [F, K, H, W] without the background."""
        scaled = (probabilities[:, 1:].float() * _ONE).round()
        marked = scaled.nan_to_num(nan=-1, posinf=-1, neginf=-1).to(torch.int32)
        planes = marked.cpu().numpy()  # the device is waited for here, and not again for the mark
        for frame, own in zip(step.frames, planes, strict=False):
            if own.min() < 0:
                raise self._not_finite("the matte", frame)
        kept: RawPlanes = planes.astype(np.uint16)
        return kept

    def _not_finite(self, what: str, frame: int) -> NotFiniteError:
        return NotFiniteError(
            f"{what} of frame {frame} of {self.shot.plate.name} holds what is no finite number: "
            "set tracking.state_dtype=float32 and tracking.precision=float32, or take other weights"
        )

    def _store(self, span: Span, index: int, state: State) -> None:
        place = SnapshotKey(self.chain.state(span, 0), index, self.chain.state(span, index))
        self._stores.snapshots.put(place, state, durable=index % self._snapshot_every == 0)


def _new_in(after: TrackState, before: TrackState) -> list[Tensor]:
    """The tensors of a state that the one before it had not: a growing memory shares the others."""
    known = {id(tensor) for tensor in before.moving().values()}
    return [tensor for tensor in after.moving().values() if id(tensor) not in known]


def _are_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether all numbers are: a bool on their device, which nobody has waited for yet."""
    # by the largest, which is a tenth of the work of looking at each; it is NaN where one is
    largest = (tensor.abs().amax() for tensor in tensors if tensor.is_floating_point())
    flags = [most.isfinite() for most in largest]
    return torch.stack(flags).all() if flags else torch.tensor(True)
