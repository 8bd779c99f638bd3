"""The roto node: any frame of a shot, in any order, with the same pixels.

First comes the digest of everything that a frame's pixels depend on (``propagation.digests``); it
touches no pixel. The raw matte, the network's own, comes from the store or is propagated from the
nearest stored state (``propagation.walker``). Between two keyframes this is done from both, and the
two are blended and, if wanted, de-chattered (``propagation.stretches``). The raw matte is finished
at plate size (``matte.finish``), and locked mattes are laid over it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import filterfalse
from threading import Event
from typing import Any, NamedTuple

import numpy as np

from rde_roto.background import read_ahead
from rde_roto.matte.finish import finish, finish_keyframe, needs_plate
from rde_roto.model.devices import choose_device, free_after
from rde_roto.model.network_view import Pictures
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.tracker import Tracker
from rde_roto.model.weights import Model
from rde_roto.propagation.digests import DigestChain, PlateDigests
from rde_roto.propagation.stretches import BlendedMatte, BlendedMattes
from rde_roto.propagation.walker import OnRaw, Walker, tell_nobody
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.arguments import frame_number, require
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import OutOfMemoryError, UsageError, is_out_of_memory
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.overlaps import beside
from rde_roto.values.plain_text import counted
from rde_roto.values.plate import Plate
from rde_roto.values.preset import LEAST_LINES, Preset, Tracking
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Stretch

IsKept = Callable[[int, str], bool]
"""Whether the matte of a frame exists already with this digest, so that it need not be made."""

_TRACKED_AHEAD = 2
"""Raw mattes that wait to be finished."""


def _keep_nothing(_frame: int, _digest: str) -> bool:
    return False


class SharedPlate(NamedTuple):
    """What all nodes of one plate share: its digests, as they were when first computed, and the
    frames that were decoded last.
    """

    digests: PlateDigests
    pictures: Pictures

    @classmethod
    def of(cls, plate: Plate) -> SharedPlate:
        """Nothing is known of the plate yet."""
        return cls(PlateDigests(plate), Pictures(plate))


class RotoNode:
    """The mattes of a shot. An edit makes a new node, which finds all results that still hold.

    ``digest`` and ``stored`` are thread-safe; only one thread at a time may make pixels.

    Args:
        shot: plate, elements, keyframes (at least one) and locks.
        preset: settings for tracking, finish and running.
        load: makes the tracker for given settings: ``rde_tracker.tracker_of(model, device)``.
        stores: where states and mattes are stored; default: in RAM only.
        plate: what earlier nodes know of the shot's plate.

    Raises UsageError for a shot without a keyframe, TypeError for arguments of other types.
    """

    def __init__(
        self,
        shot: Shot,
        preset: Preset,
        load: Callable[[Tracking], Tracker[Any, Any]],
        stores: Stores | None = None,
        plate: SharedPlate | None = None,
    ) -> None:
        require(shot, Shot, "a Shot, such as open_shot('hero.shot.yaml').shot")
        require(preset, Preset, "a Preset, such as load_preset('standard')")
        if not callable(load):
            raise TypeError("expected what makes a tracker, such as tracker_of(model, device)")
        require(stores, (Stores, type(None)), "stores, such as Stores.in_ram()")
        if not shot.keyframes:
            raise UsageError(f"{shot.plate.name} has no keyframe: paint a mask of one frame")
        self.shot = shot
        self.preset = preset
        self.stores = stores or Stores.in_ram()
        self._load = load
        self._plate = plate or SharedPlate.of(shot.plate)
        aspect, transform = shot.plate.format.pixel_aspect, shot.plate.input_transform
        tracker = load(preset.tracking).for_plate(aspect, transform)
        edges = tracker.edges
        self.chain = DigestChain(
            shot, preset, tracker.digest, self._plate.digests, edges.digest if edges else None
        )
        self._edges = edges.network(tracker.device) if edges else None
        every = preset.running.snapshot_every
        self.walker = Walker(self.chain, tracker, self.stores, self._plate.pictures, every)
        self._mattes = BlendedMattes(self.walker, preset.finish.dechatter)

    @classmethod
    def open(cls, shot: Shot, preset: Preset, model: Model, device: str = "auto") -> RotoNode:
        """Open a node on a device of this machine, with the user's cache as its stores.

        Raises UsageError for a device that cannot be used.
        """
        load = tracker_of(model, choose_device(device))
        return cls(shot, preset, load, open_stores(CacheSettings.from_environment()))

    def edited(self, shot: Shot | None = None, preset: Preset | None = None) -> RotoNode:
        """Make a node for another shot or preset.

        Hashed plate files are not hashed again, and the frames decoded last are not read again.
        """
        shot = self.shot if shot is None else shot
        require(shot, Shot, "a Shot")
        plate = self._plate if shot.plate is self.shot.plate else None
        preset = self.preset if preset is None else preset
        return RotoNode(shot, preset, self._load, self.stores, plate)

    def check_plate(self) -> None:
        """Raise ReplacedError for a plate frame that is no longer the one of which mattes were
        made: it may have been read before it was replaced.
        """
        self._plate.digests.check()

    def smaller(self) -> RotoNode | None:
        """Return the node to continue with when memory has run out; None if the preset says to
        stop.
        """
        preset = self.preset.smaller()
        return None if preset is None else self.edited(preset=preset)

    def digest(self, frame: int) -> str:
        """Return the hex digest of everything that a frame's matte depends on; touches no pixel.

        Raises UsageError for a frame out of range, InputError for an unreadable plate frame.
        """
        return self.chain.matte(self._check_frame(frame))

    def stored(self, frame: int) -> Matte | None:
        """Return a frame's finished matte if it is in RAM, else None."""
        digest = self.digest(frame)
        kept = self.stores.mattes.get(digest)
        return None if kept is None else Matte(frame, kept.planes, self.shot.names, digest)

    def is_made(self, frame: int, is_stored: Callable[[str], bool] | None = None) -> bool:
        """Return whether a frame's matte costs no network step (any more).

        With de-chatter its neighbours may still cost some. Thread-safe. Raises as ``digest``.

        Args: is_stored, for many frames ``stores.raws.lister()``, made just before.
        """
        keyframe = self.shot.keyframe_at(self._check_frame(frame))
        if self.shot.is_locked(frame):
            return True
        if keyframe is None:
            spans = self.shot.stretch_at(frame).spans
        else:
            carrying = self.shot.carrying_span(keyframe)
            spans = () if carrying is None else (carrying,)
        is_stored = is_stored or self.stores.raws.__contains__
        return all(is_stored(self.chain.raw(span, frame)) for span in spans)

    def matte(self, frame: int, cancel: Cancel = never, on_second: OnRaw = tell_nobody) -> Matte:
        """Make the matte of one frame, or take it from the store. Raises as ``render``."""
        stored = self.stored(frame)
        if stored is not None:
            return stored
        (matte,) = self.render(FrameRange.of([frame]), cancel=cancel, on_second=on_second)
        return matte

    def render(
        self,
        frames: FrameRange | None = None,
        is_kept: IsKept = _keep_nothing,
        cancel: Cancel = never,
        on_second: OnRaw = tell_nobody,
    ) -> Generator[Matte, None, None]:
        """Yield the mattes of some frames, or of the whole range, except those that are kept.

        Locked frames come first, then keyframes, then each stretch in walking order. ``is_kept``
        is called on another thread too, and so is ``on_second``, for each frame between two
        keyframes that has been tracked from the second one: long before its matte comes.

        Raises UsageError for a frame out of range; InputError when a plate frame cannot be read,
        after all mattes before it; OutOfMemoryError, which says which setting to lower, once the
        memory of the step that failed is free again; CancelledError between two steps or
        mattes once ``cancel()`` is true.
        """
        requested = self.requested(frames)

        def wanted(frames: Iterable[int]) -> Iterator[int]:
            return (frame for frame in frames if not is_kept(frame, self.digest(frame)))

        try:
            yield from map(self._locked, wanted(filter(self.shot.is_locked, requested)))
            for keyframe in self.shot.ordered:
                if keyframe.frame in requested and not self.shot.is_locked(keyframe.frame):
                    for _ in wanted([keyframe.frame]):
                        yield self._keyframe(keyframe, cancel)
            for stretch in self.shot.stretches:
                span = stretch.spans[0]
                on_its_way = requested.walk(span.keyframe.frame + span.step, span.stop)
                free = filterfalse(self.shot.is_locked, on_its_way)
                yield from self._finished_behind(stretch, wanted(free), cancel, on_second)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            free_after(error)  # whoever goes on smaller does so while this error is handled
            raise self._out_of_memory(str(error)) from error

    def requested(self, frames: FrameRange | None) -> FrameRange:
        """Return frames to make; None stands for the whole range.

        Raises UsageError for a frame out of range, TypeError for what is no FrameRange.
        """
        if frames is None:
            return self.shot.range
        require(frames, FrameRange, "a FrameRange, such as FrameRange.of([1003])")
        for frame in frames.difference(self.shot.range):
            self._check_frame(frame)
        return frames

    def _locked(self, frame: int) -> Matte:
        """A frame whose elements are all locked: nothing is tracked for it."""
        window = self.shot.plate.format.data
        return self._store_matte(frame, np.zeros((len(self.shot.ids), *window.shape), np.float32))

    def _keyframe(self, keyframe: Keyframe, cancel: Cancel) -> Matte:
        """The artist's pixels with the artist's finish; elements that are not drawn, as tracked."""
        mask = self.walker.mask(keyframe, self.shot.ids, cancel)
        alpha = finish_keyframe(mask, self.preset.finish)
        carrying = self.shot.carrying_span(keyframe)
        carried = set(carrying.elements if carrying else ()).difference(
            self.shot.drawn_elements(keyframe)
        )
        if carrying is not None and carried:
            blended = self._mattes.at(carrying, keyframe.frame, cancel)
            planes = list(self.shot.plane_indices(tuple(carried)))
            drawn = list(self.shot.plane_indices(self.shot.drawn_elements(keyframe)))
            finished = self._finished(blended, carrying.elements)[planes]
            alpha[planes] = beside(finished, alpha[drawn])
        return self._store_matte(keyframe.frame, alpha)

    def _finished_behind(
        self, stretch: Stretch, frames: Iterable[int], cancel: Cancel, on_second: OnRaw
    ) -> Iterator[Matte]:
        """Track and finish some frames of a stretch: the network goes on, on a thread, while a
        matte is finished.
        """
        elements, is_over = stretch.spans[0].elements, Event()

        def may_stop() -> bool:
            # the first matte may take a whole walk back: Ctrl-C waits for a step alone
            return is_over.is_set() or cancel()

        tracked = self._mattes.of(stretch, frames, may_stop, on_second)
        with closing(read_ahead(tracked, _TRACKED_AHEAD, is_over.set)) as ahead:
            for blended in ahead:
                self.walker.check_cancelled(cancel)  # the network may be a few frames ahead
                yield self._store_matte(blended.frame, self._finished(blended, elements))

    def _finished(self, blended: BlendedMatte, elements: tuple[str, ...]) -> FloatArray:
        """Finish a raw matte; returns all elements, [K, H, W] at plate size.

        Elements that do not exist yet are empty.
        """
        settings = self.preset.finish
        picture = blended.picture() if needs_plate(blended.raw.geometry, settings) else None
        finished = finish(blended.raw, picture, settings, self.walker.tracker.device, self._edges)
        existing = self.shot.existing(blended.frame)
        if elements == self.shot.ids == existing:
            return finished
        alpha = np.zeros((len(self.shot.ids), *finished.shape[1:]), np.float32)
        for element, plane, place in zip(
            elements, finished, self.shot.plane_indices(elements), strict=True
        ):
            if element in existing:
                alpha[place] = plane
        return alpha

    def _store_matte(self, frame: int, alpha: FloatArray) -> Matte:
        """Lay the locked mattes over a matte and store it."""
        for lock in self.shot.locks_at(frame):
            alpha = alpha.copy()
            alpha[list(self.shot.plane_indices(lock.elements))] = lock.read(frame)
        digest = self.digest(frame)
        alpha.flags.writeable = False  # shared with the store
        self.stores.mattes.put(digest, alpha)
        return Matte(frame, alpha, self.shot.names, digest)

    def _check_frame(self, frame: int) -> int:
        frame = frame_number(frame)
        if frame not in self.shot.range:
            raise UsageError(f"frame {frame} is not in the shot's range {self.shot.range}")
        return frame

    def _out_of_memory(self, reason: str) -> OutOfMemoryError:
        height, width = self.walker.geometry.working
        first_line = reason.strip().splitlines()[0] if reason.strip() else "allocation failed"
        lines, lower = self.preset.tracking.lines, max(LEAST_LINES, height // 2)
        advice = (
            f"lower tracking.lines, now {lines}, to {lower} for example, or set "
            "running.when_memory_runs_out to smaller"
        )
        if lines <= lower:
            advice = (
                f"tracking.lines, {lines}, cannot be lowered: close other programs, or run fewer "
                "jobs at once on this machine"
            )
        return OutOfMemoryError(
            f"memory ran out while tracking {counted(len(self.shot.elements), 'element')} at "
            f"{width}x{height} ({first_line}): {advice}",
            keys=("overrides",) if lines > lower else (),
        )
