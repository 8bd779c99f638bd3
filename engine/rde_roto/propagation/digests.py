"""The digests of everything on the way to a matte, computed without making any of it.

The digest of a memory state covers the state before it and the plate frame that was absorbed. That
of a raw matte, the network's own, covers its state and its plate frame. That of a matte covers its
raw mattes, the finish settings, the revision of the finishing code and the locks; with de-chatter,
also the raw mattes of both neighbours. Nothing is ever invalidated: a changed input gives another
digest, and undo gives the old one back.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock as Mutex

from rde_roto.values.digest import DigestPart, DigestTable, digest_of
from rde_roto.values.errors import InputError, ReplacedError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Span, Stretch

MATTE_REVISION = 3
"""Increase this with every change that alters a delivered matte's pixels: changes of ``matte/`` and
of the file layouts. Mattes on disk from another revision are then made again.
``tests/golden/test_finished_mattes.py`` checks it."""

_MOST_TOGETHER = 4
"""Frames between two memory frames that are read together: as many plates are in memory at once."""

MISSING = "missing"
"""Stands for the digest of a missing plate frame."""


class PlateDigests:
    """A plate's digests, as they were when first computed. Thread-safe."""

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._known = DigestTable()

    def __call__(self, frame: int) -> str:
        """The digest of a frame, ``MISSING`` if the plate lacks it.

        Raises InputError when the frame exists but cannot be read.
        """
        digest = self._known.get(frame)
        if digest is None:
            digest = self._plate.digest(frame) if frame in self._plate.range else MISSING
            self._known.put(frame, digest)
        return digest

    def check(self) -> None:
        """Raise ReplacedError for a frame that was replaced since. One that has gone is no error:
        what was to be made of it is made.
        """
        for frame in self._plate.range:
            if self._known.get(frame) is not None:
                try:
                    self._plate.digest(frame)
                except ReplacedError:
                    raise
                except InputError:
                    continue


class _States:
    """The digests of a span's states, from the first one on."""

    def __init__(self) -> None:
        self.count = 0
        self._digests = DigestTable()

    def __getitem__(self, index: int) -> str:
        digest = self._digests.get(index)
        assert digest is not None, index
        return digest

    def append(self, digest: str) -> None:
        self._digests.put(self.count, digest)
        self.count += 1


