"""The roto node: any frame of a shot, in any order, with the same pixels.

A frame is named first, by a digest of all that its pixels depend on (``propagation.digests``),
without touching one. Its raw matte, the network's own, comes from the store or is propagated from
the nearest stored state (``propagation.walker``). Between two keyframes that is done from both, the
two are blended, and on request steadied beside their neighbours (``propagation.stretches``). The
raw matte is finished at plate size (``matte.finish``), and locks are laid over it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import filterfalse
from typing import Any

import numpy as np

from rde_roto.matte.finish import finish, finish_keyframe, looks_at_plate
from rde_roto.model.devices import choose_device, tells_of_memory
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.tracker import Tracker
from rde_roto.model.weights import Model
from rde_roto.propagation.digests import Chain, PlateDigests
from rde_roto.propagation.stretches import BlendedMatte, BlendedMattes
from rde_roto.propagation.walker import Walker
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import OutOfMemoryError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import LEAST_LINES, Preset, Tracking
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Stretch

IsKept = Callable[[int, str], bool]
"""Whether the matte of a frame is there already under this digest."""


def _nothing_is_kept(_frame: int, _digest: str) -> bool:
    return False


class RotoNode:
    """The mattes of a shot. An edit makes another node, which finds all that still holds.

    ``digest`` and ``stored`` may be asked from any thread; what makes pixels, from one at a time.

    Args:
        shot: plate, elements, keyframes (at least one) and locks.
        preset: tracking, finish and running.
        load: makes the tracker for given settings: ``propagator.tracker_of(model, device)``.
        stores: where states and mattes are kept; in RAM alone when left out.
        plates: what an earlier node knows of the plate's digests.

    Raises UsageError for a shot without a keyframe.
    """

    def __init__(
        self,
        shot: Shot,
        preset: Preset,
        load: Callable[[Tracking], Tracker[Any, Any]],
        stores: Stores | None = None,
        plates: PlateDigests | None = None,
    ) -> None:
        if not shot.keyframes:
            raise UsageError(f"{shot.plate.name} has no keyframe: paint a mask of one frame")
        self.shot = shot
        self.preset = preset
        self.stores = stores or Stores.in_ram()
        self._load = load
        plate = shot.plate
        tracker = load(preset.tracking).for_plate(plate.format.pixel_aspect, plate.input_transform)
        self.chain = Chain(shot, preset, tracker.digest, plates or PlateDigests(shot.plate))
        self.walker = Walker(self.chain, tracker, self.stores, preset.running.snapshot_every)
        self._tracks = BlendedMattes(self.walker, preset.finish.dechatter)

    @classmethod
    def open(cls, shot: Shot, preset: Preset, model: Model, device: str = "auto") -> RotoNode:
        """A node on a device of this machine, which keeps what it makes in the user's cache.

        Raises UsageError for a device that cannot be used.
        """
        load = tracker_of(model, choose_device(device))
        return cls(shot, preset, load, open_stores(CacheSettings.from_environment()))

    def edited(self, shot: Shot | None = None, preset: Preset | None = None) -> RotoNode:
        """A node for another shot or preset; plates that it has hashed are not hashed again."""
        shot = shot or self.shot
        plates = self.chain.plates if shot.plate is self.shot.plate else None
        return RotoNode(shot, preset or self.preset, self._load, self.stores, plates)

    def smaller(self) -> RotoNode | None:
        """The node to go on with when memory has run out; None where the preset says to stop."""
        preset = self.preset.smaller()
        return None if preset is None else self.edited(preset=preset)

    def digest(self, frame: int) -> str:
        """The name of all that a frame's matte is made from; no pixel is touched.

        Raises UsageError for a frame out of range, InputError for an unreadable plate.
        """
        return self.chain.matte(self._asked(frame))

    def stored(self, frame: int) -> Matte | None:
        """A frame's matte if it is in RAM, finished."""
        digest = self.digest(frame)
        kept = self.stores.mattes.get(digest)
        return None if kept is None else Matte(frame, kept.planes, self.shot.names, digest)

    def is_made(self, frame: int) -> bool:
        """Whether a frame's matte takes no step of the network any more, or never did.

        Where it is de-chattered, the frames beside it may take some. Any thread may ask. Raises as
        ``digest`` does.
        """
        keyframe = self.shot.keyframe_at(self._asked(frame))
        if self.shot.is_locked(frame):
            return True
        if keyframe is None:
            spans = self.shot.stretch_at(frame).spans
        else:
            carrying = self.shot.carrying(keyframe)
            spans = () if carrying is None else (carrying,)
        return all(self.chain.raw(span, frame) in self.stores.raws for span in spans)

    def matte(self, frame: int, cancel: Cancel = never) -> Matte:
        """The matte of one frame. Raises as ``render`` does."""
        stored = self.stored(frame)
        if stored is not None:
            return stored
        (matte,) = self.render(FrameRange.of([frame]), cancel=cancel)
        return matte

    def render(
        self,
        frames: FrameRange | None = None,
        is_kept: IsKept = _nothing_is_kept,
        cancel: Cancel = never,
    ) -> Generator[Matte, None, None]:
        """The mattes of some frames, of the whole range by default, but for those that are kept.

        Locked frames come first, then keyframes, then each stretch in walking order. ``is_kept``
        is asked from another thread too.

        Raises UsageError for a frame out of range; InputError when a plate cannot be read, after
        all before it was handed out; OutOfMemoryError, which says which setting needs less;
        CancelledError between two steps once ``cancel()`` is true.
        """
        asked = self.shot.range if frames is None else frames
        for frame in asked.difference(self.shot.range):
            self._asked(frame)

        def wanted(frames: Iterable[int]) -> Iterator[int]:
            return (frame for frame in frames if not is_kept(frame, self.digest(frame)))

        try:
            yield from map(self._locked, wanted(filter(self.shot.is_locked, asked)))
            for keyframe in self.shot.ordered:
                if keyframe.frame in asked and not self.shot.is_locked(keyframe.frame):
                    for _ in wanted([keyframe.frame]):
                        yield self._keyframe(keyframe, cancel)
            for stretch in self.shot.stretches:
                span = stretch.spans[0]
                on_the_way = asked.walk(span.keyframe.frame + span.step, span.stop)
                free = filterfalse(self.shot.is_locked, on_the_way)
                yield from self._tracked(stretch, wanted(free), cancel)
        except (MemoryError, RuntimeError) as error:
            if not tells_of_memory(error):
                raise
            raise OutOfMemoryError(self._how_to_need_less(str(error))) from error

    def _locked(self, frame: int) -> Matte:
        """A frame of which every element is locked: nothing is tracked for it."""
        window = self.shot.plate.format.data
        return self._delivered(frame, np.zeros((len(self.shot.ids), *window.shape), np.float32))

    def _keyframe(self, keyframe: Keyframe, cancel: Cancel) -> Matte:
        """The artist's pixels, under the artist's own knobs; what is not drawn, as tracked."""
        mask = self.walker.mask(keyframe, self.shot.ids, cancel)
        alpha = finish_keyframe(mask, self.preset.finish)
        carrying = self.shot.carrying(keyframe)
        carried = set(carrying.elements if carrying else ()).difference(self.shot.drawn(keyframe))
        if carrying is not None and carried:
            track = self._tracks.at(carrying, keyframe.frame, cancel)
            places = list(self.shot.places(tuple(carried)))
            alpha[places] = self._finished(track, carrying.elements)[places]
        return self._delivered(keyframe.frame, alpha)

    def _tracked(self, stretch: Stretch, frames: Iterable[int], cancel: Cancel) -> Iterator[Matte]:
        """The mattes of some frames of a stretch, in the walking order of its first span."""
        elements = stretch.spans[0].elements
        for track in self._tracks.of(stretch, frames, cancel):
            yield self._delivered(track.frame, self._finished(track, elements))

    def _finished(self, track: BlendedMatte, elements: tuple[str, ...]) -> FloatArray:
        """A raw matte of some elements as one of all, [K, H, W] at plate size.

        Those that do not exist yet are empty.
        """
        settings = self.preset.finish
        picture = track.picture() if looks_at_plate(track.raw.geometry, settings) else None
        finished = finish(track.raw, picture, settings)
        alpha = np.zeros((len(self.shot.ids), *finished.shape[1:]), np.float32)
        existing = self.shot.existing(track.frame)
        for element, plane, place in zip(
            elements, finished, self.shot.places(elements), strict=True
        ):
            if element in existing:
                alpha[place] = plane
        return alpha

    def _delivered(self, frame: int, alpha: FloatArray) -> Matte:
        """The matte with its locks laid over it, stored."""
        for lock in self.shot.locks_at(frame):
            alpha = alpha.copy()
            alpha[list(self.shot.places(lock.elements))] = lock.read(frame)
        digest = self.digest(frame)
        alpha.flags.writeable = False  # the store has it too
        self.stores.mattes.put(digest, alpha)
        return Matte(frame, alpha, self.shot.names, digest)

    def _asked(self, frame: int) -> int:
        if frame not in self.shot.range:
            raise UsageError(f"frame {frame} is not in the shot's range {self.shot.range}")
        return frame

    def _how_to_need_less(self, reason: str) -> str:
        height, width = self.walker.geometry.working
        first_line = reason.strip().splitlines()[0] if reason.strip() else "allocation failed"
        return (
            f"memory ran out while tracking {len(self.shot.elements)} element(s) at "
            f"{width}x{height} ({first_line}): lower tracking.lines, now "
            f"{self.preset.tracking.lines}, for example with --set "
            f"tracking.lines={max(LEAST_LINES, height // 2)}, or set "
            "running.when_memory_runs_out=smaller"
        )