class DigestChain:
    """All digests of one shot under one preset and one tracker. Thread-safe.

    Digests of plate frames and states are kept, about twenty bytes a frame; only a new chain sees
    files that changed since. Ids and names of elements enter no digest: a renamed element keeps its
    mattes.

    Args:
        shot: the shot to track.
        preset: its tracking settings enter through ``tracker``, its finish settings here.
        tracker: the tracker's digest (``model.tracker.Tracker.digest``).
        plates: the digests of the shot's plate.
        edges: the digest of what the model learned about the shot's edges, if anything.
    """

    def __init__(
        self,
        shot: Shot,
        preset: Preset,
        tracker: str,
        plates: PlateDigests,
        edges: str | None = None,
    ) -> None:
        self.shot = shot
        self.plates = plates
        self.memory_every = preset.tracking.memory_every
        between = self.memory_every - 1
        self._batches = -(-between // _MOST_TOGETHER)
        self.batch_size = -(-between // self._batches) if between else 0
        """Frames in each batch between two memory frames; the last batch may be padded."""
        learned = (edges,) if edges and preset.finish.edges == "learned" else ()
        self._finish = digest_of(MATTE_REVISION, preset.finish.digest, *learned)
        self._dechatter = preset.finish.dechatter
        self._tracker = tracker
        self._spans: dict[tuple[int, int, int | None], _States] = {}
        self._lock = Mutex()
        self._locks: dict[tuple[int, int], str] = {}

    @property
    def settings(self) -> str:
        """The digest of masks, locks, model and settings: of what mattes are made from besides the
        plate, of which it reads nothing. A lock that is missing fails the frames that need it, not
        this.
        """
        parts: list[DigestPart] = [self._tracker, self._finish, self._dechatter]
        for keyframe in self.shot.ordered:
            drawn = self.shot.drawn_elements(keyframe)
            parts += [keyframe.frame, *drawn, *keyframe.plane_digests]
        for lock in self.shot.locks:
            with suppress(InputError):
                parts.append(lock.digest(lock.frames.first))
        return digest_of("settings", *parts)

    def state(self, span: Span, index: int) -> str:
        """Return the digest of a span's state after ``index`` memory frames; 0 is the keyframe's
        state.
        """
        far = None if span.far is None else span.far.frame
        known = self._spans.setdefault((span.keyframe.frame, span.step, far), _States())
        while known.count <= index:
            # outside the lock: an interactive request must not wait for plates that a batch hashes
            at = known.count
            if at == 0:
                digest = self._first_state(span)
            else:
                plate = self.plates(self.memory_frame(span, at))
                digest = digest_of("state", known[at - 1], plate)
            with self._lock:
                if known.count == at:
                    known.append(digest)
        return known[index]

    def memory_frame(self, span: Span, index: int) -> int:
        """Return the frame of a span's ``index``-th memory frame, counted from 1."""
        return span.keyframe.frame + span.step * self.memory_every * index

    def index(self, span: Span, frame: int) -> int:
        """Return how many memory frames have been absorbed into the state that a frame is read
        from.
        """
        return (span.distance(frame) - 1) // self.memory_every

    def is_memory_frame(self, span: Span, frame: int) -> bool:
        """Return whether a frame of the span is absorbed after it is read."""
        return span.distance(frame) % self.memory_every == 0

    def batch(self, span: Span, frame: int) -> range:
        """The frames of the span, in walking order, that are read together with a frame.

        A memory frame is read alone. Between two memory frames the batches are fixed, because some
        layers give different last bits with another batch size.
        """
        if self.is_memory_frame(span, frame):
            return range(frame, frame + span.step, span.step)
        memory_frame = self.memory_frame(span, self.index(span, frame))
        first = (abs(frame - memory_frame) - 1) // self.batch_size * self.batch_size
        stop = min(first + self.batch_size, self.memory_every - 1)
        before = memory_frame + span.step
        return range(before + span.step * first, before + span.step * stop, span.step)

    def raw(self, span: Span, frame: int) -> str:
        """Return the digest of a frame's raw matte in this span."""
        state = self.state(span, self.index(span, frame))
        in_parts = self._batches > 1 and not self.is_memory_frame(span, frame)
        return digest_of("raw", state, self.plates(frame), *((self.batch_size,) * in_parts))

    def matte(self, frame: int) -> str:
        """Return the digest of a frame's matte. Raises InputError for an unreadable plate frame."""
        parts: list[DigestPart] = []
        for number, lock in enumerate(self.shot.locks):
            if frame in lock.frames:
                if (number, frame) not in self._locks:
                    self._locks[number, frame] = lock.digest(frame)
                parts += [str(self.shot.plane_indices(lock.elements)), self._locks[number, frame]]
        if not parts:
            return self._tracked(frame)
        below = None if self.shot.is_locked(frame) else self._tracked(frame)
        return digest_of("locked", *parts, below)

    def _tracked(self, frame: int) -> str:
        keyframe = self.shot.keyframe_at(frame)
        if keyframe is not None:
            return digest_of("keyframe", *self._planes(keyframe, self.shot.ids), self._finish)
        stretch = self.shot.stretch_at(frame)
        own = self._raws(stretch, frame)
        near = self.shot.neighbours(frame) if self._dechatter else ()
        if not near:
            return digest_of("matte", *own, self._finish)
        neighbours = (self._neighbour(stretch, neighbour) for neighbour in near)
        return digest_of("steadied", *own, *neighbours, self._dechatter, self._finish)

    def _raws(self, stretch: Stretch, frame: int) -> list[DigestPart]:
        """What a frame's matte is made from before it is finished."""
        parts: list[DigestPart] = [self._existing(frame)]
        for span in stretch.spans:
            # the position between the keyframes decides the weight of each pass
            distance = span.distance(frame) if len(stretch.spans) > 1 else None
            parts += [self.raw(span, frame), distance]
        return parts

    def _neighbour(self, stretch: Stretch, frame: int) -> str:
        """The digest of a frame as the neighbour of another; it may be the stretch's keyframe."""
        keyframe = self.shot.keyframe_at(frame)
        if keyframe is None:
            return digest_of("neighbour", *self._raws(stretch, frame))
        planes = self._planes(keyframe, stretch.spans[0].elements)
        return digest_of("neighbour", self._existing(frame), self.plates(frame), *planes)

    def _existing(self, frame: int) -> str:
        """Which planes of a matte are not empty, and how many there are if that are not all."""
        existing, count = self.shot.existing(frame), len(self.shot.ids)
        planes = str(self.shot.plane_indices(existing))
        return planes if len(existing) == count else f"{planes} of {count}"

    def _first_state(self, span: Span) -> str:
        anchors: list[DigestPart] = []
        for keyframe in (span.keyframe, span.far):
            if keyframe is not None:
                anchors += [self.plates(keyframe.frame), *self._planes(keyframe, span.elements)]
        return digest_of("span", self._tracker, span.step, *anchors)

    def _planes(self, keyframe: Keyframe, elements: tuple[str, ...]) -> list[DigestPart]:
        """What each element's mask at a keyframe is made from: None if it does not exist there."""
        drawn = dict(zip(self.shot.drawn_elements(keyframe), keyframe.plane_digests, strict=True))
        known = self.shot.known_elements(keyframe)
        carrying = self.shot.carrying_span(keyframe)
        parts: list[DigestPart] = []
        for element in elements:
            if element in drawn or element not in known or carrying is None:
                parts.append(drawn.get(element))
            else:
                plane = carrying.elements.index(element)
                parts.append(digest_of("carried beside", self.raw(carrying, keyframe.frame), plane))
        return parts
